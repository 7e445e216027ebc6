//! Bodies and documents of orders and their notifications.

mod bodies;

use jobapp_kernel::Timestamp;
use serde::{Deserialize, Serialize};

pub(crate) use bodies::documents;
pub use bodies::{
    ApproveBody, CancelBody, DeliverBody, ExtensionBody, NotificationBody, OrderBody, OrderBodyOffer, PaymentIntentBody,
};

/// What was agreed on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct OrderOffer {
    /// The title.
    pub gig_title: String,
    /// In whole units.
    pub price: f64,
    /// What is to be done.
    pub description: String,
    /// Days of work.
    pub delivery_in_days: i64,
    /// The date first agreed on.
    pub old_delivery_date: Timestamp,
    /// The date that counts.
    pub new_delivery_date: Timestamp,
    /// Whether it was accepted.
    pub accepted: bool,
    /// Whether it was cancelled.
    pub cancelled: bool,
    /// Why the date moved; empty when it did not.
    pub reason: String,
}

/// One delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct DeliveredWork {
    /// Its id.
    #[serde(rename = "_id")]
    pub id: String,
    /// The seller's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// URL, made for the two participants and good for half a day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Such as `zip`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_type: Option<String>,
    /// A text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_size: Option<String>,
    /// The name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_name: Option<String>,
}

/// A request for more time; empty texts and 0 when there is none.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ExtensionRequest {
    /// The date as it was, in the text the client sent.
    pub original_date: String,
    /// The date asked for, in the text the client sent.
    pub new_date: String,
    /// How many more days.
    pub days: i64,
    /// Why.
    pub reason: String,
}

/// When things happened; each is left out until it did.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct OrderEvents {
    /// The order was placed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place_order: Option<Timestamp>,
    /// The requirements were given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requirements: Option<Timestamp>,
    /// The work started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order_started: Option<Timestamp>,
    /// The date was moved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivery_date_update: Option<Timestamp>,
    /// The work was delivered, last time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order_delivered: Option<Timestamp>,
    /// The buyer reviewed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub buyer_review: Option<Timestamp>,
    /// The seller reviewed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seller_review: Option<Timestamp>,
}

/// One side's review of an order; rating 0 when there is none.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OrderReview {
    /// 1 to 5; 0 for none.
    pub rating: i64,
    /// The words.
    pub review: String,
    /// When; left out when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<Timestamp>,
}

/// An order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct OrderDocument {
    /// The document id.
    #[serde(rename = "_id")]
    pub id: String,
    /// What was agreed on.
    pub offer: OrderOffer,
    /// The gig.
    pub gig_id: String,
    /// The seller's document id.
    pub seller_id: String,
    /// The seller's user name.
    pub seller_username: String,
    /// URL.
    pub seller_image: String,
    /// The seller's address.
    pub seller_email: String,
    /// URL.
    pub gig_cover_image: String,
    /// The gig's title.
    pub gig_main_title: String,
    /// The package's title.
    pub gig_basic_title: String,
    /// The package's description.
    pub gig_basic_description: String,
    /// The buyer's document id.
    pub buyer_id: String,
    /// The buyer's user name.
    pub buyer_username: String,
    /// The buyer's address.
    pub buyer_email: String,
    /// URL.
    pub buyer_image: String,
    /// `in progress`, `Delivered`, `Completed` or `Cancelled`.
    pub status: String,
    /// Ours: the exact state, such as `AwaitingPayment`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// The public number.
    pub order_id: String,
    /// How many.
    pub quantity: i64,
    /// In whole units.
    pub price: f64,
    /// In whole units.
    pub service_fee: f64,
    /// What the buyer asked for.
    pub requirements: String,
    /// Whether the buyer approved.
    pub approved: bool,
    /// Whether work was delivered.
    pub delivered: bool,
    /// Whether it was cancelled.
    pub cancelled: bool,
    /// When it was approved or cancelled; `dateOrdered` until then.
    pub approved_at: Timestamp,
    /// The payment.
    pub payment_intent: String,
    /// The deliveries.
    pub delivered_work: Vec<DeliveredWork>,
    /// The pending request for more time.
    pub request_extension: ExtensionRequest,
    /// When it was placed.
    pub date_ordered: Timestamp,
    /// When things happened.
    pub events: OrderEvents,
    /// The buyer's review.
    pub buyer_review: OrderReview,
    /// The seller's review.
    pub seller_review: OrderReview,
}

/// A notification about an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct NotificationDocument {
    /// The document id.
    #[serde(rename = "_id")]
    pub id: String,
    /// Whose it is: a user name.
    pub user_to: String,
    /// Who acted.
    pub sender_username: String,
    /// URL.
    pub sender_picture: String,
    /// Whom it is for.
    pub receiver_username: String,
    /// URL.
    pub receiver_picture: String,
    /// Whether it was read.
    pub is_read: bool,
    /// What is shown after a user name.
    pub message: String,
    /// The public order number.
    pub order_id: String,
    /// When.
    pub created_at: Timestamp,
}
