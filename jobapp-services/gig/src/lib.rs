//! The gig service: gigs, and the search for them.
//!
//! [`GigService`] composes it: [`GigService::router`] serves, [`GigService::consumers`] listen, [`GigService::translate`] turns
//! what was stored into messages, and [`GigService::keep_search`] builds the search index whenever it must be. What is decided is
//! decided in `jobapp-gigs`.
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
mod samples;
mod sellers;

use std::sync::Arc;

use jobapp_directory::{Card, Directory};
use jobapp_gigs::{Finder, Gig, GigSearch, Gigs, Indexer, SearchIndex, SelectedCategories};
use jobapp_http::ServiceGuard;
use jobapp_kernel::{
    Clock, Handler, Ids, MediaStore, Message, OutboxEntry, Publisher, Queue, Repository, Sequence, Subscription,
};
use jobapp_runtime::{TranslateError, told};
use jobapp_wire::queues;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

pub use config::GigConfig;
use metrics::Metrics;

/// What the gig service stands on.
#[derive(Clone)]
pub struct GigPorts {
    /// The gigs.
    pub gigs: Arc<dyn Repository<Gig>>,
    /// This service's copy of who is which seller.
    pub cards: Arc<dyn Repository<Card>>,
    /// Numbers the gigs.
    pub numbers: Arc<dyn Sequence>,
    /// The index, to ask.
    pub search: Arc<dyn GigSearch>,
    /// The same index, to change.
    pub index: Arc<dyn SearchIndex>,
    /// Which categories users looked at. The gateway's sockets tell it.
    pub categories: Arc<dyn SelectedCategories>,
    /// Stores cover pictures.
    pub media: Arc<dyn MediaStore>,
    /// Asks for sellers to make sample gigs for, and answers what others ask of gigs.
    pub publisher: Arc<dyn Publisher>,
    /// Dates gigs.
    pub clock: Arc<dyn Clock>,
    /// Makes ids.
    pub ids: Arc<dyn Ids>,
    /// Checks who calls: audience `gig`.
    pub guard: Arc<ServiceGuard>,
}

/// The gig service.
#[derive(Clone)]
pub struct GigService {
    gigs: Gigs,
    finder: Finder,
    indexer: Indexer,
    directory: Arc<Directory>,
    categories: Arc<dyn SelectedCategories>,
    media: Arc<dyn MediaStore>,
    publisher: Arc<dyn Publisher>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    guard: Arc<ServiceGuard>,
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
        Self {
            gigs: Gigs::new(Arc::clone(&ports.gigs), ports.numbers, Arc::clone(&ports.clock), Arc::clone(&ports.ids)),
            finder: Finder::new(Arc::clone(&ports.gigs), ports.search),
            indexer: Indexer::new(ports.gigs, ports.index),
            directory: Arc::new(Directory::new(ports.cards)),
            categories: ports.categories,
            media: ports.media,
            publisher: ports.publisher,
            clock: ports.clock,
            ids: ports.ids,
            guard: ports.guard,
            config: Arc::new(config),
            metrics: Arc::new(Metrics::new()),
            degraded: Arc::new(Notify::new()),
        }
    }

    /// Every route with its full path; health and metrics are outside the guard.
    pub fn router(&self) -> axum::Router {
        http::router(self)
    }

    /// What the routes accept and answer.
    pub fn openapi() -> utoipa::openapi::OpenApi {
        http::openapi()
    }

    /// What it consumes.
    pub fn queues() -> Vec<Queue> {
        vec![queues::GIG_UPDATE, queues::GIG_SEARCH, queues::GIG_PROFILE, queues::GIG_ASKED, queues::SEED_GIG_QUEUE]
    }

    /// Who consumes it. Sample sellers are taken only where the configuration says so.
    pub fn consumers(&self) -> Vec<(Subscription, Arc<dyn Handler>)> {
        let mut consumers = vec![
            consumers::gig_update::consumer(self.gigs.clone()),
            consumers::gig_search::consumer(self.indexer.clone()),
            told(queues::GIG_PROFILE, self.directory.listener()),
            consumers::gig_asked::consumer(self.gigs.clone(), Arc::clone(&self.publisher), Arc::clone(&self.clock)),
        ];
        if self.config.seed {
            consumers.push(consumers::seed_gig::consumer(self.gigs.clone()));
        }
        consumers
    }

    /// The messages an outbox entry of this service becomes.
    ///
    /// # Errors
    /// [`TranslateError`] for an event this version does not know.
    pub fn translate(entry: &OutboxEntry) -> Result<Vec<Message>, TranslateError> {
        messages::translate(entry)
    }

    /// Builds the search index from the store whenever it must be: at the start, and when it turns out to be damaged. Runs until
    /// `stop` is cancelled.
    pub async fn keep_search(&self, stop: CancellationToken) {
        keeper::run(self, stop).await;
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
