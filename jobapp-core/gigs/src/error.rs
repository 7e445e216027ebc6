//! Why something could not be done with a gig.

use jobapp_kernel::{ErrorKind, Kinded, RepositoryError};

/// Why something could not be done with a gig.
#[derive(Debug, thiserror::Error)]
pub enum GigError {
    /// There is no such gig, or the caller may not know of it.
    #[error("The gig does not exist.")]
    NotFound,
    /// The gig is another seller's.
    #[error("The gig belongs to another seller.")]
    NotYours,
    /// It costs too little.
    #[error("Gig price must be greater than $4.99")]
    PriceTooLow,
    /// It costs more than a payment can carry.
    #[error("Gig price must be at most ${}", jobapp_kernel::Price::HIGHEST.money())]
    PriceTooHigh,
    /// It names no subcategory.
    #[error("Please add at least one subcategory")]
    NoSubCategory,
    /// It has no tag.
    #[error("Please add at least one tag")]
    NoTag,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] RepositoryError),
}

impl Kinded for GigError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::NotFound => ErrorKind::NotFound,
            Self::NotYours => ErrorKind::Forbidden,
            Self::PriceTooLow | Self::PriceTooHigh | Self::NoSubCategory | Self::NoTag => ErrorKind::Invalid,
            Self::Store(error) => error.kind(),
        }
    }
}
