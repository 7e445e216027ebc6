//! Why chatting failed, in the words of the business.

use jobapp_kernel::{ErrorKind, Kinded, MediaError, RepositoryError};

use crate::{GigId, InvalidOffer, OfferState};

/// Why a message could not be written, read or answered. The texts are for users.
#[derive(Debug, thiserror::Error)]
pub enum ChatError {
    /// Somebody writes to himself.
    #[error("You cannot write to yourself.")]
    ToOneself,
    /// Nobody has the sender's name yet: a new user's profile may still be on its way.
    #[error("Your profile is not ready yet. Please try again in a moment.")]
    UnknownSender,
    /// Nobody has the receiver's name.
    #[error("The receiver does not exist.")]
    UnknownReceiver,
    /// The ids are not the seller's and the buyer's id of the two users.
    #[error("The seller id and the buyer id must be those of the sender and the receiver.")]
    ForeignRoles {
        /// Whether a profile that may still be on its way could make them right.
        may_change: bool,
    },
    /// The buying side makes an offer.
    #[error("Only the seller can make an offer.")]
    NotTheSeller,
    /// The terms are no offer.
    #[error(transparent)]
    Offer(#[from] InvalidOffer),
    /// An offer names no gig that could be ordered.
    #[error("An offer must name its gig.")]
    NoGigNamed,
    /// Nothing is known of the gig that is offered: it may be new.
    #[error("The gig of this offer is not known yet. Please try again in a moment.")]
    UnknownGig {
        /// The gig.
        gig: GigId,
    },
    /// There is no gig as is offered.
    #[error("The gig of this offer does not exist.")]
    NoGig,
    /// Somebody offers another seller's gig.
    #[error("The gig of this offer belongs to another seller.")]
    ForeignGig,
    /// The gig that is offered is gone.
    #[error("The gig of this offer was deleted.")]
    GigDeleted,
    /// There is no such message, or it is none of the caller's business.
    #[error("The message does not exist.")]
    NoMessage,
    /// The message carries no offer.
    #[error("This message carries no offer.")]
    NoOffer,
    /// Only the receiver marks a message as read.
    #[error("Only the receiver can mark a message as read.")]
    NotTheReceiver,
    /// Only the buying side accepts.
    #[error("Only the buyer can accept an offer.")]
    NotTheBuyer,
    /// The offer was answered otherwise before.
    #[error("This offer was {} before.", match state { OfferState::Accepted => "accepted", _ => "cancelled" })]
    Answered {
        /// How.
        state: OfferState,
    },
    /// The file was not stored.
    #[error("{}", upload_text(.0))]
    Upload(#[source] MediaError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] RepositoryError),
}

fn upload_text(error: &MediaError) -> String {
    match error {
        MediaError::TooLarge { .. } | MediaError::Refused { .. } => error.to_string(),
        MediaError::Invalid { .. } | MediaError::Unavailable(_) => "File upload error. Try again".to_owned(),
    }
}

impl ChatError {
    /// Whether the same call may succeed in a moment, because news of a profile or a gig may still be on its way.
    pub const fn is_early(&self) -> bool {
        matches!(
            self,
            Self::UnknownSender
                | Self::UnknownReceiver
                | Self::ForeignRoles { may_change: true }
                | Self::UnknownGig { .. }
        )
    }
}

impl Kinded for ChatError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::ToOneself
            | Self::UnknownSender
            | Self::UnknownReceiver
            | Self::ForeignRoles { .. }
            | Self::NotTheSeller
            | Self::Offer(_)
            | Self::NoGigNamed
            | Self::ForeignGig
            | Self::NoOffer => ErrorKind::Invalid,
            Self::NoMessage | Self::NoGig | Self::GigDeleted => ErrorKind::NotFound,
            Self::NotTheReceiver | Self::NotTheBuyer => ErrorKind::Forbidden,
            Self::Answered { .. } => ErrorKind::Refused,
            Self::UnknownGig { .. } => ErrorKind::Unavailable,
            Self::Upload(error) => error.kind(),
            Self::Store(error) => error.kind(),
        }
    }
}
