//! The one writer: opened when there is something to write, and given up when there has been nothing for a while, or when
//! another process waits for it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jobapp_gigs::{GigId, IndexChange, SearchError};
use jobapp_kernel::Version;
use tantivy::indexer::{IndexWriterOptions, LogMergePolicy};
use tantivy::{Index, IndexWriter};

use crate::error::{file_error, search_error};
use crate::folder::Live;
use crate::queries::Asked;
use crate::schema::{FORM, document, id_term, register_words};
use crate::shared::Shared;
use crate::turn::{Next, PATIENCE, Turn};

/// The least that the engine takes.
const HEAP: usize = 15_000_000;
/// From this part of deleted gigs on, a segment is written anew.
const MOST_DELETED: f32 = 0.3;
/// How long the writer is kept while others wait for it: it costs something to open.
pub(crate) const TURN: Duration = Duration::from_millis(25);

/// The place of the writer.
#[derive(Default)]
pub(crate) struct Slot {
    open: Option<Open>,
    /// How often something was written: tells whether the writer was idle.
    pub(crate) uses: u64,
    /// Whether everything was forgotten and nobody told yet. A rebuild that was given up leaves it so.
    anew: bool,
}

/// A writer that is open.
struct Open {
    writer: IndexWriter,
    /// What it writes to.
    live: Arc<Live>,
    next: Next,
    since: Instant,
}

impl Slot {
    pub(crate) const fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Whether another process waits for the writer.
    pub(crate) fn is_awaited(&self, shared: &Shared) -> bool {
        let is_awaited = self.open.as_ref().is_some_and(|open| open.next.is_waiting());
        if is_awaited {
            shared.note_sharing();
        }
        is_awaited
    }

    /// Writes what is news. After a failure nothing of it is known, and the next one begins with a new writer.
    pub(crate) fn apply(&mut self, shared: &Shared, changes: Vec<IndexChange>) -> Result<(), SearchError> {
        self.uses += 1;
        self.drop_half_built();
        let live = whole(shared.latest()?)?;
        let news = shared.guarded(&live, || news(&live, changes))?;
        if news.is_empty() {
            return Ok(());
        }
        let was_open = self.is_open();
        let live = self.ready(shared)?;
        // Until the writer was open others may have written.
        let news = if was_open { news } else { shared.guarded(&live, || self::news(&live, news))? };
        if !news.is_empty() {
            self.writing(shared, &live, |writer| {
                for change in &news {
                    writer.delete_term(id_term(live.fields, &change.id));
                    writer.add_document(document(
                        live.fields,
                        &change.id,
                        change.version,
                        change.document.as_deref(),
                    ))?;
                }
                commit(writer, live.is_complete())
            })?;
            self.tell(shared, &live)?;
        }
        self.give_way(shared)
    }

    /// Forgets everything, without telling anybody before [`Slot::finish`].
    pub(crate) fn begin_anew(&mut self, shared: &Shared) -> Result<(), SearchError> {
        self.uses += 1;
        if shared.is_damaged()? {
            self.abandon();
            shared.replace_damaged()?;
        } else {
            // With a new writer: one that is given up half-way has nothing under way then that others could see.
            self.close(shared)?;
        }
        let live = self.ready(shared)?;
        self.anew = true;
        self.writing(shared, &live, |writer| writer.delete_all_documents().map(drop))
    }

    /// Adds gigs that are not there, without telling anybody before [`Slot::finish`].
    pub(crate) fn add(&mut self, shared: &Shared, gigs: &[IndexChange]) -> Result<(), SearchError> {
        let live = self.begun(shared)?;
        self.writing(shared, &live, |writer| {
            for gig in gigs {
                writer.add_document(document(live.fields, &gig.id, gig.version, gig.document.as_deref()))?;
            }
            Ok(())
        })
    }

    /// Tells everybody of everything that was added.
    pub(crate) fn finish(&mut self, shared: &Shared) -> Result<(), SearchError> {
        let live = self.begun(shared)?;
        self.writing(shared, &live, |writer| commit(writer, true))?;
        self.anew = false;
        self.tell(shared, &live)
    }

    /// Gives up the writer, its memory and what was not told yet.
    pub(crate) fn abandon(&mut self) {
        let half_built = std::mem::take(&mut self.anew);
        if let Some(open) = self.open.take()
            && !half_built
        {
            // It would let others in while it still puts away what was merged, and take that from under them.
            if let Err(error) = open.writer.wait_merging_threads() {
                tracing::debug!(%error, "the writer of the search index did not end well");
            }
        }
    }

    fn drop_half_built(&mut self) {
        if self.anew {
            self.abandon();
        }
    }

    /// Gives up the writer and its memory once its background work is done.
    pub(crate) fn close(&mut self, shared: &Shared) -> Result<(), SearchError> {
        self.drop_half_built();
        if let Some(open) = self.open.take() {
            open.writer.wait_merging_threads().map_err(search_error)?;
            // Merged segments take the place of those they were made of; without this the old ones stay mapped.
            shared.latest()?;
        }
        Ok(())
    }

    /// Lets another process write, if one waits and this one had its turn.
    fn give_way(&mut self, shared: &Shared) -> Result<(), SearchError> {
        let had_turn = self.open.as_ref().is_some_and(|open| open.since.elapsed() >= TURN);
        if had_turn && self.is_awaited(shared) { self.close(shared) } else { Ok(()) }
    }

    /// Opens the writer, after those of other processes.
    fn ready(&mut self, shared: &Shared) -> Result<Arc<Live>, SearchError> {
        let live = whole(shared.latest()?)?;
        if self.open.as_ref().is_some_and(|open| Arc::ptr_eq(&open.live, &live)) {
            return Ok(live);
        }
        self.abandon();
        let turn = Turn::take(&shared.folder, PATIENCE).map_err(file_error)?;
        if turn.waited {
            shared.note_sharing();
        }
        let live = whole(shared.latest()?)?;
        let writer = shared.guarded(&live, || open(&shared.folder).map_err(search_error))?;
        let next = turn.pass_on().map_err(file_error)?;
        self.open = Some(Open { writer, live: Arc::clone(&live), next, since: Instant::now() });
        Ok(live)
    }

    /// The index that is being built anew.
    fn begun(&mut self, shared: &Shared) -> Result<Arc<Live>, SearchError> {
        let live = shared.latest()?;
        match &self.open {
            Some(open) if self.anew && Arc::ptr_eq(&open.live, &live) => Ok(live),
            _ => {
                self.abandon();
                Err(replaced())
            }
        }
    }

    /// Lets searches of this process know what was written.
    fn tell(&mut self, shared: &Shared, written: &Arc<Live>) -> Result<(), SearchError> {
        if Arc::ptr_eq(&shared.latest()?, written) { Ok(()) } else { Err(replaced()) }
    }

    fn writing(
        &mut self,
        shared: &Shared,
        live: &Live,
        write: impl FnOnce(&mut IndexWriter) -> tantivy::Result<()>,
    ) -> Result<(), SearchError> {
        let Some(open) = &mut self.open else { return Err(replaced()) };
        let written = shared.guarded(live, || write(&mut open.writer).map_err(search_error));
        if written.is_err() {
            self.abandon();
        }
        written
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.abandon();
    }
}

fn whole(live: Arc<Live>) -> Result<Arc<Live>, SearchError> {
    if live.is_damaged() {
        return Err(SearchError::Damaged("it has to be built anew before it can be changed".into()));
    }
    Ok(live)
}

fn replaced() -> SearchError {
    SearchError::unavailable("another index took its place while it was written to")
}

/// Opens a writer when it is this process's turn. It knows the files of all processes: an index that was opened before would forget
/// those of others, so that nobody removed them.
fn open(folder: &Path) -> tantivy::Result<IndexWriter> {
    let options =
        IndexWriterOptions::builder().memory_budget_per_thread(HEAP).num_worker_threads(1).num_merge_threads(1).build();
    let index = Index::open_in_dir(folder)?;
    register_words(&index);
    let writer = index.writer_with_options(options)?;
    let mut merging = LogMergePolicy::default();
    merging.set_del_docs_ratio_before_merge(MOST_DELETED);
    writer.set_merge_policy(Box::new(merging));
    // A process that was killed may have left a file with the very name that the next one is about to make.
    writer.garbage_collect_files().wait()?;
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
