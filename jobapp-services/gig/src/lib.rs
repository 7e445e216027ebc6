//! The gig service: gigs, and the search for them.
//!
//! [`GigService`] is what a process runs of it, a [`Service`] as all are. One of its tasks builds the search index whenever it must
//! be. What is decided is decided in `jobapp-gigs`.
//!
//! Gigs by id and sellers' lists come from the store, so everybody sees his own changes at once. Searches ask the index; while
//! that is away or being built, the store answers, and the answer says `degraded`.

mod config;
mod consumers;
mod documents;
mod http;
mod keeper;
mod messages;
mod metrics;
mod ports;
mod samples;
mod sellers;

use std::sync::Arc;

use axum::Router;
use jobapp_directory::Directory;
use jobapp_gigs::{Finder, Gigs, Indexer, SelectedCategories};
use jobapp_kernel::Queue;
use jobapp_platform::{Service, Shared, Task};
use jobapp_runtime::{Consumer, Exclusive, Translate, told};
use jobapp_wire::queues;
use tokio::sync::Notify;
use utoipa::openapi::OpenApi;

pub use config::GigConfig;
use metrics::Metrics;
pub use ports::GigPorts;

/// The gig service.
#[derive(Clone)]
pub struct GigService {
    gigs: Gigs,
    finder: Finder,
    indexer: Indexer,
    exclusive: Exclusive,
    directory: Arc<Directory>,
    categories: Arc<dyn SelectedCategories>,
    shared: Shared,
    config: Arc<GigConfig>,
    metrics: Arc<Metrics>,
    /// Wakes the keeper of the search index.
    degraded: Arc<Notify>,
}

impl GigService {
    /// The audiences its gateway tokens have.
    pub const AUDIENCES: &'static [&'static str] = &["gig"];

    /// On these ports.
    pub fn new(ports: GigPorts, config: GigConfig) -> Self {
        let Shared { clock, ids, metrics, .. } = &ports.shared;
        Self {
            gigs: Gigs::new(Arc::clone(&ports.gigs), ports.numbers, Arc::clone(clock), Arc::clone(ids)),
            finder: Finder::new(Arc::clone(&ports.gigs), ports.search.search),
            indexer: Indexer::new(ports.gigs, ports.search.index),
            exclusive: ports.exclusive,
            directory: Arc::new(ports.directory),
            categories: ports.categories,
            metrics: Arc::new(Metrics::new(metrics)),
            shared: ports.shared,
            config: Arc::new(config),
            degraded: Arc::new(Notify::new()),
        }
    }

    /// Builds the search index from the store now. Tells `progress` how many gigs it has so far, and returns how many it has.
    ///
    /// # Errors
    /// When the store or the index fails; the index is as before then.
    pub async fn rebuild_search(
        &self,
        progress: &(dyn Fn(usize) + Send + Sync),
    ) -> Result<usize, jobapp_gigs::SearchError> {
        self.indexer.rebuild(progress).await
    }
}

impl Service for GigService {
    fn name(&self) -> &'static str {
        "gig"
    }

    fn audiences(&self) -> &'static [&'static str] {
        Self::AUDIENCES
    }

    /// Health and metrics are outside the guard.
    fn router(&self) -> Router {
        http::router(self)
    }

    fn openapi(&self) -> Option<OpenApi> {
        Some(http::openapi())
    }

    fn queues(&self) -> Vec<Queue> {
        vec![queues::GIG_UPDATE, queues::GIG_SEARCH, queues::GIG_PROFILE, queues::GIG_ASKED, queues::SEED_GIG_QUEUE]
    }

    /// Sample sellers are taken only where the configuration says so.
    fn consumers(&self) -> Vec<Consumer> {
        let Shared { publisher, clock, .. } = &self.shared;
        let mut consumers = vec![
            consumers::gig_update::consumer(self.gigs.clone()),
            consumers::gig_search::consumer(self.indexer.clone()),
            told(queues::GIG_PROFILE, self.directory.listener()),
            consumers::gig_asked::consumer(self.gigs.clone(), Arc::clone(publisher), Arc::clone(clock)),
        ];
        if self.config.seed {
            consumers.push(consumers::seed_gig::consumer(self.gigs.clone(), Arc::clone(&self.shared.media)));
        }
        consumers
    }

    fn translator(&self) -> Option<Translate> {
        Some(Arc::new(messages::translate))
    }

    /// Builds the search index from the store whenever it must be: at the start, and when it turns out to be damaged. Of
    /// several processes one does.
    fn tasks(&self) -> Vec<Task> {
        let service = self.clone();
        vec![Task::new("keep the search index", move |stop| async move { keeper::run(&service, stop).await })]
    }
}
