//! Waiting for what is missing.

use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use jobapp_runtime::error_text;
use tokio_util::sync::CancellationToken;

use crate::{OpenError, Readiness};

/// How soon it is looked again after the first failure; each further pause is twice as long, and longer by lot.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// The longest pause, before the lot.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Why something was waited for in vain.
#[derive(Debug, thiserror::Error)]
pub enum WaitError {
    /// The process was asked to stop before it was there.
    #[error("asked to stop while waiting for {0}")]
    Stopped(String),
    /// It will not come by itself: waiting does not help.
    #[error("{what} cannot be had")]
    Hopeless {
        /// What.
        what: String,
        /// Why.
        source: OpenError,
    },
}

/// Tries until it succeeds, with growing pauses, and says in the log and to `readiness` what is missing. Ends at once when `stop`
/// is cancelled, and when the failure is one that does not pass.
///
/// # Errors
/// [`WaitError`].
pub async fn until_there<T, F>(
    what: &str,
    readiness: &Readiness,
    stop: &CancellationToken,
    attempt: impl FnMut() -> F,
) -> Result<T, WaitError>
where
    F: Future<Output = Result<T, OpenError>>,
{
    let pauses = ExponentialBuilder::new()
        .with_min_delay(FIRST_PAUSE)
        .with_max_delay(LONGEST_PAUSE)
        .with_jitter()
        .without_max_times();
    let trying = attempt.retry(pauses).sleep(tokio::time::sleep).when(OpenError::may_pass).notify(|error, pause| {
        let (error, pause_ms) = (error_text(error), pause.as_millis());
        readiness.misses(what, &error);
        tracing::warn!(what, error, pause_ms, "waiting for {what}");
    });
    match stop.run_until_cancelled(trying).await {
        None => Err(WaitError::Stopped(what.to_owned())),
        Some(Err(source)) => Err(WaitError::Hopeless { what: what.to_owned(), source }),
        Some(Ok(there)) => {
            readiness.has(what);
            Ok(there)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::Verdict;

    #[tokio::test(start_paused = true)]
    async fn what_is_away_is_waited_for_and_named() {
        let (readiness, stop, tries) = (Readiness::new(), CancellationToken::new(), AtomicU32::new(0));
        let waiting =
            until_there("the kettle", &readiness, &stop, async || match tries.fetch_add(1, Ordering::Relaxed) {
                40 => Ok("tea"),
                _ => Err(OpenError::away("it boils")),
            });
        let meanwhile = async {
            tokio::time::sleep(Duration::from_secs(60)).await;
            readiness.verdict().await
        };
        let (there, seen) = tokio::join!(waiting, meanwhile);
        assert_eq!(there.unwrap(), "tea");
        assert_eq!(seen, Verdict::Starting([("the kettle".to_owned(), "it boils".to_owned())].into()));
        readiness.started();
        assert_eq!(readiness.verdict().await, Verdict::Ready);
    }

    #[tokio::test(start_paused = true)]
    async fn what_will_not_come_is_not_waited_for() {
        let (readiness, stop) = (Readiness::new(), CancellationToken::new());
        let hopeless = until_there("tea", &readiness, &stop, async || Err::<(), _>(OpenError::of("no leaves"))).await;
        assert!(matches!(hopeless, Err(WaitError::Hopeless { .. })));
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_ends_at_once_when_asked() {
        let (readiness, stop) = (Readiness::new(), CancellationToken::new());
        let waiting = until_there("tea", &readiness, &stop, async || Err::<(), _>(OpenError::away("it boils")));
        let stopping = async {
            tokio::time::sleep(Duration::from_secs(100)).await;
            stop.cancel();
            tokio::time::Instant::now()
        };
        let (ended, asked) = tokio::join!(waiting, stopping);
        assert!(matches!(ended, Err(WaitError::Stopped(_))));
        assert_eq!(tokio::time::Instant::now(), asked);
    }
}
