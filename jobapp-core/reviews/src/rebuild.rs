//! Building the analytics anew from the reviews.

use std::sync::Arc;

use jobapp_kernel::{Aggregate, ErrorKind, Kinded, Repository, RepositoryError};

use crate::{RatedReview, Review, ReviewAnalytics};

/// How many reviews are read at once.
const PAGE: usize = 500;

/// Why analytics were not built anew.
#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    /// Another process is at it.
    #[error("another process is building the analytics of reviews: wait until it is done")]
    Busy,
    /// Another process has begun anew since, and will bring it to its end.
    #[error("another process has begun to build the analytics of reviews since: wait until it is done")]
    Overtaken,
    /// The reviews or the analytics cannot be had, or a review cannot be read.
    #[error("the analytics of reviews could not be built")]
    Failed(#[from] RepositoryError),
}

impl Kinded for RebuildError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Busy | Self::Overtaken => ErrorKind::Refused,
            Self::Failed(error) => error.kind(),
        }
    }
}

/// Builds the analytics anew from the reviews. Until it is done, what was there before answers. What is reviewed or told meanwhile
/// is counted, once: who records a review that was written before the edition was begun need not know of the edition, since it
/// is read here; who records a later one counts in both.
///
/// One at a time should do so; of two, the one that began first gives up.
#[derive(Clone)]
pub struct Rebuild {
    /// The reviews.
    pub reviews: Arc<dyn Repository<Review>>,
    /// What is built.
    pub analytics: Arc<dyn ReviewAnalytics>,
}

impl Rebuild {
    /// Does it. Tells `progress` how many reviews were read so far, and returns how many ratings were counted.
    ///
    /// # Errors
    /// [`RebuildError::Overtaken`] and [`RebuildError::Failed`].
    pub async fn run(&self, progress: &(dyn Fn(usize) + Send + Sync)) -> Result<usize, RebuildError> {
        let edition = self.analytics.begin().await?;
        let (mut read, mut counted) = (0, 0);
        let mut after = None;
        loop {
            let reviews = self.reviews.scan(after.as_ref(), PAGE).await?;
            let Some(last) = reviews.last() else { break };
            after = Some(*last.value.id());
            let rated = reviews.iter().filter_map(|stored| rated(&stored.value).transpose());
            let rated = rated.collect::<Result<Vec<_>, _>>()?;
            self.analytics.add(edition, &rated).await?;
            read += reviews.len();
            counted += rated.len();
            progress(read);
        }
        if self.analytics.publish(edition).await? { Ok(counted) } else { Err(RebuildError::Overtaken) }
    }
}

/// A review that cannot be counted is one that could not be written.
fn rated(review: &Review) -> Result<Option<RatedReview>, RepositoryError> {
    RatedReview::of(review).map_err(|error| RepositoryError::Corrupt {
        aggregate: Review::NAME,
        id: review.id().to_string(),
        source: error.into(),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::ops::RangeInclusive;
    use std::sync::Mutex;

    use async_trait::async_trait;
    use jobapp_kernel::{Change, Ratings, Stars, Timestamp};
    use jobapp_memory::MemoryStore;
    use proptest::prelude::*;

    use super::*;
    use crate::{
        Day, Edition, OrderFact, OrderParties, RatingCounts, ReviewId, ReviewSide, Reviewer, StoredAnalytics, Subject,
    };

    /// How one order is reviewed, and how often that is told.
    #[derive(Debug, Clone)]
    struct Told {
        seller: u8,
        gig: u8,
        stars: i64,
        day: i64,
        by_buyer: bool,
        times: usize,
        /// Whether it is written and told while the analytics are built.
        is_late: bool,
    }

    fn told() -> impl Strategy<Value = Told> {
        (0..3_u8, 0..4_u8, 1..=5_i64, 20_000..20_100_i64, any::<bool>(), 0..3_usize, any::<bool>()).prop_map(
            |(seller, gig, stars, day, by_buyer, times, is_late)| {
                // What was committed before is what the building reads: whatever comes later is told at least once.
                let times = if is_late { times.max(1) } else { times };
                Told { seller, gig, stars, day, by_buyer, times, is_late }
            },
        )
    }

    fn review(number: i64, told: &Told) -> Review {
        let (buyer, seller) = ("Marta".to_owned(), "Iria".to_owned());
        let parties = OrderParties {
            gig_id: format!("g{}", told.gig),
            buyer_id: "b".into(),
            buyer_username: buyer.clone(),
            seller_id: format!("s{}", told.seller),
            seller_username: seller.clone(),
        };
        let fact = OrderFact::new(format!("JO{number}").parse().unwrap(), parties, true, 1);
        let (side, username) = if told.by_buyer { (ReviewSide::Buyer, buyer) } else { (ReviewSide::Seller, seller) };
        let reviewer = Reviewer { id: "r".into(), username, image: String::new(), country: String::new() };
        let at = Timestamp::from_millis(told.day * 86_400_000 + 7).unwrap();
        let stars = Stars::new(told.stars).unwrap();
        Review::write(ReviewId(number), &fact, side, reviewer, stars, "Tidy.".into(), at).unwrap().0
    }

    /// Analytics, during whose building more is reviewed.
    struct Busy {
        store: MemoryStore,
        analytics: StoredAnalytics,
        late: Mutex<Vec<(Review, usize)>>,
    }

    impl Busy {
        async fn write(&self, review: &Review, times: usize) {
            let saved = self.store.repository::<Review>().save(Change::insert(review.clone(), Vec::new())).await;
            assert_eq!(saved.unwrap().version(), Some(1));
            if let Some(rated) = RatedReview::of(review).unwrap() {
                for _ in 0..times {
                    self.analytics.record(&rated).await.unwrap();
                }
            }
        }

        async fn catch_up(&self) {
            let late = std::mem::take(&mut *self.late.lock().unwrap());
            for (review, times) in late {
                self.write(&review, times).await;
            }
        }
    }

    #[async_trait]
    impl ReviewAnalytics for Busy {
        async fn record(&self, review: &RatedReview) -> Result<(), RepositoryError> {
            self.analytics.record(review).await
        }

        async fn counts(&self, subject: &Subject, days: RangeInclusive<Day>) -> Result<RatingCounts, RepositoryError> {
            self.analytics.counts(subject, days).await
        }

        async fn is_built(&self) -> Result<bool, RepositoryError> {
            self.analytics.is_built().await
        }

        async fn begin(&self) -> Result<Edition, RepositoryError> {
            self.analytics.begin().await
        }

        async fn add(&self, edition: Edition, reviews: &[RatedReview]) -> Result<(), RepositoryError> {
            self.catch_up().await;
            self.analytics.add(edition, reviews).await
        }

        async fn publish(&self, edition: Edition) -> Result<bool, RepositoryError> {
            self.catch_up().await;
            self.analytics.publish(edition).await
        }
    }

    /// What there is to know of a subject, by the reviews themselves.
    fn expected(reviews: &[Review], subject: &Subject) -> RatingCounts {
        let (mut all, mut days) = (Ratings::default(), BTreeMap::<Day, Ratings>::new());
        for rated in reviews.iter().filter_map(|review| RatedReview::of(review).unwrap()) {
            if rated.seller == *subject || rated.gig == *subject {
                all.add(rated.rating);
                days.entry(rated.day).or_default().add(rated.rating);
            }
        }
        RatingCounts { all, days }
    }

    async fn is_equal_afterwards(all: Vec<Told>) {
        let store = MemoryStore::new();
        let analytics = StoredAnalytics::new(store.repository(), store.repository());
        let busy = Arc::new(Busy { store: store.clone(), analytics, late: Mutex::default() });
        let mut reviews = Vec::new();
        for (number, told) in (1..).zip(&all) {
            let review = review(number, told);
            if told.is_late {
                busy.late.lock().unwrap().push((review.clone(), told.times));
            } else {
                busy.write(&review, told.times).await;
            }
            reviews.push(review);
        }
        let rebuild = Rebuild { reviews: store.repository(), analytics: busy.clone() };
        for _ in 0..2 {
            rebuild.run(&|_| ()).await.unwrap();
            assert!(busy.is_built().await.unwrap());
            for subject in (0..4).flat_map(|id| [Subject::seller(&format!("s{id}")), Subject::gig(&format!("g{id}"))]) {
                let subject = subject.unwrap();
                let counts = busy.counts(&subject, Day::at(0)..=Day::at(30_000)).await.unwrap();
                assert_eq!(counts, expected(&reviews, &subject), "{subject}");
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn whatever_was_lost_or_told_twice_analytics_equal_the_reviews(all in prop::collection::vec(told(), 0..40)) {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(is_equal_afterwards(all));
        }
    }

    #[tokio::test]
    async fn progress_is_told_and_who_is_overtaken_gives_up() {
        let told = Told { seller: 1, gig: 1, stars: 5, day: 20_000, by_buyer: true, times: 0, is_late: false };
        let store = MemoryStore::new();
        let reviews = store.repository::<Review>();
        for number in 1..=i64::try_from(PAGE).unwrap() + 1 {
            let review = review(number, &Told { by_buyer: number % 2 == 0, ..told.clone() });
            assert_eq!(reviews.save(Change::insert(review, Vec::new())).await.unwrap().version(), Some(1));
        }
        let analytics = Arc::new(StoredAnalytics::new(store.repository(), store.repository()));
        let rebuild = Rebuild { reviews, analytics: analytics.clone() };
        let steps = Mutex::new(Vec::new());
        assert_eq!(rebuild.run(&|read| steps.lock().unwrap().push(read)).await.unwrap(), PAGE / 2);
        assert_eq!(*steps.lock().unwrap(), [PAGE, PAGE + 1]);
        let first = analytics.begin().await.unwrap();
        assert_eq!(rebuild.run(&|_| ()).await.unwrap(), PAGE / 2);
        assert!(!analytics.publish(first).await.unwrap());
    }
}
