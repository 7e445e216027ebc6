//! Error kinds: what a caller can do about a failure.

use std::error::Error;

/// What a caller can do about a failure. Every error of the core and of a port has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The request itself is wrong; the text says what to change.
    Invalid,
    /// Nobody is signed in, or the credentials are wrong.
    Unauthorized,
    /// The caller may not do this.
    Forbidden,
    /// The thing does not exist, or its existence is private.
    NotFound,
    /// The thing changed meanwhile: whoever loads it again and decides again may succeed. Only stores say so, and only to
    /// whoever decides again: a caller is never told.
    Conflict,
    /// The thing is in a state that does not allow this, and repeating the call does not change that.
    Refused,
    /// A unique value is in use by something else. Only stores say so; what the business finds in use is [`Self::Refused`].
    Taken,
    /// The same idempotency key came with another body. Only stores say so.
    Mismatch,
    /// Too large.
    TooLarge,
    /// Too many attempts; later ones may succeed.
    Limited,
    /// Something this depends on is away; the same call may succeed later.
    Unavailable,
    /// A fault of ours: stored data that cannot be read, a broken invariant.
    Internal,
}

impl ErrorKind {
    /// Whether the same call may succeed when made again, unchanged.
    pub const fn retryable(self) -> bool {
        match self {
            Self::Conflict | Self::Unavailable | Self::Limited => true,
            Self::Invalid
            | Self::Unauthorized
            | Self::Forbidden
            | Self::NotFound
            | Self::Refused
            | Self::Taken
            | Self::Mismatch
            | Self::TooLarge
            | Self::Internal => false,
        }
    }
}

/// An error that says of which kind it is.
pub trait Kinded: Error {
    /// The kind to act on.
    fn kind(&self) -> ErrorKind;
}

/// An error and everything that caused it, from the outside in.
pub fn error_text(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        let more = inner.to_string();
        // A transparent error repeats its source, and so do those of some libraries.
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        source = inner.source();
    }
    text
}

/// Why a store could not answer.
#[derive(Debug, thiserror::Error)]
pub enum RepositoryError {
    /// The version moved since the value was loaded: reload, decide again, save again.
    #[error("{aggregate} {id} was changed meanwhile")]
    Conflict {
        /// The kind of aggregate.
        aggregate: &'static str,
        /// Its id.
        id: String,
    },
    /// A unique key is in use by another aggregate of the same kind.
    #[error("the {key} of this {aggregate} is in use")]
    Taken {
        /// The kind of aggregate.
        aggregate: &'static str,
        /// The declared name of the key; `id` for the id itself.
        key: &'static str,
    },
    /// The idempotency key was used before, with another body.
    #[error("this idempotency key was used with another body")]
    CauseReused,
    /// A key value is longer than [`crate::MAX_KEY_BYTES`].
    #[error("A value is longer than {} bytes.", crate::MAX_KEY_BYTES)]
    KeyTooLong {
        /// The kind of aggregate.
        aggregate: &'static str,
        /// The declared name of the key.
        key: &'static str,
    },
    /// A key value or an id has the character U+0000, which not every database can store.
    #[error("A value has a character that cannot be stored.")]
    KeyHasNul {
        /// The kind of aggregate.
        aggregate: &'static str,
        /// The declared name of the key; `id` for the id itself.
        key: &'static str,
    },
    /// What is stored cannot be read as this kind of aggregate.
    #[error("the stored {aggregate} {id} cannot be read")]
    Corrupt {
        /// The kind of aggregate.
        aggregate: &'static str,
        /// Its id.
        id: String,
        /// What is wrong with it.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The store is away, full, locked or broken.
    #[error("the store could not {attempt}")]
    Unavailable {
        /// What was attempted, as in `save an order`.
        attempt: String,
        /// Why it failed.
        source: Box<dyn Error + Send + Sync>,
    },
}

impl RepositoryError {
    /// The store could not `attempt`, because of `source`.
    pub fn unavailable(attempt: impl Into<String>, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Unavailable { attempt: attempt.into(), source: source.into() }
    }

    /// Other processes changed the one `aggregate` again and again.
    pub fn overtaken(aggregate: &str) -> Self {
        Self::unavailable(format!("change one {aggregate}"), "other processes changed it again and again")
    }

    /// The same, but whoever took one of these unique values between the look and the save is somebody who was faster: a
    /// [`Self::Conflict`], after which one looks and decides again.
    #[must_use]
    pub fn or_look_again(self, keys: &[&str]) -> Self {
        match self {
            Self::Taken { aggregate, key } if keys.contains(&key) => {
                Self::Conflict { aggregate, id: format!("with this {key}") }
            }
            other => other,
        }
    }

    /// The name of the unique key that is in use, if that is the reason.
    pub fn taken_key(&self) -> Option<&'static str> {
        match self {
            Self::Taken { key, .. } => Some(key),
            _ => None,
        }
    }
}

impl Kinded for RepositoryError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Conflict { .. } => ErrorKind::Conflict,
            Self::Taken { .. } => ErrorKind::Taken,
            Self::CauseReused => ErrorKind::Mismatch,
            Self::KeyTooLong { .. } | Self::KeyHasNul { .. } => ErrorKind::Invalid,
            Self::Corrupt { .. } => ErrorKind::Internal,
            Self::Unavailable { .. } => ErrorKind::Unavailable,
        }
    }
}
