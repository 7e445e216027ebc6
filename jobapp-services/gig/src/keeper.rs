//! Sees to it that there is a search index.

use std::time::Duration;

use jobapp_gigs::SearchError;
use jobapp_runtime::{Backoff, error_text};
use tokio_util::sync::CancellationToken;

use crate::GigService;

/// How often the index is looked after unasked: somebody may have removed it.
const LOOK_EVERY: Duration = Duration::from_secs(2);

pub(crate) async fn run(service: &GigService, stop: CancellationToken) {
    let mut backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(30));
    while !stop.is_cancelled() {
        let pause = match heal(service).await {
            Ok(()) => {
                backoff.reset();
                None
            }
            Err(error) => {
                tracing::warn!(error = error_text(&error), "the search index could not be looked after");
                Some(backoff.pause())
            }
        };
        match pause {
            Some(pause) => tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(pause) => {}
            },
            None => tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
                () = service.degraded.notified() => {}
            },
        }
    }
}

/// Builds the index if it must be, unless another process is at it: two at once would overtake each other.
async fn heal(service: &GigService) -> Result<(), SearchError> {
    if !service.indexer.needs_rebuild().await? {
        return Ok(());
    }
    let healed = service.exclusive.run("search", service.indexer.heal()).await.map_err(SearchError::Source)?;
    if let Some(gigs) = healed.transpose()?.flatten() {
        tracing::info!(gigs, "the search index was built from the store");
    }
    Ok(())
}
