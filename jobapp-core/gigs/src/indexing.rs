//! Keeping the index current: what is stored is what it shall know.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use futures::{StreamExt, TryStreamExt, stream};
use jobapp_kernel::{Repository, RepositoryError, Version};

use crate::gig::{Gig, GigId};
use crate::ports::{EveryGig, IndexChange, SearchError, SearchIndex};
use crate::query::SearchDocument;

/// How many gigs are read at a time.
const READ_AT_ONCE: usize = 500;
/// How many gigs are asked for at the same time.
const ASKED_AT_ONCE: usize = 16;

/// Every gig of a store.
pub struct StoredGigs {
    gigs: Arc<dyn Repository<Gig>>,
    after: Option<GigId>,
}

impl StoredGigs {
    /// Every gig of this store.
    pub fn of(gigs: Arc<dyn Repository<Gig>>) -> Self {
        Self { gigs, after: None }
    }
}

#[async_trait]
impl EveryGig for StoredGigs {
    async fn next(&mut self) -> Result<Vec<IndexChange>, RepositoryError> {
        let stored = self.gigs.scan(self.after.as_ref(), READ_AT_ONCE).await?;
        if let Some(last) = stored.last() {
            self.after = Some(last.value.listing().id);
        }
        Ok(stored.iter().map(|stored| change(stored.value.listing().id, stored.version, Some(&stored.value))).collect())
    }
}

fn change(id: GigId, version: Version, gig: Option<&Gig>) -> IndexChange {
    let document = gig.map(|gig| Box::new(SearchDocument::from(gig.listing())));
    IndexChange { id, version, document }
}

/// Takes the news of gigs into the index.
///
/// News are only hints: the gig is read from the store, so that the index ends up with what is stored, however late, often or
/// wrongly ordered they come.
#[derive(Clone)]
pub struct Indexer {
    gigs: Arc<dyn Repository<Gig>>,
    index: Arc<dyn SearchIndex>,
}

impl Indexer {
    /// Keeps this index like this store.
    pub fn new(gigs: Arc<dyn Repository<Gig>>, index: Arc<dyn SearchIndex>) -> Self {
        Self { gigs, index }
    }

    /// These gigs changed, to these versions or newer ones. Once this returns, searches know.
    ///
    /// # Errors
    /// When the store or the index fails; telling again is safe.
    pub async fn changed(&self, news: &[(GigId, Version)]) -> Result<(), SearchError> {
        let mut newest: BTreeMap<GigId, Version> = BTreeMap::new();
        for (id, version) in news {
            let known = newest.entry(*id).or_default();
            *known = (*known).max(*version);
        }
        let read = newest.into_iter().map(|(id, told)| async move {
            let stored = self.gigs.find(&id).await?;
            Ok::<_, RepositoryError>(match stored {
                Some(stored) => change(id, stored.version, Some(&stored.value)),
                None => change(id, told, None),
            })
        });
        let changes: Vec<IndexChange> = stream::iter(read).buffer_unordered(ASKED_AT_ONCE).try_collect().await?;
        self.index.apply(changes).await
    }

    /// Whether the index must be built anew.
    ///
    /// # Errors
    /// When the index cannot tell.
    pub async fn needs_rebuild(&self) -> Result<bool, SearchError> {
        self.index.needs_rebuild().await
    }

    /// Builds the index anew if it must be. Returns how many gigs it has then, and `None` when it needed nothing.
    ///
    /// # Errors
    /// When the store or the index fails; trying again is safe.
    pub async fn heal(&self) -> Result<Option<usize>, SearchError> {
        if !self.needs_rebuild().await? {
            return Ok(None);
        }
        self.rebuild(&|_| {}).await.map(Some)
    }

    /// Builds the index anew from the store. Searches go on meanwhile. Returns how many gigs it has.
    ///
    /// # Errors
    /// When the store or the index fails; the index is as before then.
    pub async fn rebuild(&self, progress: &(dyn Fn(usize) + Send + Sync)) -> Result<usize, SearchError> {
        let mut gigs = StoredGigs::of(Arc::clone(&self.gigs));
        self.index.rebuild(&mut gigs, progress).await
    }
}
