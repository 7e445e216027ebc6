//! What the review service stands on.

use std::sync::Arc;

use jobapp_directory::Directory;
use jobapp_platform::{OpenError, Shared, Store};
use jobapp_reviews::{ReviewAnalytics, Reviews, StoredAnalytics};

/// What the review service stands on.
#[derive(Clone)]
pub struct ReviewPorts {
    /// Its use cases, with what they ask for.
    pub reviews: Reviews,
    /// Totals by seller and by gig.
    pub analytics: Arc<dyn ReviewAnalytics>,
    /// What all services of the process have.
    pub shared: Shared,
}

impl ReviewPorts {
    /// On this store, the totals too.
    ///
    /// # Errors
    /// [`OpenError`] when a repository cannot be had.
    pub async fn open(store: &Store, shared: &Shared) -> Result<Self, OpenError> {
        let reviews = Reviews {
            reviews: store.repository().await?,
            orders: store.repository().await?,
            directory: Directory::new(store.repository().await?),
            sequence: store.sequence(),
            clock: Arc::clone(&shared.clock),
        };
        let analytics = Arc::new(StoredAnalytics::new(store.repository().await?));
        Ok(Self { reviews, analytics, shared: shared.clone() })
    }
}
