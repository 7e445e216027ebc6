//! Use cases: load, decide, save.

mod facts;
mod lifecycle;
mod notifications;
mod payments;
mod place;
mod sweep;

use std::sync::Arc;
use std::time::Duration;

use jobapp_kernel::{Aggregate, Change, Clock, Ids, PageRequest, Repository, Saved, Stored, in_turn};

use crate::error::OrdersError;
use crate::facts::{GigFact, OfferFact};
use crate::machine::{Refused, Who};
use crate::notification::OrderNotification;
use crate::order::Decided;
use crate::payment::Payment;
use crate::ports::PaymentProvider;
use crate::{BuyerId, Order, OrderNumber, OrderObjectId, SellerId};

pub use facts::ToldOffer;
pub use payments::NewPayment;
pub use place::{OrderRequest, Placed};
pub use sweep::Swept;

/// The most orders a list holds.
pub const MOST_ORDERS: usize = 1000;
/// The most notifications a list holds.
pub const MOST_NOTIFICATIONS: usize = 200;

/// How long things may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// After this, a payment without an order goes back, and one that was never made is cancelled.
    pub payment_without_order: Duration,
    /// After this, an order that waits is refused and its payment goes back.
    pub waiting_order: Duration,
    /// After this, a refund that did not work is tried again by the sweep.
    pub refund: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        Self { payment_without_order: DAY, waiting_order: DAY, refund: Duration::from_secs(10 * 60) }
    }
}

/// What the use cases need.
#[derive(Clone)]
pub struct Ports {
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
    /// Takes money and gives it back.
    pub provider: Arc<dyn PaymentProvider>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// New ids.
    pub ids: Arc<dyn Ids>,
}

/// The use cases of orders, their payments and their notifications.
#[derive(Clone)]
pub struct Orders {
    ports: Ports,
    patience: Patience,
}

impl Orders {
    /// The use cases on these ports.
    pub const fn new(ports: Ports, patience: Patience) -> Self {
        Self { ports, patience }
    }

    /// The order that goes by this number, for one of its participants.
    ///
    /// # Errors
    /// [`OrdersError::OrderNotFound`] for everybody else.
    pub async fn order(&self, number: &OrderNumber, username: &str) -> Result<Order, OrdersError> {
        Ok(self.load_for(number, username).await?.0.value)
    }

    /// A seller's orders: open ones first, then the newest; at most [`MOST_ORDERS`].
    ///
    /// # Errors
    /// When the store cannot answer.
    pub async fn of_seller(&self, seller: SellerId) -> Result<Vec<Order>, OrdersError> {
        let page = self.ports.orders.list(Order::SELLER, seller.into(), PageRequest::newest(MOST_ORDERS)).await?;
        Ok(page.items.into_iter().map(|stored| stored.value).collect())
    }

    /// A buyer's orders, waiting ones too: open ones first, then the newest; at most [`MOST_ORDERS`].
    ///
    /// # Errors
    /// When the store cannot answer.
    pub async fn of_buyer(&self, buyer: BuyerId) -> Result<Vec<Order>, OrdersError> {
        let page = self.ports.orders.list(Order::BUYER, buyer.into(), PageRequest::newest(MOST_ORDERS)).await?;
        Ok(page.items.into_iter().map(|stored| stored.value).collect())
    }

    async fn load_for(&self, number: &OrderNumber, username: &str) -> Result<(Stored<Order>, Who), OrdersError> {
        let stored =
            self.ports.orders.find_by(Order::NUMBER, number.into()).await?.ok_or(OrdersError::OrderNotFound)?;
        let side = stored.value.record().side_of(username).ok_or(OrdersError::OrderNotFound)?;
        Ok((stored, side))
    }

    /// The id of the order that goes by this number.
    async fn id_of(&self, number: &OrderNumber) -> Result<OrderObjectId, OrdersError> {
        let found = self.ports.orders.find_by(Order::NUMBER, number.into()).await?.ok_or(OrdersError::OrderNotFound)?;
        Ok(*found.value.id())
    }

    /// Loads, decides and saves an order for one of its participants, in one's turn with it.
    async fn change(
        &self,
        number: &OrderNumber,
        username: &str,
        decide: impl Fn(Order, Who) -> Result<Decided, Refused>,
    ) -> Result<Order, OrdersError> {
        let id = self.id_of(number).await?;
        in_turn(&*self.ports.orders, &id, async || {
            let (stored, side) = self.load_for(number, username).await?;
            let decided = decide(stored.value, side)?;
            self.store(stored.version, decided).await
        })
        .await
    }

    /// Saves what was decided in one's turn with an order, if anything changed.
    async fn store(&self, version: u64, decided: Decided) -> Result<Order, OrdersError> {
        let Decided { order, events } = decided;
        if events.is_empty() {
            return Ok(order);
        }
        match self.ports.orders.save(Change::update(version, order.clone(), events)).await? {
            Saved::Stored(_) | Saved::Duplicate { .. } => Ok(order),
        }
    }

    async fn load(&self, id: OrderObjectId) -> Result<Option<Stored<Order>>, OrdersError> {
        Ok(self.ports.orders.find(&id).await?)
    }
}
