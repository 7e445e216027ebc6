//! What orders raise.

use jobapp_kernel::Timestamp;
use serde::{Deserialize, Serialize};

use crate::OrderState;

/// A step of an order. The tags are the steps' names on the wire.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum OrderEvent {
    /// It was placed; it may still wait for its payment or for facts.
    OrderPlaced(Box<Step>),
    /// It is paid and checked: the work begins.
    OrderStarted(Box<Step>),
    /// Work was delivered.
    OrderDelivered(Box<Step>),
    /// The buyer approved.
    OrderApproved(Box<Step>),
    /// It was given up, or refused.
    OrderCancelled(Box<Step>),
    /// The seller asks for more time.
    ExtensionRequested(Box<Step>),
    /// The buyer grants it.
    ExtensionApproved(Box<Step>),
    /// The buyer does not.
    ExtensionRejected(Box<Step>),
    /// The buyer reviewed the seller.
    BuyerReview(Box<Step>),
    /// The seller reviewed the buyer.
    SellerReview(Box<Step>),
    /// The money went back.
    OrderRefunded(Box<Step>),
}

/// Who did it, when, and the order as it is from then on.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Step {
    /// Who acted: a user name; empty when the marketplace did.
    pub actor: String,
    /// When.
    pub at: Timestamp,
    /// The order as it is now.
    pub order: OrderState,
}

impl OrderEvent {
    /// The step's name on the wire.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::OrderPlaced(_) => "order-placed",
            Self::OrderStarted(_) => "order-started",
            Self::OrderDelivered(_) => "order-delivered",
            Self::OrderApproved(_) => "order-approved",
            Self::OrderCancelled(_) => "order-cancelled",
            Self::ExtensionRequested(_) => "extension-requested",
            Self::ExtensionApproved(_) => "extension-approved",
            Self::ExtensionRejected(_) => "extension-rejected",
            Self::BuyerReview(_) => "buyer-review",
            Self::SellerReview(_) => "seller-review",
            Self::OrderRefunded(_) => "order-refunded",
        }
    }

    /// Who, when and the order.
    pub const fn step(&self) -> &Step {
        match self {
            Self::OrderPlaced(step)
            | Self::OrderStarted(step)
            | Self::OrderDelivered(step)
            | Self::OrderApproved(step)
            | Self::OrderCancelled(step)
            | Self::ExtensionRequested(step)
            | Self::ExtensionApproved(step)
            | Self::ExtensionRejected(step)
            | Self::BuyerReview(step)
            | Self::SellerReview(step)
            | Self::OrderRefunded(step) => step,
        }
    }
}
