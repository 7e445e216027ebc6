//! What the review service stands on.

use std::sync::Arc;

use jobapp_directory::Directory;
use jobapp_platform::{OpenError, Shared, Store};
use jobapp_reviews::{Rebuild, RebuildError, ReviewAnalytics, Reviews};
use jobapp_runtime::Exclusive;

/// What one process at a time does.
const REBUILD: &str = "review analytics";

/// What the review service stands on.
#[derive(Clone)]
pub struct ReviewPorts {
    /// Its use cases, with what they ask for.
    pub reviews: Reviews,
    /// How sellers and gigs were rated.
    pub analytics: Arc<dyn ReviewAnalytics>,
    /// Says which process builds the analytics anew.
    pub exclusive: Exclusive,
    /// What all services of the process have.
    pub shared: Shared,
}

impl ReviewPorts {
    /// On this store, the analytics too.
    ///
    /// # Errors
    /// [`OpenError`] when a repository cannot be had.
    pub async fn open(store: &Store, shared: &Shared) -> Result<Self, OpenError> {
        Self::with_analytics(store, shared, store.analytics().await?).await
    }

    /// On this store, with analytics that are elsewhere.
    ///
    /// # Errors
    /// [`OpenError`] when a repository cannot be had.
    pub async fn with_analytics(
        store: &Store,
        shared: &Shared,
        analytics: Arc<dyn ReviewAnalytics>,
    ) -> Result<Self, OpenError> {
        let reviews = Reviews {
            reviews: store.repository().await?,
            orders: store.repository().await?,
            directory: Directory::new(store.repository().await?),
            sequence: store.sequence(),
            clock: Arc::clone(&shared.clock),
        };
        Ok(Self { reviews, analytics, exclusive: shared.exclusive(store), shared: shared.clone() })
    }

    /// Builds the analytics anew from the reviews, beside whatever else runs. Tells `progress` how many reviews were read so far,
    /// and returns how many ratings were counted. Whoever asks meanwhile, or after a failure, is answered as before.
    ///
    /// # Errors
    /// [`RebuildError::Busy`] while another process does so; otherwise as [`Rebuild::run`].
    pub async fn rebuild_analytics(&self, progress: &(dyn Fn(usize) + Send + Sync)) -> Result<usize, RebuildError> {
        let (reviews, analytics) = (Arc::clone(&self.reviews.reviews), Arc::clone(&self.analytics));
        let rebuild = Rebuild { reviews, analytics };
        self.exclusive.run(REBUILD, rebuild.run(progress)).await?.unwrap_or(Err(RebuildError::Busy))
    }
}
