//! The order: its lifecycle, deliveries, extensions and payments.
//!
//! [`Order`] decides by one declared [state machine](machine) and raises [`OrderEvent`]s. [`Payment`] follows what the
//! [`PaymentProvider`] says, and remembers what has to go back. [`GigFact`] and [`OfferFact`] are local copies of what
//! other contexts tell; [`Evidence`] judges by them whether an order may start, has to wait, or is contradicted.
//! [`Orders`] are the use cases: load, decide, save.
//!
//! Money is whole cents, see [`fees`]. Nothing here waits, sleeps or knows a clock of its own.
//!
//! ```
//! use jobapp_kernel::{Money, ObjectId, Timestamp};
//! use jobapp_orders::machine::Who;
//! use jobapp_orders::*;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let noon: Timestamp = "2026-11-24T12:00:00Z".parse()?;
//! let price = Money::from_cents(40_00);
//!
//! // What is known: the gig costs 40.00, and Marta paid 44.20.
//! let gig = GigCard {
//!     id: "66f0c0ffee00000000009001".parse()?, cover_image: "cover.png".into(), title: "I will draw a logo".into(),
//!     basic_title: "Basic".into(), basic_description: "Three drafts".into(),
//! };
//! let seller = Party {
//!     id: "66f0c0ffee0000000000a001".parse()?, username: "Iria".into(), email: "iria@example.org".into(), picture: "i.png".into(),
//! };
//! let fact = GigFact::unknown(gig.id).saved(GigNow { seller: seller.clone(), card: gig.clone(), price }, 1, noon);
//! let payment = Payment::new(ObjectId::from_bytes([1; 12]).into(), "pi_1".into(), "Marta".into(), fees::total(price), noon);
//! let (payment, _) = payment.observed(PaymentStatus::Paid, noon).ok_or("news")?;
//!
//! // So her order starts at once.
//! let agreement = Agreement {
//!     title: "Logo".into(), description: "Three drafts".into(), delivery_in_days: 3, first_due: noon, due: noon, reason: String::new(),
//! };
//! let new = NewOrder {
//!     id: ObjectId::from_bytes([2; 12]).into(), number: "JO52310984761".parse()?, invoice: "JI1".into(),
//!     payment: "pi_1".into(), named_payment: "pi_1".into(), gig, seller, price, agreement, requirements: String::new(),
//!     buyer: Party { id: "66f0c0ffee0000000000b001".parse()?, username: "Marta".into(), email: "marta@example.org".into(), picture: "m.png".into() },
//! };
//! let evidence = Evidence { payment: &payment, gig: Some(&fact), offers: &[] };
//! let Decided { order, events } = Order::place(new, &evidence, noon)?;
//! assert_eq!(events.iter().map(OrderEvent::name).collect::<Vec<_>>(), ["order-placed", "order-started"]);
//!
//! // The seller delivers, the buyer approves: once. The refusals say where the order stands.
//! let refused = order.clone().approve(Who::Buyer, noon).unwrap_err();
//! assert_eq!(refused.to_string(), "This order is in progress: it cannot be approved.");
//! let order = order.deliver(Work::default(), ObjectId::from_bytes([3; 12]), Who::Seller, noon)?.order;
//! let order = order.approve(Who::Buyer, noon)?.order;
//! assert!(order.clone().approve(Who::Buyer, noon)?.events.is_empty());
//! assert_eq!(order.record().phase.status(), "Completed");
//! assert_eq!(fees::seller_share(price), Money::from_cents(32_00));
//! # Ok(()) }
//! ```

mod error;
mod event;
mod extension;
mod facts;
pub mod fees;
mod ids;
pub mod machine;
mod notification;
mod order;
mod payment;
mod ports;
mod record;
mod service;
mod verdict;

pub use error::OrdersError;
pub use event::{OrderEvent, Step};
pub use extension::{Extension, InvalidExtension};
pub use facts::{
    GigFact, GigFactState, GigFactV1, GigNow, OfferFact, OfferFactState, OfferFactV1, OfferNow, PriceSince,
};
pub use ids::{BuyerId, GigId, NotificationId, OfferId, OrderNumber, OrderObjectId, PaymentId, SellerId};
pub use notification::{
    Happened, NotificationEvent, NotificationRecord, NotificationState, OrderNotification, Person, Told,
};
pub use order::{Decided, NewOrder, Order, OrderState};
pub use payment::{
    Claim, NotUsable, Payment, PaymentEvent, PaymentRefund, PaymentState, PaymentStatus, PaymentV1, RefundReason,
};
pub use ports::{Customer, Intent, PaymentProvider, ProviderError, Webhook, WebhookError};
pub use record::{
    Agreement, Answered, DeliveredWork, ExtensionAnswer, GigCard, OrderRecord, Party, Refund, Review, WaitingFor, Work,
};
pub use service::{
    MOST_NOTIFICATIONS, MOST_ORDERS, NewPayment, OrderRequest, Orders, Patience, Placed, Ports, Swept, ToldOffer,
};
pub use verdict::{Evidence, KnownOffer, Refusal, Verdict};

#[cfg(test)]
mod tests;
