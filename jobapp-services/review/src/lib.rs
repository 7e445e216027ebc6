//! The review service: who says what about whom, once for each side of a completed order.
//!
//! [`ReviewService`] is what a process runs of it, a [`Service`] as all are. What is decided is decided in `jobapp-reviews`.
//!
//! How sellers and gigs were rated is told by a read model that may be in a database of its own, such as a PostgreSQL beside reviews
//! in MongoDB. It follows the reviews by their events; while it is away, they wait, and reviews are written and read all the same.
//! [`ReviewPorts::rebuild_analytics`] builds it anew.

mod config;
mod consumers;
mod documents;
mod http;
mod keeper;
mod messages;
mod ports;

use std::sync::Arc;

use axum::Router;
use jobapp_kernel::Queue;
use jobapp_platform::{Service, Task};
use jobapp_runtime::{Consumer, Translate, told};
use jobapp_wire::queues;
use utoipa::openapi::OpenApi;

pub use config::ReviewConfig;
pub use ports::ReviewPorts;

/// The review service.
#[derive(Clone)]
pub struct ReviewService {
    ports: ReviewPorts,
    config: Arc<ReviewConfig>,
}

impl ReviewService {
    /// The audiences its gateway tokens have.
    pub const AUDIENCES: &'static [&'static str] = &["review"];

    /// On these ports.
    pub fn new(ports: ReviewPorts, config: ReviewConfig) -> Self {
        Self { ports, config: Arc::new(config) }
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
            told(queues::REVIEW_PROFILE, self.ports.reviews.directory.listener()),
            consumers::review_order::consumer(self.ports.reviews.clone()),
            consumers::review_analytics::consumer(Arc::clone(&self.ports.analytics)),
        ]
    }

    fn translator(&self) -> Option<Translate> {
        Some(Arc::new(messages::translate))
    }

    /// Builds the analytics from the reviews where that was never done. Of several processes one does.
    fn tasks(&self) -> Vec<Task> {
        let ports = self.ports.clone();
        vec![Task::new("build the analytics", move |stop| async move { keeper::run(&ports, stop).await })]
    }
}
