//! The read model of reviews: totals by seller and by gig.

use std::sync::Arc;

use async_trait::async_trait;
use jobapp_kernel::{About, Cause, Change, InvalidId, Repository, RepositoryError, Stars, Stored, Timestamp, decided};

use crate::{RatingSummary, Subject};

/// What totals count of a review: who and what was rated, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RatedReview {
    /// The seller it is about.
    pub seller: Subject,
    /// The gig that was ordered.
    pub gig: Subject,
    /// How many stars.
    pub rating: Stars,
    /// When it was written.
    pub at: Timestamp,
}

impl RatedReview {
    /// A rating of a seller and a gig.
    ///
    /// # Errors
    /// When an id is empty or too long.
    pub fn new(seller_id: &str, gig_id: &str, rating: Stars, at: Timestamp) -> Result<Self, InvalidId> {
        Ok(Self { seller: Subject::seller(seller_id)?, gig: Subject::gig(gig_id)?, rating, at })
    }
}

/// Counts ratings and answers with totals.
#[async_trait]
pub trait ReviewAnalytics: Send + Sync {
    /// Counts a review, once for each `cause`, for its seller and for its gig.
    async fn record(&self, review: RatedReview, cause: Cause) -> Result<(), RepositoryError>;

    /// The totals of a seller or a gig; empty ones when nobody has rated.
    async fn of(&self, subject: Subject) -> Result<RatingSummary, RepositoryError>;
}

/// Totals in a store: one [`RatingSummary`] for each seller and each gig.
#[derive(Clone)]
pub struct StoredAnalytics {
    summaries: Arc<dyn Repository<RatingSummary>>,
}

impl StoredAnalytics {
    /// Totals in this repository.
    pub const fn new(summaries: Arc<dyn Repository<RatingSummary>>) -> Self {
        Self { summaries }
    }

    async fn count(&self, subject: Subject, review: &RatedReview, cause: &Cause) -> Result<(), RepositoryError> {
        let (rating, at, cause) = (review.rating, review.at, cause.clone());
        let about = About::Id(subject.clone());
        let count = move |stored: Option<Stored<RatingSummary>>| {
            let change = match stored {
                Some(Stored { value, version }) => Change::update(version, value.with(rating, at), Vec::new()),
                None => Change::insert(RatingSummary::empty(subject.clone()).with(rating, at), Vec::new()),
            };
            Ok::<_, RepositoryError>(((), Some(change.caused_by(cause.clone()))))
        };
        // A duplicate is counted already.
        decided(&*self.summaries, about, count).await.map(drop)
    }
}

#[async_trait]
impl ReviewAnalytics for StoredAnalytics {
    async fn record(&self, review: RatedReview, cause: Cause) -> Result<(), RepositoryError> {
        self.count(review.seller.clone(), &review, &cause).await?;
        self.count(review.gig.clone(), &review, &cause).await
    }

    async fn of(&self, subject: Subject) -> Result<RatingSummary, RepositoryError> {
        let stored = self.summaries.find(&subject).await?;
        Ok(stored.map_or_else(|| RatingSummary::empty(subject), |stored| stored.value))
    }
}

#[cfg(test)]
mod tests {
    use jobapp_memory::MemoryStore;

    use super::*;

    fn rated(gig: &str, stars: i64) -> RatedReview {
        RatedReview::new("s", gig, Stars::new(stars).unwrap(), Timestamp::EPOCH).unwrap()
    }

    #[tokio::test]
    async fn a_review_counts_once_for_its_seller_and_its_gig() {
        let analytics = StoredAnalytics::new(MemoryStore::new().repository());
        for (effect, review) in [("JO1", rated("g", 5)), ("JO1", rated("g", 5)), ("JO2", rated("h", 2))] {
            analytics.record(review, Cause::message("q", effect)).await.unwrap();
        }
        let seller = analytics.of(Subject::seller("s").unwrap()).await.unwrap();
        assert_eq!((seller.ratings().count(), seller.ratings().sum()), (2, 7));
        let gig = analytics.of(Subject::gig("g").unwrap()).await.unwrap();
        assert_eq!((gig.ratings().count(), gig.ratings().sum()), (1, 5));
        assert_eq!(analytics.of(Subject::gig("nobody's").unwrap()).await.unwrap().average(), None);
    }
}
