//! Why a use case did not do what it was asked.

use jobapp_kernel::{ErrorKind, Kinded, Money, RepositoryError};

use crate::machine::Refused;
use crate::ports::ProviderError;
use crate::verdict::Refusal;

/// Why a use case did not do what it was asked. The texts are for users.
#[derive(Debug, thiserror::Error)]
pub enum OrdersError {
    /// There is no such order, or it is none of the caller's.
    #[error("Order not found.")]
    OrderNotFound,
    /// There is no such notification, or it is not the caller's.
    #[error("Notification not found.")]
    NotificationNotFound,
    /// The state machine refuses.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The number belongs to another order.
    #[error("The order number is in use.")]
    NumberInUse,
    /// The buyer placed the same order with this number before, and paid it with another payment.
    #[error("You placed this order before, with another payment. Your payment will be refunded.")]
    PaidAgain,
    /// The payment paid for something else.
    #[error("The payment was used for another order.")]
    PaymentUsed,
    /// The payment went back to the buyer, or will.
    #[error("The payment for this order was refunded.")]
    PaymentRefunded,
    /// Nothing was paid that this order could be paid with.
    #[error("The payment for this order was not made.")]
    NotPaid,
    /// What was paid is not what this order costs.
    #[error("The payment of {paid} does not match the order's total of {total}.")]
    WrongAmount {
        /// What was paid.
        paid: Money,
        /// What the order costs.
        total: Money,
    },
    /// What the order claims is contradicted.
    #[error(transparent)]
    Contradicted(#[from] Refusal),
    /// The order was placed, and what it claims turned out to be contradicted.
    #[error("{0}")]
    RefusedBefore(String),
    /// The payment provider did not do it. In what words is for the log.
    #[error("The payment provider refused this.")]
    Provider(#[from] ProviderError),
    /// The store did not do it.
    #[error(transparent)]
    Store(#[from] RepositoryError),
}

impl Kinded for OrdersError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::OrderNotFound | Self::NotificationNotFound => ErrorKind::NotFound,
            Self::Refused(Refused::NotYours { .. }) => ErrorKind::Forbidden,
            Self::Refused(Refused::TooOften { .. } | Refused::Extension(_)) => ErrorKind::Invalid,
            Self::Refused(Refused::NotNow { .. })
            | Self::NumberInUse
            | Self::PaidAgain
            | Self::RefusedBefore(_)
            | Self::PaymentUsed
            | Self::NotPaid
            | Self::PaymentRefunded
            | Self::WrongAmount { .. }
            | Self::Contradicted(_) => ErrorKind::Refused,
            Self::Provider(error) => error.kind(),
            Self::Store(error) => error.kind(),
        }
    }
}
