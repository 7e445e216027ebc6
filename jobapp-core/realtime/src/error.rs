//! What can go wrong.

use jobapp_kernel::{ErrorKind, Kinded};

/// What a port needs cannot be reached.
#[derive(Debug, thiserror::Error)]
#[error("{what} cannot be reached")]
pub struct Unavailable {
    /// What: `presence`, `fan-out` or `sessions`.
    pub what: &'static str,
    /// Why.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

impl Kinded for Unavailable {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Unavailable
    }
}
