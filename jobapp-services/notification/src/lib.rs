//! The notification service: takes the messages of the two mail queues and sends their mails.
//!
//! It has no database. Its only HTTP route tells that it is healthy.

mod consumers;

use std::sync::Arc;

use axum::Router;
use axum::response::Html;
use axum::routing::get;
use jobapp_kernel::Queue;
use jobapp_notifications::{Mailer, Notifier, SentRecords};
use jobapp_platform::Service;
use jobapp_runtime::Consumer;
use jobapp_wire::queues;

/// The parts of the service, joined.
#[derive(Clone)]
pub struct NotificationService {
    notifier: Notifier,
}

impl NotificationService {
    /// A service that sends through `mailer` and remembers what it sent in `records`.
    pub fn new(mailer: Arc<dyn Mailer>, records: Arc<dyn SentRecords>) -> Self {
        Self { notifier: Notifier::new(mailer, records) }
    }
}

impl Service for NotificationService {
    fn name(&self) -> &'static str {
        "notification"
    }

    /// `GET /notification-health`.
    fn router(&self) -> Router {
        Router::new().route("/notification-health", get(health))
    }

    fn queues(&self) -> Vec<Queue> {
        vec![queues::AUTH_EMAIL, queues::ORDER_EMAIL]
    }

    fn consumers(&self) -> Vec<Consumer> {
        consumers::all(&self.notifier)
    }
}

/// The existing deployments' probes compare this text.
async fn health() -> Html<&'static str> {
    Html("Notification service is healthy and OK.")
}
