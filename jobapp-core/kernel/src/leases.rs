//! Leases: what one owner at a time may do, whatever process it is in.

use std::time::Duration;

use async_trait::async_trait;

use crate::RepositoryError;

/// Gives each name to one owner at a time.
///
/// A lease ends by itself, by the store's clock, so that nobody waits for an owner that is gone. Whoever works under one has
/// to be done by then, or [renew](Leases::renew) it in time, and to stop when that is refused.
#[async_trait]
pub trait Leases: Send + Sync {
    /// Takes the lease `name` for this long, unless somebody else has it. Whoever has it takes it anew. Returns whether `owner`
    /// has it now.
    async fn take(&self, name: &str, owner: &str, time: Duration) -> Result<bool, RepositoryError>;

    /// Makes a lease that `owner` has last this long from now. Returns whether `owner` still has it: one that has ended is
    /// over, even if nobody else took it.
    async fn renew(&self, name: &str, owner: &str, time: Duration) -> Result<bool, RepositoryError>;

    /// Who has the lease now.
    async fn owner(&self, name: &str) -> Result<Option<String>, RepositoryError>;

    /// Gives the lease back, if `owner` has it.
    async fn release(&self, name: &str, owner: &str) -> Result<(), RepositoryError>;
}
