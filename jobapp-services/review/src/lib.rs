//! The review service: who says what about whom, once for each side of a completed order.
//!
//! [`ReviewService`] composes it: [`ReviewService::router`] serves, [`ReviewService::consumers`] listen,
//! [`ReviewService::translate`] turns what was stored into messages for orders, sellers and gigs. What is decided is
//! decided in `jobapp-reviews`.

mod config;
mod consumers;
mod documents;
mod http;
mod messages;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use jobapp_directory::{Card, Directory};
use jobapp_http::ServiceGuard;
use jobapp_kernel::{Clock, MediaStore, Message, OutboxEntry, Queue, Repository, Sequence};
use jobapp_reviews::{OrderFact, Review, ReviewAnalytics, Reviews};
use jobapp_runtime::{Consumer, TranslateError, told};
use jobapp_wire::queues;

pub use config::ReviewConfig;

/// What the review service stands on.
#[derive(Clone)]
pub struct ReviewPorts {
    /// The reviews.
    pub reviews: Arc<dyn Repository<Review>>,
    /// What is known of orders: this service's own copies.
    pub orders: Arc<dyn Repository<OrderFact>>,
    /// Who is which buyer and which seller: this service's own copies.
    pub cards: Arc<dyn Repository<Card>>,
    /// Totals by seller and by gig.
    pub analytics: Arc<dyn ReviewAnalytics>,
    /// Numbers the reviews.
    pub numbers: Arc<dyn Sequence>,
    /// Says where pictures are.
    pub media: Arc<dyn MediaStore>,
    /// Dates reviews.
    pub clock: Arc<dyn Clock>,
    /// Checks who calls: audience `review`.
    pub guard: Arc<ServiceGuard>,
}

/// The review service.
#[derive(Clone)]
pub struct ReviewService {
    reviews: Reviews,
    analytics: Arc<dyn ReviewAnalytics>,
    media: Arc<dyn MediaStore>,
    guard: Arc<ServiceGuard>,
    config: Arc<ReviewConfig>,
}

impl ReviewService {
    /// The audiences its gateway tokens have.
    pub const AUDIENCES: &'static [&'static str] = &["review"];

    /// On these ports.
    pub fn new(ports: ReviewPorts, config: ReviewConfig) -> Self {
        let ReviewPorts { reviews, orders, cards, analytics, numbers, media, clock, guard } = ports;
        let reviews = Reviews { reviews, orders, directory: Directory::new(cards), sequence: numbers, clock };
        Self { reviews, analytics, media, guard, config: Arc::new(config) }
    }

    /// Every route with its full path; the health route is outside the guard.
    pub fn router(&self) -> axum::Router {
        http::router(self)
    }

    /// What the routes accept and answer.
    pub fn openapi() -> utoipa::openapi::OpenApi {
        http::openapi()
    }

    /// What it consumes.
    pub fn queues() -> Vec<Queue> {
        vec![queues::REVIEW_PROFILE, queues::REVIEW_ORDER, queues::REVIEW_ANALYTICS]
    }

    /// Who consumes it.
    pub fn consumers(&self) -> Vec<Consumer> {
        vec![
            told(queues::REVIEW_PROFILE, self.reviews.directory.listener()),
            consumers::review_order::consumer(self.reviews.clone()),
            consumers::review_analytics::consumer(Arc::clone(&self.analytics)),
        ]
    }

    /// The messages an outbox entry of this service becomes.
    ///
    /// # Errors
    /// [`TranslateError`] for an event this version does not know.
    pub fn translate(entry: &OutboxEntry) -> Result<Vec<Message>, TranslateError> {
        messages::translate(entry)
    }
}
