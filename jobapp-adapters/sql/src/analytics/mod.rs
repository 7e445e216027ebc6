//! The read model of reviews in tables of its own.
//!
//! One row a rating, under its edition and its order: that it is counted once is the primary key. What is asked of a seller or a gig
//! is one statement over an index that has all it needs, so it takes as long as that seller or gig has ratings, whatever else
//! there is.
//!
//! The edition that answers is the largest one that is published; a statement finds it by itself, so whoever asks sees one
//! edition, whole, whatever happens meanwhile. What is recorded goes into that one and every later one, in one statement too.

mod statements;
mod tables;

use std::ops::RangeInclusive;
use std::sync::Arc;

use async_trait::async_trait;
use jobapp_kernel::{Ratings, RepositoryError, Stars};
use jobapp_reviews::{Day, Edition, RatedReview, RatingCounts, ReviewAnalytics, Subject};
use sea_orm::{ConnectionTrait, DbErr, QueryResult, Statement, StatementBuilder};

use self::statements::Statements;
pub(crate) use self::tables::prepare;
use crate::dialect::{self, Violation};
use crate::inner::Inner;
use crate::patience::Patience;
use crate::statement::few_sizes;
use crate::task::undo;

/// How many ratings are written or removed by one statement.
const AT_ONCE: usize = 256;

/// The read model of reviews in the tables of a store.
#[derive(Clone)]
pub(crate) struct SqlAnalytics {
    store: Arc<Inner>,
    statements: Statements,
}

impl SqlAnalytics {
    /// In this store, whose tables are [prepared](prepare).
    pub(crate) fn new(store: Arc<Inner>) -> Self {
        let statements = Statements::of(&store.names);
        Self { store, statements }
    }

    fn failed(&self, attempt: &'static str) -> impl Fn(DbErr) -> RepositoryError {
        let condition = Arc::clone(&self.store.connections.condition);
        move |error| {
            condition.note(&error);
            RepositoryError::unavailable(attempt, error)
        }
    }

    /// Does something to its end, again as long as others are in the way.
    async fn patiently<T, F>(&self, work: impl Fn(Self) -> F + Send + 'static) -> Result<T, DbErr>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, DbErr>> + Send + 'static,
    {
        let analytics = self.clone();
        let trying = async move {
            let mut patience = Patience::new();
            loop {
                match work(analytics.clone()).await {
                    Err(error) if patience.again(&error).await => {}
                    done => return done,
                }
            }
        };
        self.store.connections.to_the_end(trying).await
    }

    /// Changes something with one statement, and returns how many rows that were.
    async fn change(&self, statement: &impl StatementBuilder) -> Result<u64, DbErr> {
        let statement: Statement = StatementBuilder::build(statement, &self.store.backend());
        self.patiently(move |analytics| {
            let (writer, statement) = (analytics.store.connections.writer(), statement.clone());
            async move { writer.execute_raw(statement).await.map(|done| done.rows_affected()) }
        })
        .await
    }

    /// The number of a new edition; `None` when others have begun some in the same moment.
    async fn begin_edition(self) -> Result<Option<i64>, DbErr> {
        let transaction = self.store.connections.begin().await?;
        let newest = async || -> Result<i64, DbErr> {
            let newest = transaction.query_one(&self.statements.newest()).await?;
            newest.map_or(Ok(0), |row| row.try_get_by_index(0))
        };
        let beginning = async {
            let before = newest().await?;
            let edition = before + 1;
            transaction.execute(&self.statements.begin(edition)).await?;
            // The number was somebody's, and was given up by who had a higher one, since the newest was asked for.
            if newest().await? > edition {
                return Ok(None);
            }
            transaction.execute(&self.statements.give_up(before)).await?;
            Ok::<_, DbErr>(Some(edition))
        };
        match beginning.await {
            Ok(Some(edition)) => transaction.commit().await.map(|()| Some(edition)),
            Ok(None) => transaction.rollback().await.map(|()| None),
            Err(error) if Violation::of(&error).is_some() => {
                undo(transaction, error).await;
                Ok(None)
            }
            Err(error) => Err(undo(transaction, error).await),
        }
    }

    /// Removes what editions before this one have left.
    async fn forget_before(&self, edition: i64) -> Result<(), DbErr> {
        self.change(&self.statements.forget_editions(edition)).await?;
        loop {
            let oldest = self.store.connections.ask(&self.statements.oldest()).await?;
            let oldest: Option<i64> = oldest.first().map_or(Ok(None), |row| row.try_get_by_index(0))?;
            let Some(oldest) = oldest.filter(|oldest| *oldest < edition) else { return Ok(()) };
            let orders = self.store.connections.ask(&self.statements.some_of(oldest, AT_ONCE)).await?;
            let orders: Vec<String> = orders.iter().map(|row| dialect::text(row, 0)).collect::<Result<_, _>>()?;
            if !orders.is_empty() {
                self.change(&self.statements.forget(oldest, few_sizes(orders))).await?;
            }
        }
    }
}

/// Adds what a row says: on which day, if it is one of those that were asked for, how many stars were given how often.
fn count(counts: &mut RatingCounts, row: &QueryResult) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let day: Option<i64> = row.try_get_by_index(0)?;
    let stars = Stars::new(row.try_get_by_index(1)?)?;
    let times = u32::try_from(row.try_get_by_index::<i64>(2)?)?;
    counts.all.add_many(stars, times);
    if let Some(day) = day {
        let of_day: &mut Ratings = counts.days.entry(Day::at(day)).or_default();
        of_day.add_many(stars, times);
    }
    Ok(())
}

#[async_trait]
impl ReviewAnalytics for SqlAnalytics {
    async fn record(&self, review: &RatedReview) -> Result<(), RepositoryError> {
        let record = self.statements.record(review);
        self.change(&record).await.map(drop).map_err(self.failed("count a rating"))
    }

    async fn counts(&self, subject: &Subject, days: RangeInclusive<Day>) -> Result<RatingCounts, RepositoryError> {
        let rows = self.store.connections.ask(&self.statements.counts(subject, &days)).await;
        let mut counts = RatingCounts::default();
        for row in rows.map_err(self.failed("read how something was rated"))? {
            count(&mut counts, &row).map_err(|source| RepositoryError::Corrupt {
                aggregate: "rating",
                id: subject.to_string(),
                source,
            })?;
        }
        Ok(counts)
    }

    async fn is_built(&self) -> Result<bool, RepositoryError> {
        let failed = self.failed("look which analytics answer");
        let rows = self.store.connections.ask(&self.statements.published()).await.map_err(&failed)?;
        let published: Option<i64> = rows.first().map_or(Ok(None), |row| row.try_get_by_index(0)).map_err(&failed)?;
        Ok(published.is_some_and(|published| Edition(published) > Edition::UNBUILT))
    }

    async fn begin(&self) -> Result<Edition, RepositoryError> {
        loop {
            // When it was somebody else's, the next number is free.
            let begun = self.patiently(Self::begin_edition).await.map_err(self.failed("begin analytics anew"))?;
            if let Some(edition) = begun {
                return Ok(Edition(edition));
            }
        }
    }

    async fn add(&self, edition: Edition, reviews: &[RatedReview]) -> Result<(), RepositoryError> {
        for some in reviews.chunks(AT_ONCE) {
            let add = self.statements.add(edition.0, &few_sizes(some.to_vec()));
            self.change(&add).await.map_err(self.failed("count ratings anew"))?;
        }
        Ok(())
    }

    async fn publish(&self, edition: Edition) -> Result<bool, RepositoryError> {
        let failed = self.failed("have new analytics answer");
        if self.change(&self.statements.publish(edition.0)).await.map_err(&failed)? == 0 {
            return Ok(false);
        }
        self.forget_before(edition.0).await.map_err(failed)?;
        Ok(true)
    }
}
