//! Sees to it that the analytics were built from the reviews once: those of a new database, or of an earlier form.

use std::time::Duration;

use jobapp_reviews::RebuildError;
use jobapp_runtime::{Backoff, error_text};
use tokio_util::sync::CancellationToken;

use crate::ReviewPorts;

pub(crate) async fn run(ports: &ReviewPorts, stop: CancellationToken) {
    let mut backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(30));
    while let Err(error) = built(ports).await {
        match error {
            // Another process is at it, and might not come to its end.
            RebuildError::Busy | RebuildError::Overtaken => {}
            RebuildError::Failed(error) => {
                tracing::warn!(error = error_text(&error), "the analytics of reviews could not be looked after");
            }
        }
        let pause = tokio::time::sleep(backoff.pause());
        if stop.run_until_cancelled(pause).await.is_none() {
            return;
        }
    }
}

async fn built(ports: &ReviewPorts) -> Result<(), RebuildError> {
    if !ports.analytics.is_built().await? {
        let ratings = ports.rebuild_analytics(&|_| ()).await?;
        tracing::info!(ratings, "the analytics of reviews were built from the store");
    }
    Ok(())
}
