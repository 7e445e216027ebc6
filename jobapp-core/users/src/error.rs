//! Why something about users could not be done.

use jobapp_kernel::{ErrorKind, Kinded, RepositoryError};

use crate::work::InvalidTally;
use crate::{BuyerId, SellerId};

/// Why something about users could not be done.
#[derive(Debug, thiserror::Error)]
pub enum UsersError {
    /// There is no such buyer, or not yet.
    #[error("there is no buyer {0}")]
    UnknownBuyer(BuyerId),
    /// There is no buyer of this user, or not yet.
    #[error("there is no buyer called {0:?}")]
    UnknownUser(String),
    /// There is no such seller, or not yet.
    #[error("there is no seller {0}")]
    UnknownSeller(SellerId),
    /// A new buyer has no name or address.
    #[error("a buyer needs a user name and an address")]
    IncompleteBuyer,
    /// Two accounts share a name or an address: the buyer of one of them was made before.
    #[error("the user name or the address of {0:?} belongs to the buyer of another account")]
    BuyerTaken(String),
    /// The user sells already.
    #[error("Seller already exist. Go to your account page to update.")]
    AlreadySeller,
    /// Every buyer who could be made a sample seller is one.
    #[error("Seller already exist.")]
    NobodyLeft,
    /// The seller is somebody else's.
    #[error("This seller belongs to somebody else.")]
    NotYours,
    /// What was to be counted makes no sense.
    #[error(transparent)]
    Tally(#[from] InvalidTally),
    /// The store.
    #[error(transparent)]
    Store(#[from] RepositoryError),
}

impl Kinded for UsersError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::UnknownBuyer(_) | Self::UnknownUser(_) | Self::UnknownSeller(_) => ErrorKind::NotFound,
            Self::IncompleteBuyer | Self::AlreadySeller | Self::NobodyLeft | Self::Tally(_) => ErrorKind::Invalid,
            Self::BuyerTaken(_) => ErrorKind::Refused,
            Self::NotYours => ErrorKind::Forbidden,
            Self::Store(error) => error.kind(),
        }
    }
}
