//! How a seller or a gig was rated in one month.

use std::collections::BTreeMap;

use jobapp_kernel::{Aggregate, InvalidId, InvalidState, Key, KeyValue, Ratings, Stars};
use serde::{Deserialize, Serialize};

use crate::{Day, Edition, Subject, Unit};

/// What identifies the ratings of one month: the edition, the month and who was rated, as `000000000001/2026-11-01/seller/…`.
/// Texts of earlier editions sort before those of later ones.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RatingMonthId {
    edition: Edition,
    /// Its first day.
    month: Day,
    subject: Subject,
}

impl RatingMonthId {
    /// The ratings of the month that has this day.
    pub(super) fn new(edition: Edition, subject: Subject, day: Day) -> Self {
        Self { edition, month: Unit::Month.first(day), subject }
    }
}

impl std::fmt::Display for RatingMonthId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:012}/{}/{}", self.edition.0, self.month, self.subject)
    }
}

impl std::str::FromStr for RatingMonthId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let read = || {
            let (edition, rest) = text.split_once('/')?;
            let (month, subject) = rest.split_once('/')?;
            let id = Self::new(Edition(edition.parse().ok()?), subject.parse().ok()?, month.parse().ok()?);
            (id.to_string() == text).then_some(id)
        };
        read().ok_or_else(|| InvalidId::new(text, "an edition, a month, and a seller or a gig"))
    }
}

/// How a seller or a gig was rated in one month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RatingMonth {
    id: RatingMonthId,
    /// Those of its days that have ratings.
    days: BTreeMap<Day, Ratings>,
}

impl RatingMonth {
    /// By edition and who was rated, in the order of the months.
    pub const SUBJECT: Key<Self> =
        Key::<Self>::text("subject", |month| vec![Self::of_subject(month.id.edition, &month.id.subject)])
            .sorted_by(|month| month.id.month.number().into());

    /// The value of the key [`RatingMonth::SUBJECT`].
    pub(super) fn of_subject(edition: Edition, subject: &Subject) -> KeyValue {
        format!("{}/{subject}", edition.0).into()
    }

    /// A month without ratings.
    pub(super) const fn empty(id: RatingMonthId) -> Self {
        Self { id, days: BTreeMap::new() }
    }

    /// The same with one rating more.
    pub(super) fn with(mut self, day: Day, rating: Stars) -> Self {
        self.days.entry(day).or_default().add(rating);
        self
    }

    /// The edition it belongs to.
    pub const fn edition(&self) -> Edition {
        self.id.edition
    }

    /// Those of its days that have ratings.
    pub const fn days(&self) -> &BTreeMap<Day, Ratings> {
        &self.days
    }
}

/// What is stored of it.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "v")]
pub enum RatingMonthState {
    /// The first form.
    #[serde(rename = "1")]
    V1(RatingMonthV1),
}
jobapp_kernel::forms!(RatingMonthState { "1" => V1 });

/// The first stored form.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RatingMonthV1 {
    edition: i64,
    subject: String,
    month: Day,
    days: BTreeMap<Day, Ratings>,
}

impl Aggregate for RatingMonth {
    const NAME: &'static str = "rating_month";
    type Id = RatingMonthId;
    type Event = ();
    type State = RatingMonthState;

    fn id(&self) -> &RatingMonthId {
        &self.id
    }

    fn keys() -> &'static [Key<Self>] {
        const { &[Self::SUBJECT] }
    }

    fn to_state(&self) -> RatingMonthState {
        let RatingMonthId { edition, month, subject } = &self.id;
        let (edition, subject) = (edition.0, subject.to_string());
        RatingMonthState::V1(RatingMonthV1 { edition, subject, month: *month, days: self.days.clone() })
    }

    fn from_state(state: RatingMonthState) -> Result<Self, InvalidState> {
        let RatingMonthState::V1(RatingMonthV1 { edition, subject, month, days }) = state;
        let subject = subject.parse().map_err(|error: InvalidId| InvalidState {
            reason: "ratings are those of a seller or a gig".to_owned(),
            source: Some(error.into()),
        })?;
        let id = RatingMonthId::new(Edition(edition), subject, month);
        if days.keys().any(|day| Unit::Month.first(*day) != month) {
            return Err(InvalidState::new("it has a day of another month"));
        }
        Ok(Self { id, days })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn month(edition: i64, day: &str, subject: Subject) -> RatingMonthId {
        RatingMonthId::new(Edition(edition), subject, day.parse().unwrap())
    }

    #[test]
    fn ids_survive_a_round_trip_and_sort_by_edition() {
        let [early, late] = [2, 10].map(|edition| month(edition, "2026-11-24", Subject::gig("a/b").unwrap()));
        assert_eq!(early.to_string(), "000000000002/2026-11-01/gig/a/b");
        assert_eq!(early.to_string().parse::<RatingMonthId>().unwrap(), early);
        assert!(early.to_string() < late.to_string());
        for wrong in ["", "1/2026-11-01/gig/a", "000000000002/2026-11-24/gig/a", "000000000002/2026-11-01/pot/a"] {
            assert!(wrong.parse::<RatingMonthId>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_longest_ids_can_be_stored() {
        let longest = "x".repeat(Subject::MAX_BYTES);
        let id = month(999_999_999_999, "9999-12-31", Subject::seller(&longest).unwrap());
        assert!(id.to_string().len() <= jobapp_kernel::MAX_KEY_BYTES);
        assert!(RatingMonth::of_subject(id.edition, &id.subject).may_be_stored());
    }

    #[test]
    fn a_month_has_its_own_days_only() {
        let day = "2026-11-24".parse().unwrap();
        let month = RatingMonth::empty(month(1, "2026-11-30", Subject::seller("s").unwrap()));
        let month = month.with(day, Stars::MAX).with(day, Stars::MIN);
        assert_eq!((month.days()[&day].count(), month.days()[&day].sum()), (2, 6));
        assert_eq!(RatingMonth::from_state(month.to_state()).unwrap(), month);
        let stray = month.with("2026-12-01".parse().unwrap(), Stars::MAX);
        assert!(RatingMonth::from_state(stray.to_state()).is_err());
    }
}
