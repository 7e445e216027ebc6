//! The bodies of answers.

use jobapp_orders::{Order, OrderNotification};
use jobapp_wire::orders::{NotificationDocument, OrderDocument};
use serde::Serialize;
use utoipa::ToSchema;

use crate::OrderService;
use crate::documents::{Reader, notification_document, order_document};

/// An order.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OrderAnswer {
    /// For people.
    message: &'static str,
    /// The order as it is now.
    order: OrderDocument,
}

impl OrderAnswer {
    /// For a participant of the order.
    pub(crate) fn new(service: &OrderService, message: &'static str, order: &Order) -> Self {
        Self { message, order: order_document(order.record(), Reader::Participant(&*service.shared.media)) }
    }
}

/// Several orders.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OrdersAnswer {
    /// For people.
    message: &'static str,
    /// At most 1,000: open ones first, then the newest.
    orders: Vec<OrderDocument>,
}

impl OrdersAnswer {
    /// For a participant of each order.
    pub(crate) fn new(service: &OrderService, message: &'static str, orders: &[Order]) -> Self {
        let reader = Reader::Participant(&*service.shared.media);
        Self { message, orders: orders.iter().map(|order| order_document(order.record(), reader)).collect() }
    }
}

/// A planned payment.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct IntentAnswer {
    /// For people.
    pub(crate) message: &'static str,
    /// What the browser pays with: `pi_…_secret_…`.
    pub(crate) client_secret: String,
    /// The payment.
    pub(crate) payment_intent_id: String,
}

/// A notification.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NotificationAnswer {
    /// For people.
    message: &'static str,
    /// The notification as it is now.
    notification: NotificationDocument,
}

impl NotificationAnswer {
    pub(crate) fn new(service: &OrderService, message: &'static str, note: &OrderNotification) -> Self {
        Self { message, notification: notification_document(note.record(), &*service.shared.media) }
    }
}

/// Several notifications.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NotificationsAnswer {
    /// For people.
    message: &'static str,
    /// At most 200, the newest first.
    notifications: Vec<NotificationDocument>,
}

impl NotificationsAnswer {
    pub(crate) fn new(service: &OrderService, message: &'static str, notes: &[OrderNotification]) -> Self {
        let shown = notes.iter().map(|note| notification_document(note.record(), &*service.shared.media));
        Self { message, notifications: shown.collect() }
    }
}

/// Nothing but a text.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MessageAnswer {
    /// For people.
    pub(crate) message: &'static str,
}
