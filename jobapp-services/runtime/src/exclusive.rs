//! What one process at a time does.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jobapp_kernel::{Leases, RepositoryError, error_text};
use tokio::time::Instant;

/// How long a lease is taken for. It is renewed well before it ends.
const LEASE: Duration = Duration::from_secs(30);
/// How often it is renewed.
const RENEW_EVERY: Duration = Duration::from_secs(10);

/// The right to do what one process at a time should do, for one process.
#[derive(Clone)]
pub struct Exclusive {
    leases: Arc<dyn Leases>,
    owner: String,
}

impl fmt::Debug for Exclusive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exclusive").field("owner", &self.owner).finish_non_exhaustive()
    }
}

impl Exclusive {
    /// For a process, which goes by a name of its own: `owner`.
    pub fn new(leases: Arc<dyn Leases>, owner: impl Into<String>) -> Self {
        Self { leases, owner: owner.into() }
    }

    /// Does something unless another process is at it; `None` when one is. When the right to it is lost meanwhile, because the
    /// store was away for too long, it is cut off: `None` too.
    ///
    /// # Errors
    /// [`RepositoryError::Unavailable`] when the store is away at the beginning.
    pub async fn run<T>(&self, name: &str, work: impl Future<Output = T>) -> Result<Option<T>, RepositoryError> {
        if !self.leases.take(name, &self.owner, LEASE).await? {
            return Ok(None);
        }
        let done = tokio::select! {
            done = work => Some(done),
            () = self.keep(name) => None,
        };
        if let Err(error) = self.leases.release(name, &self.owner).await {
            // It ends by itself.
            tracing::debug!(name, error = error_text(&error), "a lease could not be given back");
        }
        Ok(done)
    }

    /// Whether it is this process's turn to do something that is done again and again, such as every `period`. Another
    /// process takes over when this one has not asked for twice as long.
    ///
    /// # Errors
    /// [`RepositoryError::Unavailable`] when the store is away.
    pub async fn is_ours(&self, name: &str, period: Duration) -> Result<bool, RepositoryError> {
        self.leases.take(name, &self.owner, 2 * period).await
    }

    /// Renews a lease until it is lost.
    async fn keep(&self, name: &str) {
        let mut ends_at = Instant::now() + LEASE;
        loop {
            tokio::time::sleep(RENEW_EVERY).await;
            let asked_at = Instant::now();
            match tokio::time::timeout_at(ends_at, self.leases.renew(name, &self.owner, LEASE)).await {
                Ok(Ok(true)) => ends_at = asked_at + LEASE,
                Ok(Ok(false)) => break,
                Ok(Err(error)) => {
                    tracing::warn!(name, error = error_text(&error), "a lease could not be renewed");
                    if Instant::now() + RENEW_EVERY >= ends_at {
                        break;
                    }
                }
                Err(_) => break,
            }
        }
        tracing::warn!(name, owner = self.owner, "a lease is lost, and what was done under it is given up");
    }
}
