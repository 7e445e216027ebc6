//! Forgetting what nobody needs any more.

use jobapp_kernel::{Aggregate, Bounds, Change, Key, PageRequest, Repository, RepositoryError, Timestamp};

use super::Auth;
use crate::{Attempts, AuthError, PendingSignIn, Session};

/// How much is forgotten in one step.
const STEP: usize = 200;

impl Auth {
    /// Forgets sessions that expired or ended a while ago, sign-ins whose codes no longer count, and failures of long ago.
    /// Says how many.
    ///
    /// # Errors
    /// When the store does not answer; what is left is forgotten next time.
    pub async fn forget_old(&self) -> Result<usize, AuthError> {
        let now = self.ports.clock.now();
        let sessions = forget(&*self.ports.sessions, Session::REMOVABLE, now).await?;
        let pending = forget(&*self.ports.pending, PendingSignIn::REMOVABLE, now).await?;
        let attempts = forget(&*self.ports.attempts, Attempts::REMOVABLE, now).await?;
        Ok(sessions + pending + attempts)
    }
}

async fn forget<A: Aggregate>(
    repository: &dyn Repository<A>,
    key: Key<A>,
    before: Timestamp,
) -> Result<usize, RepositoryError> {
    let mut forgotten = 0;
    let mut cursor = None;
    loop {
        let bounds = Bounds { from: None, until: Some(before.into()) };
        let page = repository.range(key, bounds, PageRequest::first(STEP).after(cursor)).await?;
        for stored in page.items {
            match repository.save(Change::delete(stored.version, stored.value, Vec::new())).await {
                Ok(_) => forgotten += 1,
                // Renewed or forgotten by somebody else in this moment.
                Err(RepositoryError::Conflict { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        match page.next {
            Some(next) => cursor = Some(next),
            None => return Ok(forgotten),
        }
    }
}
