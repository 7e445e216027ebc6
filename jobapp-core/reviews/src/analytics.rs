//! The read model of reviews: how sellers and gigs were rated, and when.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use async_trait::async_trait;
use jobapp_kernel::{InvalidId, Ratings, RepositoryError, Stars, Timestamp};

use crate::{Day, OrderNumber, Period, Review, ReviewSide, Subject};

/// What is counted of a review: who and what was rated, how, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RatedReview {
    /// The order. Its buyer reviews it once, so this tells the review from all others.
    pub order: OrderNumber,
    /// The seller it is about.
    pub seller: Subject,
    /// The gig that was ordered.
    pub gig: Subject,
    /// How many stars.
    pub rating: Stars,
    /// When it was written.
    pub day: Day,
}

impl RatedReview {
    /// A rating of a seller and a gig.
    ///
    /// # Errors
    /// When the number of the order or an id is none that can be stored.
    pub fn new(order: &str, seller_id: &str, gig_id: &str, rating: Stars, at: Timestamp) -> Result<Self, InvalidId> {
        let order: OrderNumber = order.parse()?;
        if order.as_str().contains('\0') {
            return Err(InvalidId::new(order.as_str(), "the number of an order"));
        }
        let (seller, gig) = (Subject::seller(seller_id)?, Subject::gig(gig_id)?);
        Ok(Self { order, seller, gig, rating, day: Day::of(at) })
    }

    /// What is counted of a review; `None` of what a seller says of a buyer, which rates neither a seller nor a gig.
    ///
    /// # Errors
    /// As [`RatedReview::new`].
    pub fn of(review: &Review) -> Result<Option<Self>, InvalidId> {
        if review.side() != ReviewSide::Buyer {
            return Ok(None);
        }
        let (order, rating, at) = (review.order().as_str(), review.rating(), review.created_at());
        Self::new(order, review.seller_id(), review.gig_id(), rating, at).map(Some)
    }
}

/// One making of the whole read model. Later ones have larger numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Edition(pub i64);

impl Edition {
    /// What there is before anything was built: only what was told meanwhile is in it.
    pub const UNBUILT: Self = Self(0);
}

/// How often each number of stars was given.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RatingCounts {
    /// In all.
    pub all: Ratings,
    /// On each day that was asked for and had ratings.
    pub days: BTreeMap<Day, Ratings>,
}

impl RatingCounts {
    /// What they are in each day, week or month of a period, those without ratings included.
    pub fn trend(&self, period: &Period) -> Vec<(RangeInclusive<Day>, Ratings)> {
        let of_part = |part: RangeInclusive<Day>| {
            let mut ratings = Ratings::default();
            for (_, of_day) in self.days.range(part.clone()) {
                ratings += *of_day;
            }
            (part, ratings)
        };
        period.parts().into_iter().map(of_part).collect()
    }
}

/// Counts ratings and answers with how often each number of stars was given.
///
/// What it knows follows from the reviews, and can be built from them at any time: a new edition is begun, everything is
/// added to it, and it is published. Until then the edition before it answers, and whoever asks sees one of the two, never a part.
/// What is recorded meanwhile is in both.
#[async_trait]
pub trait ReviewAnalytics: Send + Sync {
    /// Counts a review for its seller and for its gig, once for each order, in the edition that answers and in one that is being
    /// built.
    async fn record(&self, review: &RatedReview) -> Result<(), RepositoryError>;

    /// How a seller or a gig was rated: in all, and on each of these days.
    async fn counts(&self, subject: &Subject, days: RangeInclusive<Day>) -> Result<RatingCounts, RepositoryError>;

    /// Whether the edition that answers was built from all reviews. Before that it knows only what it was told.
    async fn is_built(&self) -> Result<bool, RepositoryError>;

    /// Begins an edition. One that was begun before and not published is given up.
    async fn begin(&self) -> Result<Edition, RepositoryError>;

    /// Counts reviews in an edition that is being built, each once, also those that were recorded meanwhile.
    async fn add(&self, edition: Edition, reviews: &[RatedReview]) -> Result<(), RepositoryError>;

    /// Has an edition answer from now on, and forgets those before it. Returns whether it does: `false` when it was given up.
    /// When this fails, it may be called again.
    async fn publish(&self, edition: Edition) -> Result<bool, RepositoryError>;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Unit;

    fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    fn ratings(stars: &[i64]) -> Ratings {
        let mut ratings = Ratings::default();
        stars.iter().for_each(|stars| ratings.add(Stars::new(*stars).unwrap()));
        ratings
    }

    #[test]
    fn a_trend_has_every_part_of_its_period() {
        let counts = RatingCounts {
            all: ratings(&[5, 4, 1, 3]),
            days: [("2026-11-30", [5].as_slice()), ("2026-12-01", &[4, 1]), ("2027-02-01", &[3])]
                .map(|(text, stars)| (day(text), ratings(stars)))
                .into(),
        };
        let period = Period::new(day("2026-11-15"), day("2027-01-31"), Unit::Month).unwrap();
        let trend: Vec<_> =
            counts.trend(&period).into_iter().map(|(part, of_part)| (part.start().to_string(), of_part)).collect();
        let expected = [("2026-11-15", ratings(&[5])), ("2026-12-01", ratings(&[4, 1])), ("2027-01-01", ratings(&[]))];
        assert_eq!(trend, expected.map(|(first, of_part)| (first.to_owned(), of_part)));
    }

    #[test]
    fn what_cannot_be_stored_is_not_rated() {
        let new = |order: &str, seller: &str, gig: &str| {
            RatedReview::new(order, seller, gig, Stars::MAX, Timestamp::EPOCH).is_ok()
        };
        assert!(new("JO1", "s", "g"));
        assert!(!new("", "s", "g") && !new("J\0", "s", "g") && !new("JO1", "", "g") && !new("JO1", "s", "\0"));
    }
}
