//! Trying again what another writer was in the way of.

use std::time::Duration;

use sea_orm::DbErr;
use tokio::time::Instant;

use crate::dialect;

/// How long it is tried in all: as long as a writer waits for another one's transaction.
const PATIENCE: Duration = Duration::from_secs(10);
/// The first pause. Each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
/// No pause is longer.
const LONGEST_PAUSE: Duration = Duration::from_millis(250);

/// How long a transaction is begun anew that failed because of others.
pub(crate) struct Patience {
    until: Instant,
    pause: Duration,
}

impl Patience {
    pub(crate) fn new() -> Self {
        Self { until: Instant::now() + PATIENCE, pause: FIRST_PAUSE }
    }

    /// Whether to try again: after a pause, if others were in the way and there is time left.
    pub(crate) async fn again(&mut self, error: &DbErr) -> bool {
        if !dialect::is_transient(error) || Instant::now() >= self.until {
            return false;
        }
        tokio::time::sleep(self.pause).await;
        self.pause = LONGEST_PAUSE.min(self.pause * 2);
        true
    }
}
