//! The review service: who says what about whom, once for each side of a completed order.
//!
//! [`ReviewService`] is what a process runs of it, a [`Service`] as all are. What is decided is decided in `jobapp-reviews`.

mod config;
mod consumers;
mod documents;
mod http;
mod messages;
mod ports;

use std::sync::Arc;

use axum::Router;
use jobapp_kernel::Queue;
use jobapp_platform::{Service, Shared};
use jobapp_reviews::{ReviewAnalytics, Reviews};
use jobapp_runtime::{Consumer, Translate, told};
use jobapp_wire::queues;
use utoipa::openapi::OpenApi;

pub use config::ReviewConfig;
pub use ports::ReviewPorts;

/// The review service.
#[derive(Clone)]
pub struct ReviewService {
    reviews: Reviews,
    analytics: Arc<dyn ReviewAnalytics>,
    shared: Shared,
    config: Arc<ReviewConfig>,
}

impl ReviewService {
    /// The audiences its gateway tokens have.
    pub const AUDIENCES: &'static [&'static str] = &["review"];

    /// On these ports.
    pub fn new(ports: ReviewPorts, config: ReviewConfig) -> Self {
        let ReviewPorts { reviews, analytics, shared } = ports;
        Self { reviews, analytics, shared, config: Arc::new(config) }
    }
}

impl Service for ReviewService {
    fn name(&self) -> &'static str {
        "review"
    }

    fn audiences(&self) -> &'static [&'static str] {
        Self::AUDIENCES
    }

    fn router(&self) -> Router {
        http::router(self)
    }

    fn openapi(&self) -> Option<OpenApi> {
        Some(http::openapi())
    }

    fn queues(&self) -> Vec<Queue> {
        vec![queues::REVIEW_PROFILE, queues::REVIEW_ORDER, queues::REVIEW_ANALYTICS]
    }

    fn consumers(&self) -> Vec<Consumer> {
        vec![
            told(queues::REVIEW_PROFILE, self.reviews.directory.listener()),
            consumers::review_order::consumer(self.reviews.clone()),
            consumers::review_analytics::consumer(Arc::clone(&self.analytics)),
        ]
    }

    fn translator(&self) -> Option<Translate> {
        Some(Arc::new(messages::translate))
    }
}
