//! Why reviewing failed, in the words of the business.

use jobapp_kernel::{ErrorKind, Kinded, RepositoryError};

/// Why a review could not be written. The texts are for users.
#[derive(Debug, thiserror::Error)]
pub enum ReviewError {
    /// There is no such order, or it is none of the caller's business. It may also not have been heard of yet.
    #[error("The order does not exist.")]
    NoOrder,
    /// The order is not completed, or that was not heard of yet.
    #[error("Only a completed order can be reviewed.")]
    NotCompleted,
    /// The caller is the order's other side.
    #[error("Only the buyer can write a buyer's review, and only the seller a seller's.")]
    OtherSide,
    /// This side has reviewed this order.
    #[error("You have already reviewed this order.")]
    Reviewed,
    /// No words.
    #[error("A review needs some words, at most {} characters.", crate::Review::MAX_CHARACTERS)]
    Text,
    /// Nothing is known of the reviewer yet: a new user's profile may still be on its way.
    #[error("the reviewer's profile is not known yet")]
    UnknownReviewer,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] RepositoryError),
}

impl ReviewError {
    /// Whether the same call may succeed in a moment, because an event may still be on its way.
    pub const fn is_early(&self) -> bool {
        matches!(self, Self::NoOrder | Self::NotCompleted | Self::UnknownReviewer)
    }
}

impl Kinded for ReviewError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::NoOrder => ErrorKind::NotFound,
            Self::NotCompleted => ErrorKind::Refused,
            Self::Reviewed => ErrorKind::Refused,
            Self::OtherSide => ErrorKind::Forbidden,
            Self::Text => ErrorKind::Invalid,
            Self::UnknownReviewer => ErrorKind::Unavailable,
            Self::Store(error) => error.kind(),
        }
    }
}
