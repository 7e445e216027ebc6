//! What gigs need of the world: a search index, and which category a user looked at.

use std::error::Error;

use async_trait::async_trait;
use jobapp_kernel::{ErrorKind, Kinded, RepositoryError, Version};

use crate::gig::GigId;
use crate::query::{SearchDocument, SearchQuery};

/// What a search found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Hits {
    /// How many gigs there are, on all pages: at most [`crate::MOST_HITS`].
    pub total: usize,
    /// The gigs of the page.
    pub gigs: Vec<GigId>,
}

/// Why the index could not answer or be changed.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// It does not know all gigs yet, or no longer.
    #[error("the search index is being built")]
    Incomplete,
    /// What is stored of it cannot be read; it must be built anew.
    #[error("the search index is damaged")]
    Damaged(#[source] Box<dyn Error + Send + Sync>),
    /// It is away, full or busy.
    #[error("the search index is away")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    /// It takes none of these gigs, now or later, for the reasons it told; of what it was told, it has all others.
    #[error("the search index does not take {}: {}", .0.first().map(|(gig, _)| gig.to_string()).unwrap_or_default(), .0.first().map_or("", |(_, reason)| reason))]
    Refused(Vec<(GigId, String)>),
    /// The gigs to build it from could not be read.
    #[error("the search index could not be built from the store")]
    Source(#[from] RepositoryError),
}

impl SearchError {
    /// The index is away because of `source`.
    pub fn unavailable(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Unavailable(source.into())
    }
}

impl Kinded for SearchError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Incomplete | Self::Damaged(_) | Self::Unavailable(_) => ErrorKind::Unavailable,
            Self::Refused(_) => ErrorKind::Invalid,
            Self::Source(error) => error.kind(),
        }
    }
}

/// Finds gigs. What is found may have changed since, so callers read the gigs from their store.
#[async_trait]
pub trait GigSearch: Send + Sync {
    /// The page a query asks for, in ascending order of sort ids.
    async fn search(&self, query: &SearchQuery) -> Result<Hits, SearchError>;

    /// The newest gigs of a category, newest first; of all categories when it is `None` or has no words.
    async fn by_category(&self, category: Option<&str>, limit: usize) -> Result<Hits, SearchError>;

    /// The gigs of a category that got five stars from everybody who rated them, and were rated: most rated first, then newest.
    async fn top_rated(&self, category: Option<&str>, limit: usize) -> Result<Hits, SearchError>;

    /// Other gigs that share words with this one, most alike first.
    async fn similar(&self, gig: &SearchDocument, limit: usize) -> Result<Hits, SearchError>;
}

/// News of one gig for the index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexChange {
    /// The gig.
    pub id: GigId,
    /// Its version. Older ones are ignored, so changes may come twice and in any order.
    pub version: Version,
    /// What it is now; `None` once it is deleted.
    pub document: Option<Box<SearchDocument>>,
}

/// Gives every stored gig, some at a time.
#[async_trait]
pub trait EveryGig: Send {
    /// The next ones; none at the end.
    async fn next(&mut self) -> Result<Vec<IndexChange>, RepositoryError>;
}

/// How much an index holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Extent {
    /// How many gigs can be found.
    pub listed: u64,
    /// How many gigs it knows. Paused and deleted ones are among them: that they are so must not be forgotten.
    pub known: u64,
    /// What tells this build of the index from those before and after it, where they have names.
    pub generation: Option<String>,
}

/// Keeps the index current.
#[async_trait]
pub trait SearchIndex: Send + Sync {
    /// Takes changes in. Once this returns they are found, and are still there after a crash. One that it will never take keeps no other
    /// back: [`SearchError::Refused`] names those.
    async fn apply(&self, changes: Vec<IndexChange>) -> Result<(), SearchError>;

    /// Whether it must be built from the store: it is new, of an old form, or damaged.
    async fn needs_rebuild(&self) -> Result<bool, SearchError>;

    /// How much it holds; nothing while there is none.
    async fn extent(&self) -> Result<Extent, SearchError>;

    /// Replaces everything by these gigs in one step: until it ends, searches find what they found before. Returns how many
    /// there are, and tells `progress` every now and then. Gigs that it will never take are left out, and told in the log.
    async fn rebuild(
        &self,
        gigs: &mut dyn EveryGig,
        progress: &(dyn Fn(usize) + Send + Sync),
    ) -> Result<usize, SearchError>;
}

/// Which category a user looked at last.
#[async_trait]
pub trait SelectedCategories: Send + Sync {
    /// The category, as the browser sent it; `None` when the user chose none yet.
    async fn of(&self, username: &str) -> Result<Option<String>, SearchError>;

    /// Remembers the category.
    async fn select(&self, username: &str, category: &str) -> Result<(), SearchError>;
}
