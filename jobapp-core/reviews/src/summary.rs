//! Totals of the reviews about a seller or of a gig.

use std::collections::BTreeMap;

use jobapp_kernel::{Aggregate, InvalidId, InvalidState, Key, MAX_KEY_BYTES, Ratings, Stars, Timestamp};
use serde::{Deserialize, Serialize};

/// What totals are kept of: a seller or a gig.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subject(String);

impl Subject {
    /// A seller.
    ///
    /// # Errors
    /// When the id is empty or too long.
    pub fn seller(id: &str) -> Result<Self, InvalidId> {
        Self::of("seller", id)
    }

    /// A gig.
    ///
    /// # Errors
    /// When the id is empty or too long.
    pub fn gig(id: &str) -> Result<Self, InvalidId> {
        Self::of("gig", id)
    }

    fn of(kind: &str, id: &str) -> Result<Self, InvalidId> {
        if id.is_empty() || kind.len() + 1 + id.len() > MAX_KEY_BYTES {
            return Err(InvalidId::new(id, "the id of a seller or a gig"));
        }
        Ok(Self(format!("{kind}/{id}")))
    }
}

impl std::fmt::Display for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.0)
    }
}

impl std::str::FromStr for Subject {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        match text.split_once('/') {
            Some((kind @ ("seller" | "gig"), id)) => Self::of(kind, id),
            _ => Err(InvalidId::new(text, "seller/… or gig/…")),
        }
    }
}

/// The totals of the reviews about a seller or of a gig.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RatingSummary {
    subject: Subject,
    ratings: Ratings,
    by_month: BTreeMap<String, Ratings>,
}

impl RatingSummary {
    /// No reviews yet.
    pub fn empty(subject: Subject) -> Self {
        Self { subject, ratings: Ratings::default(), by_month: BTreeMap::new() }
    }

    /// The same totals and one rating more.
    #[must_use]
    pub fn with(mut self, rating: Stars, at: Timestamp) -> Self {
        self.ratings.add(rating);
        // ISO dates begin with the year and the month.
        let month = at.to_string().chars().take(7).collect();
        self.by_month.entry(month).or_default().add(rating);
        self
    }

    /// Whose totals these are.
    pub const fn subject(&self) -> &Subject {
        &self.subject
    }

    /// All ratings.
    pub const fn ratings(&self) -> Ratings {
        self.ratings
    }

    /// The average; `None` without ratings.
    pub fn average(&self) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "nobody has 2^53 ratings")]
        let (sum, count) = (self.ratings.sum() as f64, self.ratings.count() as f64);
        (count > 0.0).then(|| sum / count)
    }

    /// The ratings by month, such as `2026-11`, oldest first.
    pub const fn by_month(&self) -> &BTreeMap<String, Ratings> {
        &self.by_month
    }
}

/// What is stored of totals.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "v")]
pub enum RatingSummaryState {
    /// The first form.
    #[serde(rename = "1")]
    V1(Box<RatingSummaryV1>),
}
jobapp_kernel::forms!(RatingSummaryState { "1" => V1 });

/// The first stored form of totals.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RatingSummaryV1 {
    subject: String,
    ratings: Ratings,
    by_month: BTreeMap<String, Ratings>,
}

impl Aggregate for RatingSummary {
    const NAME: &'static str = "rating_summary";
    type Id = Subject;
    type Event = ();
    type State = RatingSummaryState;

    fn id(&self) -> &Subject {
        &self.subject
    }

    fn keys() -> &'static [Key<Self>] {
        &[]
    }

    fn to_state(&self) -> RatingSummaryState {
        let Self { subject, ratings, by_month } = self.clone();
        RatingSummaryState::V1(Box::new(RatingSummaryV1 { subject: subject.0, ratings, by_month }))
    }

    fn from_state(state: RatingSummaryState) -> Result<Self, InvalidState> {
        let RatingSummaryState::V1(state) = state;
        let RatingSummaryV1 { subject, ratings, by_month } = *state;
        let subject = subject.parse().map_err(|error: InvalidId| InvalidState {
            reason: "totals are kept of a seller or a gig".to_owned(),
            source: Some(error.into()),
        })?;
        let summary = Self { subject, ratings, by_month };
        let monthly: i64 = summary.by_month.values().map(Ratings::count).sum();
        if monthly != summary.ratings.count() {
            return Err(InvalidState::new("the months do not add up to the total"));
        }
        Ok(summary)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn totals_are_the_sums_of_their_parts(ratings in proptest::collection::vec((1_i64..=5, 0_i64..1_800_000_000_000), 0..60)) {
            let mut summary = RatingSummary::empty(Subject::seller("s").unwrap());
            for (stars, millis) in &ratings {
                summary = summary.with(Stars::new(*stars).unwrap(), Timestamp::from_millis(*millis).unwrap());
            }
            let sum: i64 = ratings.iter().map(|(stars, _)| stars).sum();
            prop_assert_eq!(summary.ratings().sum(), sum);
            prop_assert_eq!(summary.by_month().values().map(Ratings::sum).sum::<i64>(), sum);
            prop_assert_eq!(RatingSummary::from_state(summary.to_state()).unwrap(), summary);
        }
    }

    #[test]
    fn months_are_those_of_the_calendar() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let four = Stars::new(4).unwrap();
        let summary = RatingSummary::empty(Subject::gig("g").unwrap())
            .with(four, at("2026-11-30T23:59:59.999Z"))
            .with(four, at("2026-12-01T00:00:00.000Z"));
        assert_eq!(summary.by_month().keys().collect::<Vec<_>>(), ["2026-11", "2026-12"]);
        assert_eq!((summary.average(), summary.ratings().count()), (Some(4.0), 2));
    }

    #[test]
    fn subjects_survive_a_round_trip() {
        let subject = Subject::gig("a/b").unwrap();
        assert_eq!(subject.to_string().parse::<Subject>().unwrap(), subject);
        assert!("other/1".parse::<Subject>().is_err() && Subject::seller("").is_err());
    }
}
