//! Why a use case did not do what it was asked to.

use std::time::Duration;

use jobapp_kernel::{ByteSize, ErrorKind, Kinded, MediaError, RepositoryError};

use crate::account::{ResetRefused, SecondFactorRefused, VerificationRefused};
use crate::name::{InvalidEmail, InvalidUsername};
use crate::password::WeakPassword;
use crate::{HashError, SessionId, Username};

const LOGIN_AGAIN: &str = "Token is not available. Please login again.";

/// Why a use case did not do what it was asked to. The texts are for users.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// The name or the address is in use; which of them is nobody's business.
    #[error("Invalid credentials. Email or Username")]
    Taken,
    /// Nobody may have this name.
    #[error(transparent)]
    Username(#[from] InvalidUsername),
    /// This is no address.
    #[error(transparent)]
    Email(#[from] InvalidEmail),
    /// The new password is too short, too long or too common.
    #[error(transparent)]
    WeakPassword(#[from] WeakPassword),
    /// There is no such account, or the password is wrong; which of them is nobody's business.
    #[error("Invalid credentials")]
    WrongCredentials,
    /// The current password is wrong.
    #[error("The current password is wrong.")]
    WrongPassword,
    /// The code is wrong, used up, too old, or was guessed too often.
    #[error("OTP is invalid.")]
    WrongCode,
    /// The account asked for many codes lately.
    #[error("Too many codes were sent. Please try again later.")]
    TooManyCodes,
    /// This place guessed wrong often, for this name. Whether there is such an account is nobody's business.
    #[error("Too many attempts. Please try again later.")]
    TooManyAttempts {
        /// How long to wait.
        wait: Duration,
    },
    /// The wish about the second factor does not fit.
    #[error(transparent)]
    SecondFactor(#[from] SecondFactorRefused),
    /// There is no account with this name.
    #[error("There is no account with this name.")]
    NoSuchAccount,
    /// The verify link is used up, or was never good.
    #[error(transparent)]
    Verification(#[from] VerificationRefused),
    /// The reset link is used up or too old, or was never good.
    #[error(transparent)]
    Reset(#[from] ResetRefused),
    /// The address is not the caller's.
    #[error("Email is invalid")]
    NotOwnEmail,
    /// The account is not the caller's.
    #[error("This belongs to somebody else.")]
    NotOwn,
    /// The session is over, or the refresh token is none of its own.
    #[error("{LOGIN_AGAIN}")]
    SessionOver,
    /// A spent refresh token was presented, so its session was ended.
    #[error("{LOGIN_AGAIN}")]
    Stolen {
        /// The session.
        session: SessionId,
        /// Whose it was.
        username: Username,
    },
    /// The caller has no session with this id.
    #[error("The session does not exist.")]
    NoSuchSession,
    /// So many sample users are not made at once.
    #[error("The count must be a whole number from 1 to {limit}.")]
    Count {
        /// The most at once.
        limit: usize,
    },
    /// The picture was not stored.
    #[error("{}", picture_text(.0))]
    Picture(#[source] MediaError),
    /// The password was not hashed.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] RepositoryError),
}

fn picture_text(error: &MediaError) -> String {
    match error {
        MediaError::TooLarge { limit } => {
            format!("The picture is too large: choose one of at most {}.", ByteSize(*limit))
        }
        MediaError::Refused { reason } => reason.clone(),
        MediaError::Invalid { .. } | MediaError::Unavailable(_) => "File upload error. Try again".to_owned(),
    }
}

impl Kinded for AuthError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Taken
            | Self::Username(_)
            | Self::Email(_)
            | Self::WeakPassword(_)
            | Self::WrongCredentials
            | Self::WrongPassword
            | Self::WrongCode
            | Self::Verification(_)
            | Self::Reset(_)
            | Self::NotOwnEmail
            | Self::Count { .. } => ErrorKind::Invalid,
            Self::TooManyCodes | Self::TooManyAttempts { .. } => ErrorKind::Limited,
            Self::SecondFactor(SecondFactorRefused::WrongCode) => ErrorKind::Invalid,
            Self::SecondFactor(SecondFactorRefused::On | SecondFactorRefused::Off) => ErrorKind::Refused,
            Self::NotOwn => ErrorKind::Forbidden,
            Self::SessionOver | Self::Stolen { .. } => ErrorKind::Unauthorized,
            Self::NoSuchSession | Self::NoSuchAccount => ErrorKind::NotFound,
            Self::Picture(error) => error.kind(),
            Self::Hash(error) => error.kind(),
            Self::Store(error) => error.kind(),
        }
    }
}
