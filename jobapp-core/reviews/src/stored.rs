//! Analytics in the store that keeps everything else.

mod editions;
mod month;

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use async_trait::async_trait;
use futures::future::try_join_all;
use jobapp_kernel::{
    About, Aggregate, Cause, Change, ErrorKind, Kinded, PageRequest, Ratings, Repository, RepositoryError, Stored,
    decided,
};

pub use editions::{Editions, EditionsId, EditionsState, EditionsV1};
pub use month::{RatingMonth, RatingMonthId, RatingMonthState, RatingMonthV1};

use crate::{Day, Edition, RatedReview, RatingCounts, ReviewAnalytics, Subject};

/// Whose effects its causes are.
const CONSUMER: &str = "review analytics";
/// How many months are read at once.
const PAGE: usize = 200;
/// How many reviews are counted at once.
const AT_ONCE: usize = 64;
/// How often it is read anew because another edition was published meanwhile.
const TRIES: usize = 32;

/// Analytics in a store of aggregates: one [`RatingMonth`] for each month in which a seller or a gig was rated. What they answer
/// takes as long as there are months, however many ratings.
///
/// A review is counted once as long as the store remembers causes: 30 days. Told again later, it counts twice until the next
/// edition is published.
#[derive(Clone)]
pub struct StoredAnalytics {
    months: Arc<dyn Repository<RatingMonth>>,
    editions: Arc<dyn Repository<Editions>>,
}

impl StoredAnalytics {
    /// Analytics in these repositories.
    pub const fn new(months: Arc<dyn Repository<RatingMonth>>, editions: Arc<dyn Repository<Editions>>) -> Self {
        Self { months, editions }
    }

    async fn editions(&self) -> Result<Editions, RepositoryError> {
        let stored = self.editions.find(&EditionsId).await?;
        Ok(stored.map_or_else(Editions::default, |stored| stored.value))
    }

    /// Has it decided about the editions, and returns what was found besides.
    async fn decide<T: Send + 'static>(
        &self,
        mut decide: impl FnMut(Editions) -> (T, Option<Editions>) + Send + 'static,
    ) -> Result<T, RepositoryError> {
        let decide = move |stored: Option<Stored<Editions>>| {
            let (found, change) = match stored {
                Some(Stored { value, version }) => {
                    let (found, editions) = decide(value);
                    (found, editions.map(|editions| Change::update(version, editions, Vec::new())))
                }
                None => {
                    let (found, editions) = decide(Editions::default());
                    (found, editions.map(|editions| Change::insert(editions, Vec::new())))
                }
            };
            Ok::<_, RepositoryError>((found, change))
        };
        decided(&*self.editions, About::Id(EditionsId), decide).await.map(|(found, _)| found)
    }

    async fn count(&self, edition: Edition, review: &RatedReview) -> Result<(), RepositoryError> {
        self.count_for(edition, &review.seller, review).await?;
        self.count_for(edition, &review.gig, review).await
    }

    async fn count_for(
        &self,
        edition: Edition,
        subject: &Subject,
        review: &RatedReview,
    ) -> Result<(), RepositoryError> {
        let id = RatingMonthId::new(edition, subject.clone(), review.day);
        let (rating, day) = (review.rating, review.day);
        let cause = Cause::message(CONSUMER, review.order.as_str());
        let about = About::Id(id.clone());
        let count = move |stored: Option<Stored<RatingMonth>>| {
            let change = match stored {
                Some(Stored { value, version }) => Change::update(version, value.with(day, rating), Vec::new()),
                None => Change::insert(RatingMonth::empty(id.clone()).with(day, rating), Vec::new()),
            };
            Ok::<_, RepositoryError>(((), Some(change.caused_by(cause.clone()))))
        };
        // A duplicate is counted already.
        decided(&*self.months, about, count).await.map(drop)
    }

    async fn counts_in(
        &self,
        edition: Edition,
        subject: &Subject,
        days: &RangeInclusive<Day>,
    ) -> Result<RatingCounts, RepositoryError> {
        let (mut all, mut of_days) = (Ratings::default(), BTreeMap::new());
        let mut page = PageRequest::first(PAGE);
        loop {
            let found = self.months.list(RatingMonth::SUBJECT, RatingMonth::of_subject(edition, subject), page).await?;
            for (day, ratings) in found.items.iter().flat_map(|month| month.value.days()) {
                all += *ratings;
                if days.contains(day) {
                    of_days.insert(*day, *ratings);
                }
            }
            if found.next.is_none() {
                return Ok(RatingCounts { all, days: of_days });
            }
            page = PageRequest::first(PAGE).after(found.next);
        }
    }

    /// Removes what editions before this one have left.
    async fn forget_before(&self, edition: Edition) -> Result<(), RepositoryError> {
        let mut after: Option<RatingMonthId> = None;
        loop {
            let found = self.months.scan(after.as_ref(), PAGE).await?;
            let old: Vec<_> = found.into_iter().take_while(|month| month.value.edition() < edition).collect();
            let Some(last) = old.last() else { return Ok(()) };
            after = Some(last.value.id().clone());
            let forgetting = old.into_iter().map(|Stored { value, version }| async move {
                match self.months.save(Change::delete(version, value, Vec::new())).await {
                    // Somebody who began before has just counted in it: the next one removes it.
                    Err(error) if error.kind() == ErrorKind::Conflict => Ok(()),
                    saved => saved.map(drop),
                }
            });
            try_join_all(forgetting).await?;
        }
    }
}

#[async_trait]
impl ReviewAnalytics for StoredAnalytics {
    async fn record(&self, review: &RatedReview) -> Result<(), RepositoryError> {
        for edition in self.editions().await?.counting() {
            self.count(edition, review).await?;
        }
        Ok(())
    }

    async fn counts(&self, subject: &Subject, days: RangeInclusive<Day>) -> Result<RatingCounts, RepositoryError> {
        let mut edition = self.editions().await?.published();
        for _ in 0..TRIES {
            let counts = self.counts_in(edition, subject, &days).await?;
            // While it is the one that answers, nothing of it is forgotten.
            let now = self.editions().await?.published();
            if now == edition {
                return Ok(counts);
            }
            edition = now;
        }
        Err(RepositoryError::unavailable("count ratings", "they were built anew again and again"))
    }

    async fn is_built(&self) -> Result<bool, RepositoryError> {
        Ok(self.editions().await?.published() > Edition::UNBUILT)
    }

    async fn begin(&self) -> Result<Edition, RepositoryError> {
        self.decide(|editions| {
            let (editions, edition) = editions.begin();
            (edition, Some(editions))
        })
        .await
    }

    async fn add(&self, edition: Edition, reviews: &[RatedReview]) -> Result<(), RepositoryError> {
        // Saves at the same time share one wait for the disk.
        for some in reviews.chunks(AT_ONCE) {
            try_join_all(some.iter().map(|review| self.count(edition, review))).await?;
        }
        Ok(())
    }

    async fn publish(&self, edition: Edition) -> Result<bool, RepositoryError> {
        let is_published = self
            .decide(move |editions| match editions.publish(edition) {
                Some(published) => (true, Some(published)),
                None => (editions.published() == edition, None),
            })
            .await?;
        if is_published {
            self.forget_before(edition).await?;
        }
        Ok(is_published)
    }
}
