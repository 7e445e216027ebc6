//! Gig search on Elasticsearch, for any number of gig processes on any number of machines; and, apart from it, a [`LogShipper`] that takes
//! log lines there.
//!
//! [`ElasticSearch::open`] connects to nothing: the servers are asked when there is something to ask. While none of them answers, every
//! call fails at once, and whoever searches answers from the store; a node is asked again in the background, never by a search that would
//! have to wait for it.
//!
//! Words are those of the core, as in every other index: no analyzer of the server has a say in them, so that the same search finds the
//! same gigs wherever it runs.
//!
//! | name | what it is |
//! |---|---|
//! | `<index>-v<form>-<32 digits>` | an index. Its form is in its name: processes of different versions never take each other's for their own |
//! | `<index>-v<form>` | the alias of the index that is searched. There is one if, and only if, that index knows every gig |
//! | `<index>-v<form>-building` | the alias of the index that is being built. Whoever has news writes them to both |
//!
//! A document holds its gig's version as its own (`version_type=external`), so that older news change nothing, in whatever order they come.
//! Paused and deleted gigs stay as a document that says no more than their version: the server itself forgets deletions after a minute. A
//! rebuild leaves out those that are gone. News that come later still are harmless, since `jobapp_gigs::Indexer` reads the store.

mod bulk;
mod client;
mod config;
mod error;
mod form;
mod logs;
mod nodes;
mod queries;
mod rebuild;
mod searching;
mod seen;
mod tls;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use jobapp_gigs::{
    EveryGig, Extent, GigSearch, Hits, IndexChange, SearchDocument, SearchError, SearchIndex, SearchQuery,
};

use client::Client;
pub use config::{ElasticConfig, ElasticConfigError};
pub use error::ElasticError;
use form::Names;
pub use logs::{LogCounts, LogLimits, LogLines, LogShipper};
use seen::Seen;

/// How often news are written again because an index took the place of another meanwhile.
const TRIES: usize = 5;

/// The gig index on Elasticsearch. A clone is another handle.
#[derive(Clone)]
pub struct ElasticSearch(Arc<Inner>);

struct Inner {
    client: Client,
    names: Names,
    config: ElasticConfig,
}

impl fmt::Debug for ElasticSearch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ElasticSearch").field("config", &self.0.config).finish_non_exhaustive()
    }
}

impl ElasticSearch {
    /// The index at these servers, which need not be there yet.
    pub fn open(config: ElasticConfig) -> Self {
        let client = Client::new(&config);
        Self(Arc::new(Inner { client, names: Names::new(&config.index), config }))
    }

    /// Asks the servers whether one is there and knows us.
    ///
    /// # Errors
    /// [`ElasticError`] when none does.
    pub async fn ping(&self) -> Result<(), ElasticError> {
        self.0.client.get("answer", "/").await.map(drop)
    }

    /// The nodes that do not answer, each with the reason: they are passed over until they do.
    pub fn silent_nodes(&self) -> Vec<String> {
        self.0.client.silent_nodes()
    }
}

impl Inner {
    async fn seen(&self) -> Result<Seen, ElasticError> {
        Seen::look(&self.client, &self.names).await
    }

    /// Writes news wherever they must be known. They are found once this returns.
    async fn apply(&self, changes: Vec<IndexChange>) -> Result<(), SearchError> {
        let changes = bulk::newest(changes);
        for _ in 0..TRIES {
            let aliases = self.seen().await?.written(&self.names)?;
            let written = bulk::write(self, &aliases, &changes, bulk::Found::Soon).await?;
            if !written.has_lost_its_way {
                let refused: Vec<_> = written.refused.into_iter().collect();
                return if refused.is_empty() { Ok(()) } else { Err(SearchError::Refused(refused)) };
            }
        }
        Err(SearchError::unavailable("other processes keep replacing the index"))
    }
}

#[async_trait]
impl GigSearch for ElasticSearch {
    async fn search(&self, query: &SearchQuery) -> Result<Hits, SearchError> {
        self.0.page(query).await
    }

    async fn by_category(&self, category: Option<&str>, limit: usize) -> Result<Hits, SearchError> {
        self.0.newest(category, limit).await
    }

    async fn top_rated(&self, category: Option<&str>, limit: usize) -> Result<Hits, SearchError> {
        self.0.top_rated(category, limit).await
    }

    async fn similar(&self, gig: &SearchDocument, limit: usize) -> Result<Hits, SearchError> {
        self.0.similar(gig, limit).await
    }
}

#[async_trait]
impl SearchIndex for ElasticSearch {
    async fn apply(&self, changes: Vec<IndexChange>) -> Result<(), SearchError> {
        if changes.is_empty() {
            return Ok(());
        }
        self.0.apply(changes).await
    }

    async fn extent(&self) -> Result<Extent, SearchError> {
        self.0.extent().await
    }

    async fn needs_rebuild(&self) -> Result<bool, SearchError> {
        Ok(self.0.seen().await?.needs_rebuild())
    }

    async fn rebuild(
        &self,
        gigs: &mut dyn EveryGig,
        progress: &(dyn Fn(usize) + Send + Sync),
    ) -> Result<usize, SearchError> {
        self.0.rebuild(gigs, progress).await
    }
}
