//! What accounts need from outside.

use std::error::Error;

use async_trait::async_trait;
use jobapp_kernel::{ErrorKind, Kinded};

/// Gives random bytes nobody can foretell.
pub trait Secrets: Send + Sync {
    /// Fills `bytes`.
    fn fill(&self, bytes: &mut [u8]);
}

/// What a password hash said about a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    /// Whether it is the right one.
    pub matches: bool,
    /// Whether the hash was made in an older way and should be made anew.
    pub needs_rehash: bool,
}

/// Why a password was neither hashed nor verified.
#[derive(Debug, thiserror::Error)]
pub enum HashError {
    /// So many passwords wait that this one would wait too long.
    #[error("too many passwords wait to be hashed")]
    Busy,
    /// What is stored is no hash, or hashing failed.
    #[error("the password could not be hashed")]
    Failed(#[source] Box<dyn Error + Send + Sync>),
}

impl Kinded for HashError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Busy => ErrorKind::Unavailable,
            Self::Failed(_) => ErrorKind::Internal,
        }
    }
}

/// Hashes passwords slowly, and verifies them against what it and older systems made.
#[async_trait]
pub trait PasswordHasher: Send + Sync {
    /// The hash of a password: a text that says how it was made.
    async fn hash(&self, password: &str) -> Result<String, HashError>;

    /// Whether `hash` is of this password.
    async fn verify(&self, password: &str, hash: &str) -> Result<Verified, HashError>;

    /// Works as long as [`PasswordHasher::verify`] does, for accounts that do not exist: the time an answer takes must not
    /// tell.
    async fn pretend(&self, password: &str) -> Result<(), HashError>;
}
