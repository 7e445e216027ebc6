//! The read model of reviews, whatever keeps it.

use std::ops::RangeInclusive;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use backon::{ExponentialBuilder, Retryable};
use jobapp_kernel::RepositoryError;
use jobapp_reviews::{Day, Edition, RatedReview, RatingCounts, ReviewAnalytics, Subject};
use jobapp_runtime::error_text;
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use super::{Address, OpenError, SealingKey, Store};

/// How soon it is tried again after the first failure; each further pause is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// The longest pause: so late it is noticed that a database is back.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The read model of reviews, in a database of its own. A clone is another handle.
#[derive(Clone)]
pub struct Analytics {
    /// To ask and to tell.
    pub model: Arc<dyn ReviewAnalytics>,
    late: Arc<Late>,
}

/// What is opened once it can be.
#[derive(Default)]
struct Late {
    opened: OnceLock<(Store, Arc<dyn ReviewAnalytics>)>,
    /// Why it is not open yet.
    trouble: Mutex<Option<String>>,
}

impl Analytics {
    /// Opens the read model at this address, which is one of a store. It need not be there yet: it is opened once it can be, and until then
    /// everything that is asked of it is unavailable. Trying ends when `stop` is cancelled.
    ///
    /// # Errors
    /// [`OpenError`] when nothing here opens such an address.
    pub fn open(address: &Address, key: Option<SealingKey>, stop: CancellationToken) -> Result<Self, OpenError> {
        Store::check(address)?;
        let late = Arc::new(Late::default());
        let (address, opening) = (address.clone(), Arc::clone(&late));
        tokio::spawn(stop.run_until_cancelled_owned(async move { opening.open(&address, key).await }));
        Ok(Self { model: Arc::new(LateAnalytics(Arc::clone(&late))), late })
    }

    /// Looks whether it can be had, and changes nothing.
    ///
    /// # Errors
    /// As [`Store::look`].
    pub async fn look(address: &Address) -> Result<(), OpenError> {
        Store::look(address).await
    }

    /// What is wrong with it, in words; `None` while all is well. Meanwhile reviews are written and read all the same.
    pub async fn trouble(&self) -> Option<String> {
        match self.late.opened.get() {
            Some((store, _)) => store.trouble().await,
            None => self.late.trouble.lock().clone().or_else(|| Some("it is being opened".to_owned())),
        }
    }
}

impl Late {
    /// Tries until it is open. What is wrong may be wrong over there, such as a password: somebody may see to it.
    async fn open(&self, address: &Address, key: Option<SealingKey>) {
        let attempt = || async {
            let store = Store::open(address, key).await?;
            let analytics = store.analytics().await?;
            Ok::<_, OpenError>((store, analytics))
        };
        let pauses = ExponentialBuilder::new()
            .with_min_delay(FIRST_PAUSE)
            .with_max_delay(LONGEST_PAUSE)
            .with_jitter()
            .without_max_times();
        let trying = attempt.retry(pauses).sleep(tokio::time::sleep).notify(|error, pause| {
            let (error, pause_ms) = (error_text(error), pause.as_millis());
            tracing::warn!(database = %address, error, pause_ms, "the analytics of reviews cannot be had yet");
            *self.trouble.lock() = Some(error);
        });
        // Without a limit of tries this never fails.
        if let Ok(opened) = trying.await
            && self.opened.set(opened).is_ok()
        {
            tracing::info!(database = %address, "the analytics of reviews are there");
        }
    }
}

/// Analytics that may not be there yet.
struct LateAnalytics(Arc<Late>);

impl LateAnalytics {
    fn there(&self) -> Result<&dyn ReviewAnalytics, RepositoryError> {
        let away = || {
            let why = self.0.trouble.lock().clone().unwrap_or_else(|| "it is being opened".to_owned());
            RepositoryError::unavailable("ask the analytics of reviews", why)
        };
        self.0.opened.get().map(|(_, analytics)| &**analytics).ok_or_else(away)
    }
}

#[async_trait]
impl ReviewAnalytics for LateAnalytics {
    async fn record(&self, review: &RatedReview) -> Result<(), RepositoryError> {
        self.there()?.record(review).await
    }

    async fn counts(&self, subject: &Subject, days: RangeInclusive<Day>) -> Result<RatingCounts, RepositoryError> {
        self.there()?.counts(subject, days).await
    }

    async fn is_built(&self) -> Result<bool, RepositoryError> {
        self.there()?.is_built().await
    }

    async fn begin(&self) -> Result<Edition, RepositoryError> {
        self.there()?.begin().await
    }

    async fn add(&self, edition: Edition, reviews: &[RatedReview]) -> Result<(), RepositoryError> {
        self.there()?.add(edition, reviews).await
    }

    async fn publish(&self, edition: Edition) -> Result<bool, RepositoryError> {
        self.there()?.publish(edition).await
    }
}

#[cfg(test)]
mod tests {
    use jobapp_contracts::analytics::Totals;
    use jobapp_kernel::{ErrorKind, Kinded};

    use super::*;

    async fn until_open(analytics: &Analytics) {
        let opening = async {
            while analytics.trouble().await.is_some() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), opening).await.expect("it is opened");
    }

    async fn fresh() -> Totals {
        let analytics = Analytics::open(&Address::parse("JOBAPP_ANALYTICS", "memory:"), None, CancellationToken::new());
        let analytics = analytics.unwrap();
        until_open(&analytics).await;
        Totals::of(analytics.model)
    }

    jobapp_contracts::analytics!(fresh());

    #[tokio::test]
    async fn a_wrong_address_is_told_at_once() {
        for (text, told) in [
            ("oracle://jobapp:hush@db.test/market", "is no address of a store"),
            #[cfg(feature = "postgres")]
            ("postgres://jobapp:hush@db.test/market?connections=0", "connections=0"),
        ] {
            let address = Address::parse("JOBAPP_ANALYTICS", text);
            let error = Analytics::open(&address, None, CancellationToken::new()).err().unwrap().to_string();
            assert!(error.starts_with("JOBAPP_ANALYTICS: ") && error.contains(told), "{error}");
            assert!(!error.contains("hush"), "{error}");
        }
    }

    #[cfg(feature = "sqlite")]
    #[tokio::test]
    async fn what_is_away_is_told_and_opened_once_it_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("later");
        // Where a folder should be is a file.
        std::fs::write(&path, "").unwrap();
        let address = Address::new("JOBAPP_ANALYTICS", "sqlite", path.join("analytics.db"));
        let stop = CancellationToken::new();
        let analytics = Analytics::open(&address, None, stop.clone()).unwrap();
        let error = analytics.model.is_built().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(analytics.trouble().await.is_some());
        std::fs::remove_file(&path).unwrap();
        until_open(&analytics).await;
        assert!(!analytics.model.is_built().await.unwrap());
        stop.cancel();
    }
}
