//! The order service: orders, their payments and their notifications.
//!
//! [`OrderService`] is what a process runs of it, a [`Service`] as all are. One of its tasks looks after what is left lying, and as a
//! [`Webhook`] it takes the payment provider's notices. What is decided is decided in `jobapp-orders`.

mod config;
mod consumers;
mod documents;
mod http;
mod messages;
mod ports;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use jobapp_directory::Directory;
use jobapp_kernel::Queue;
use jobapp_orders::{Orders, OrdersError, PaymentProvider, Swept, Webhook, WebhookError};
use jobapp_platform::{Service, Shared, Task};
use jobapp_runtime::{Consumer, Exclusive, Translate, error_text, told};
use jobapp_wire::queues;
use utoipa::openapi::OpenApi;

pub use config::OrderConfig;
pub use ports::OrderPorts;

/// How often what is left lying is looked after.
const SWEEP_EVERY: Duration = Duration::from_secs(30);

/// The order service.
#[derive(Clone)]
pub struct OrderService {
    orders: Orders,
    exclusive: Exclusive,
    directory: Arc<Directory>,
    provider: Arc<dyn PaymentProvider>,
    shared: Shared,
    config: Arc<OrderConfig>,
}

impl OrderService {
    /// The audiences its gateway tokens have.
    pub const AUDIENCES: &'static [&'static str] = &["order"];

    /// On these ports.
    pub fn new(ports: OrderPorts, config: OrderConfig) -> Self {
        let OrderPorts { orders, exclusive, directory, shared } = ports;
        let provider = Arc::clone(&orders.provider);
        let orders = Orders::new(orders, config.patience);
        Self { orders, exclusive, directory: Arc::new(directory), provider, shared, config: Arc::new(config) }
    }

    /// Looks after waiting orders, payments without an order and refunds that did not work. To be called now and then; safe
    /// in several processes.
    ///
    /// # Errors
    /// When the store cannot list what there is to do. What fails for one thing is logged.
    pub async fn sweep(&self) -> Result<Swept, OrdersError> {
        let report = |error: &OrdersError| tracing::warn!(error = error_text(error), "the sweep tries again later");
        let swept = self.orders.sweep(self.shared.clock.now(), &report).await?;
        if swept != Swept::default() {
            tracing::info!(?swept, "looked after orders and payments that were left lying");
        }
        Ok(swept)
    }
}

impl Service for OrderService {
    fn name(&self) -> &'static str {
        "order"
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
        vec![
            queues::ORDER_REVIEW,
            queues::ORDER_GIG,
            queues::ORDER_OFFER,
            queues::ORDER_PROFILE,
            queues::ORDER_ACTIVITY,
            queues::ORDER_REFUND,
            queues::ORDER_PAYMENT,
            queues::ORDER_TOLD,
        ]
    }

    fn consumers(&self) -> Vec<Consumer> {
        vec![
            consumers::order_review::consumer(self.orders.clone()),
            consumers::order_gig::consumer(self.orders.clone()),
            consumers::order_offer::consumer(self.orders.clone()),
            told(queues::ORDER_PROFILE, self.directory.listener()),
            consumers::order_activity::consumer(self.orders.clone()),
            consumers::order_refund::consumer(self.orders.clone()),
            consumers::order_payment::consumer(self.orders.clone()),
            consumers::order_told::consumer(self.orders.clone()),
        ]
    }

    fn translator(&self) -> Option<Translate> {
        let client_url = self.config.client_url.trim_end_matches('/').to_owned();
        let media = Arc::clone(&self.shared.media);
        Some(Arc::new(move |entry| messages::translate(entry, &client_url, &*media)))
    }

    fn tasks(&self) -> Vec<Task> {
        let service = self.clone();
        vec![Task::of_one("look after orders", self.exclusive.clone(), SWEEP_EVERY, move || {
            let service = service.clone();
            async move {
                if let Err(error) = service.sweep().await {
                    tracing::warn!(error = error_text(&error), "the sweep of orders failed and comes again");
                }
            }
        })]
    }
}

#[async_trait]
impl Webhook for OrderService {
    async fn receive(&self, payload: &[u8], signature: &str) -> Result<(), WebhookError> {
        let intent = self.provider.intent_of_notice(payload, signature).map_err(|error| WebhookError(error.into()))?;
        let Some(intent) = intent else { return Ok(()) };
        let is_ours = self.orders.payment_changed(&intent).await.map_err(|error| WebhookError(error.into()))?;
        if !is_ours {
            tracing::info!(intent, "a notice about the payment {intent}, which nobody planned here");
        }
        Ok(())
    }
}
