//! The order service: orders, their payments and their notifications.
//!
//! [`OrderService`] composes it: [`OrderService::router`] serves, [`OrderService::consumers`] listen,
//! [`OrderService::translator`] turns what was stored into messages, [`OrderService::sweep`] looks after what is left
//! lying, and as a [`Webhook`] it takes the payment provider's notices. What is decided is decided in `jobapp-orders`.

mod config;
mod consumers;
mod documents;
mod http;
mod messages;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jobapp_directory::Directory;
use jobapp_http::ServiceGuard;
use jobapp_kernel::{Clock, Handler, Ids, MediaStore, Queue, Repository, Subscription};
use jobapp_orders::{
    GigFact, OfferFact, Order, OrderNotification, Orders, OrdersError, Payment, PaymentProvider, Swept, Webhook,
    WebhookError,
};
use jobapp_runtime::{Translate, error_text, told};
use jobapp_wire::queues;

pub use config::OrderConfig;

/// What the order service stands on.
#[derive(Clone)]
pub struct OrderPorts {
    /// The orders.
    pub orders: Arc<dyn Repository<Order>>,
    /// The payments.
    pub payments: Arc<dyn Repository<Payment>>,
    /// What is known of gigs.
    pub gigs: Arc<dyn Repository<GigFact>>,
    /// What is known of offers.
    pub offers: Arc<dyn Repository<OfferFact>>,
    /// The notifications.
    pub notifications: Arc<dyn Repository<OrderNotification>>,
    /// Who is which buyer and which seller.
    pub directory: Arc<Directory>,
    /// Takes money and gives it back.
    pub provider: Arc<dyn PaymentProvider>,
    /// Keeps delivered files.
    pub media: Arc<dyn MediaStore>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Makes ids.
    pub ids: Arc<dyn Ids>,
    /// Checks who calls: audience `order`.
    pub guard: Arc<ServiceGuard>,
}

/// The order service.
#[derive(Clone)]
pub struct OrderService {
    orders: Orders,
    directory: Arc<Directory>,
    provider: Arc<dyn PaymentProvider>,
    media: Arc<dyn MediaStore>,
    clock: Arc<dyn Clock>,
    guard: Arc<ServiceGuard>,
    config: Arc<OrderConfig>,
}

impl OrderService {
    /// The audiences its gateway tokens have.
    pub const AUDIENCES: &'static [&'static str] = &["order"];

    /// How often [`OrderService::sweep`] should be called.
    pub const SWEEP_EVERY: Duration = Duration::from_secs(30);

    /// On these ports.
    pub fn new(ports: OrderPorts, config: OrderConfig) -> Self {
        let orders = Orders::new(
            jobapp_orders::OrderPorts {
                orders: ports.orders,
                payments: ports.payments,
                gigs: ports.gigs,
                offers: ports.offers,
                notifications: ports.notifications,
                provider: Arc::clone(&ports.provider),
                clock: Arc::clone(&ports.clock),
                ids: ports.ids,
            },
            config.patience,
        );
        Self {
            orders,
            directory: ports.directory,
            provider: ports.provider,
            media: ports.media,
            clock: ports.clock,
            guard: ports.guard,
            config: Arc::new(config),
        }
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

    /// Who consumes it.
    pub fn consumers(&self) -> Vec<(Subscription, Arc<dyn Handler>)> {
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

    /// What makes the messages of an outbox entry of this service.
    pub fn translator(&self) -> Translate {
        let client_url = self.config.client_url.trim_end_matches('/').to_owned();
        let media = Arc::clone(&self.media);
        Arc::new(move |entry| messages::translate(entry, &client_url, &*media))
    }

    /// Looks after waiting orders, payments without an order and refunds that did not work. To be called now and then; safe
    /// in several processes.
    ///
    /// # Errors
    /// When the store cannot list what there is to do. What fails for one thing is logged.
    pub async fn sweep(&self) -> Result<Swept, OrdersError> {
        let report = |error: &OrdersError| tracing::warn!(error = error_text(error), "the sweep tries again later");
        let swept = self.orders.sweep(self.clock.now(), &report).await?;
        if swept != Swept::default() {
            tracing::info!(?swept, "looked after orders and payments that were left lying");
        }
        Ok(swept)
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
