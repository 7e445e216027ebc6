//! The one writer: opened when there is something to write, and given up when there has been nothing for a while.

use jobapp_gigs::{GigId, IndexChange, SearchError};
use jobapp_kernel::Version;
use std::collections::BTreeMap;
use tantivy::IndexWriter;
use tantivy::indexer::{IndexWriterOptions, LogMergePolicy};

use crate::error::search_error;
use crate::folder::Live;
use crate::queries::Asked;
use crate::schema::{FORM, document, id_term};

/// The least that the engine takes.
const HEAP: usize = 15_000_000;
/// From this part of deleted gigs on, a segment is written anew.
const MOST_DELETED: f32 = 0.3;

/// The place of the writer.
#[derive(Default)]
pub(crate) struct Slot {
    writer: Option<IndexWriter>,
    /// How often something was written: tells whether the writer was idle.
    pub(crate) uses: u64,
    /// Whether everything was forgotten and nobody told yet. A rebuild that was given up leaves it so.
    anew: bool,
}

impl Slot {
    pub(crate) const fn is_open(&self) -> bool {
        self.writer.is_some()
    }

    /// Writes what is news. After a failure nothing of it is known, and the next one begins with a new writer.
    pub(crate) fn apply(&mut self, live: &Live, complete: bool, changes: Vec<IndexChange>) -> Result<(), SearchError> {
        self.uses += 1;
        self.drop_half_built();
        let news = news(live, changes)?;
        if news.is_empty() {
            return Ok(());
        }
        self.writing(live, |writer| {
            for change in &news {
                writer.delete_term(id_term(live.fields, &change.id));
                writer.add_document(document(live.fields, &change.id, change.version, change.document.as_deref()))?;
            }
            commit(writer, complete)
        })?;
        live.reader.reload().map_err(search_error)
    }

    /// Forgets everything, without telling anybody before [`Slot::finish`].
    pub(crate) fn begin_anew(&mut self, live: &Live) -> Result<(), SearchError> {
        self.uses += 1;
        self.drop_half_built();
        self.anew = true;
        self.writing(live, |writer| writer.delete_all_documents().map(drop))
    }

    /// Adds gigs that are not there, without telling anybody before [`Slot::finish`].
    pub(crate) fn add(&mut self, live: &Live, gigs: &[IndexChange]) -> Result<(), SearchError> {
        self.writing(live, |writer| {
            for gig in gigs {
                writer.add_document(document(live.fields, &gig.id, gig.version, gig.document.as_deref()))?;
            }
            Ok(())
        })
    }

    /// Tells everybody of everything that was added.
    pub(crate) fn finish(&mut self, live: &Live) -> Result<(), SearchError> {
        self.writing(live, |writer| commit(writer, true))?;
        self.anew = false;
        live.reader.reload().map_err(search_error)
    }

    /// Gives up the writer, its memory and what was not told yet.
    pub(crate) fn abandon(&mut self) {
        self.writer = None;
        self.anew = false;
    }

    fn drop_half_built(&mut self) {
        if self.anew {
            self.abandon();
        }
    }

    /// Gives up the writer and its memory once its background work is done.
    pub(crate) fn close(&mut self, live: &Live) -> Result<(), SearchError> {
        self.drop_half_built();
        if let Some(writer) = self.writer.take() {
            writer.wait_merging_threads().map_err(search_error)?;
            // Merged segments take the place of those they were made of; without this the old ones stay mapped.
            live.reader.reload().map_err(search_error)?;
        }
        Ok(())
    }

    fn writing(
        &mut self,
        live: &Live,
        write: impl FnOnce(&mut IndexWriter) -> tantivy::Result<()>,
    ) -> Result<(), SearchError> {
        let writer = match &mut self.writer {
            Some(writer) => writer,
            None => self.writer.insert(open(live).map_err(search_error)?),
        };
        write(writer).map_err(|error| {
            self.abandon();
            search_error(error)
        })
    }
}

fn open(live: &Live) -> tantivy::Result<IndexWriter> {
    let options =
        IndexWriterOptions::builder().memory_budget_per_thread(HEAP).num_worker_threads(1).num_merge_threads(1).build();
    let writer = live.index.writer_with_options(options)?;
    let mut merging = LogMergePolicy::default();
    merging.set_del_docs_ratio_before_merge(MOST_DELETED);
    writer.set_merge_policy(Box::new(merging));
    Ok(writer)
}

fn commit(writer: &mut IndexWriter, complete: bool) -> tantivy::Result<()> {
    let mut prepared = writer.prepare_commit()?;
    if complete {
        prepared.set_payload(FORM);
    }
    prepared.commit().map(drop)
}

/// The newest change of each gig, if it is newer than what is known.
fn news(live: &Live, changes: Vec<IndexChange>) -> Result<Vec<IndexChange>, SearchError> {
    let mut newest: BTreeMap<GigId, IndexChange> = BTreeMap::new();
    for change in changes {
        if newest.get(&change.id).is_none_or(|known| known.version < change.version) {
            newest.insert(change.id, change);
        }
    }
    let asked = Asked::new(live.reader.searcher(), live.fields);
    let mut news = Vec::new();
    for change in newest.into_values() {
        let known: Option<Version> = asked.version_of(&change.id)?;
        if known.is_none_or(|known| known < change.version) {
            news.push(change);
        }
    }
    Ok(news)
}
