//! Days, weeks and months of the calendar, in UTC: what a trend is told by.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use jiff::civil::{Date, date};
use jobapp_kernel::{InvalidTimestamp, Timestamp};
use serde::{Deserialize, Serialize};

/// 1970-01-01.
const FIRST: Date = date(1970, 1, 1);
/// The numbers of 0001-01-01 and 9999-12-31.
const RANGE: (i64, i64) = (-719_162, 2_932_896);
/// How many milliseconds a day in UTC has.
const MILLIS: i64 = 24 * 60 * 60 * 1000;

/// A day in UTC, written as `2026-11-24`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Day(Date);

impl Day {
    /// The day an instant lies in.
    pub fn of(at: Timestamp) -> Self {
        Self::at(at.as_millis().div_euclid(MILLIS))
    }

    /// The day so many days after 1970-01-01, between the years 1 and 9999.
    pub fn at(number: i64) -> Self {
        Self(FIRST.saturating_add(jiff::SignedDuration::from_hours(number.clamp(RANGE.0, RANGE.1) * 24)))
    }

    /// How many days after 1970-01-01 it is.
    pub fn number(self) -> i64 {
        self.0.duration_since(FIRST).as_hours() / 24
    }

    /// The day after it. The last one of the year 9999 is its own.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.tomorrow().unwrap_or(self.0))
    }

    /// The day before it. The first one there is is its own.
    #[must_use]
    pub fn before(self) -> Self {
        Self(self.0.yesterday().unwrap_or(self.0))
    }
}

impl From<Day> for i64 {
    fn from(day: Day) -> Self {
        day.number()
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.0.year(), self.0.month(), self.0.day())
    }
}

/// Reads any date or instant that a [`Timestamp`] is read from, and takes the day in UTC.
impl FromStr for Day {
    type Err = InvalidTimestamp;

    fn from_str(text: &str) -> Result<Self, InvalidTimestamp> {
        text.parse().map(Self::of)
    }
}

impl From<Day> for String {
    fn from(day: Day) -> Self {
        day.to_string()
    }
}

impl TryFrom<String> for Day {
    type Error = InvalidTimestamp;

    fn try_from(text: String) -> Result<Self, InvalidTimestamp> {
        text.parse()
    }
}

/// What a trend is told by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Unit {
    /// Days in UTC.
    Day,
    /// Weeks, which begin on Mondays.
    Week,
    /// Months.
    #[default]
    Month,
}

/// A text that is no unit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not day, week or month")]
pub struct InvalidUnit(String);

impl Unit {
    /// `day`, `week` or `month`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
        }
    }

    /// How many of them are told when nobody says how many.
    const fn usual(self) -> usize {
        match self {
            Self::Day => 30,
            Self::Week | Self::Month => 12,
        }
    }

    /// The first day of the day, week or month that a day is in.
    pub fn first(self, day: Day) -> Day {
        match self {
            Self::Day => day,
            // No calendar that we know begins within a week: 0001-01-01 was a Monday.
            Self::Week => Day::at(day.number() - i64::from(day.0.weekday().to_monday_zero_offset())),
            Self::Month => Day(day.0.first_of_month()),
        }
    }

    /// The last day of the day, week or month that a day is in.
    pub fn last(self, day: Day) -> Day {
        match self {
            Self::Day => day,
            Self::Week => Day::at(day.number() + 6 - i64::from(day.0.weekday().to_monday_zero_offset())),
            Self::Month => Day(day.0.last_of_month()),
        }
    }
}

impl FromStr for Unit {
    type Err = InvalidUnit;

    fn from_str(text: &str) -> Result<Self, InvalidUnit> {
        match text {
            "day" => Ok(Self::Day),
            "week" => Ok(Self::Week),
            "month" => Ok(Self::Month),
            _ => Err(InvalidUnit(text.chars().take(64).collect())),
        }
    }
}

/// From a day to a day, both included, in days, weeks or months.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    first: Day,
    last: Day,
    by: Unit,
}

/// Days between which nothing can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPeriod {
    /// It ends before it begins.
    #[error("{first} is after {last}")]
    Backwards {
        /// Where it begins.
        first: Day,
        /// Where it ends.
        last: Day,
    },
    /// It has too many parts.
    #[error("from {first} to {last} there are more than {most}; tell of a shorter time, or by a longer unit")]
    TooLong {
        /// Where it begins.
        first: Day,
        /// Where it ends.
        last: Day,
        /// What there may be at most: `366 weeks`.
        most: &'static str,
    },
}

impl Period {
    /// The most days, weeks or months.
    pub const MAX_PARTS: i64 = 366;
    /// The most days in all: ten years.
    pub const MAX_DAYS: i64 = 3_660;

    /// From `first` to `last`.
    ///
    /// # Errors
    /// [`InvalidPeriod`] when it is backwards, has more than [`Period::MAX_PARTS`] parts or more than [`Period::MAX_DAYS`] days.
    pub fn new(first: Day, last: Day, by: Unit) -> Result<Self, InvalidPeriod> {
        if first > last {
            return Err(InvalidPeriod::Backwards { first, last });
        }
        let most = match by {
            Unit::Day => "366 days",
            Unit::Week => "366 weeks",
            Unit::Month => "ten years",
        };
        let days = last.number() - first.number() + 1;
        let parts = match by {
            Unit::Day => days,
            Unit::Week => (by.last(last).number() - by.first(first).number()) / 7 + 1,
            Unit::Month => 1,
        };
        if days > Self::MAX_DAYS || parts > Self::MAX_PARTS {
            return Err(InvalidPeriod::TooLong { first, last, most });
        }
        Ok(Self { first, last, by })
    }

    /// What somebody asks for who may leave everything out: the 30 days, 12 weeks or 12 months up to today.
    ///
    /// # Errors
    /// [`InvalidPeriod`].
    pub fn asked(first: Option<Day>, last: Option<Day>, by: Unit, today: Day) -> Result<Self, InvalidPeriod> {
        let last = last.unwrap_or(today);
        let usual = || (1..by.usual()).fold(by.first(last), |first, _| by.first(first.before()));
        Self::new(first.unwrap_or_else(usual), last, by)
    }

    /// Its days.
    pub const fn days(&self) -> RangeInclusive<Day> {
        self.first..=self.last
    }

    /// What it is told by.
    pub const fn by(&self) -> Unit {
        self.by
    }

    /// Its days, weeks or months, each from its first to its last day. The first and the last one are cut off where it begins and
    /// ends.
    pub fn parts(&self) -> Vec<RangeInclusive<Day>> {
        let mut parts = Vec::new();
        let mut first = self.first;
        loop {
            let last = self.by.last(first).min(self.last);
            parts.push(first..=last);
            if last == self.last {
                return parts;
            }
            first = last.next();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    fn parts(first: &str, last: &str, by: Unit) -> Vec<String> {
        let period = Period::new(day(first), day(last), by).unwrap();
        period.parts().into_iter().map(|part| format!("{} {}", part.start(), part.end())).collect()
    }

    #[test]
    fn a_day_ends_at_midnight_in_utc() {
        for (at, expected) in [
            ("2026-11-30T23:59:59.999Z", "2026-11-30"),
            ("2026-12-01T00:00:00.000Z", "2026-12-01"),
            ("2026-12-01T00:30:00+01:00", "2026-11-30"),
            ("1970-01-01T00:00:00.000Z", "1970-01-01"),
            ("1969-12-31T23:59:59.999Z", "1969-12-31"),
            ("0001-01-01T00:00:00.000Z", "0001-01-01"),
            ("9999-12-31T23:59:59.999Z", "9999-12-31"),
        ] {
            assert_eq!(Day::of(at.parse().unwrap()).to_string(), expected, "{at}");
            assert_eq!(day(expected).to_string(), expected);
        }
    }

    #[test]
    fn days_are_numbered_from_1970() {
        for (text, number) in [("1970-01-01", 0), ("1969-12-31", -1), ("2000-03-01", 11_017), ("2026-11-24", 20_781)] {
            assert_eq!((day(text).number(), Day::at(number)), (number, day(text)));
        }
        assert_eq!(Day::at(i64::MAX).to_string(), "9999-12-31");
    }

    #[test]
    fn a_week_begins_on_monday() {
        // 2026-11-30 was a Monday.
        for text in ["2026-11-30", "2026-12-02", "2026-12-06"] {
            let (first, last) = (Unit::Week.first(day(text)), Unit::Week.last(day(text)));
            assert_eq!((first, last), (day("2026-11-30"), day("2026-12-06")), "{text}");
        }
        assert_eq!(Unit::Week.first(day("2026-11-29")), day("2026-11-23"));
        assert_eq!(Unit::Week.first(day("1969-12-31")), day("1969-12-29"));
        assert_eq!(Unit::Week.first(day("0001-01-03")), day("0001-01-01"));
        assert_eq!(Unit::Week.last(day("9999-12-31")), day("9999-12-31"), "no calendar goes on");
    }

    #[test]
    fn a_month_has_the_days_of_the_calendar() {
        for (text, first, last) in [
            ("2026-02-10", "2026-02-01", "2026-02-28"),
            ("2028-02-29", "2028-02-01", "2028-02-29"),
            ("2100-02-01", "2100-02-01", "2100-02-28"),
            ("2026-12-31", "2026-12-01", "2026-12-31"),
        ] {
            assert_eq!((Unit::Month.first(day(text)), Unit::Month.last(day(text))), (day(first), day(last)));
        }
    }

    #[test]
    fn a_period_is_cut_at_its_ends() {
        assert_eq!(
            parts("2026-01-15", "2026-03-02", Unit::Month),
            ["2026-01-15 2026-01-31", "2026-02-01 2026-02-28", "2026-03-01 2026-03-02"]
        );
        assert_eq!(
            parts("2026-12-30", "2027-01-05", Unit::Week),
            ["2026-12-30 2027-01-03", "2027-01-04 2027-01-05"],
            "weeks know no years"
        );
        assert_eq!(parts("2028-02-28", "2028-03-01", Unit::Day).len(), 3);
        for by in [Unit::Day, Unit::Week, Unit::Month] {
            assert_eq!(parts("2026-06-03", "2026-06-03", by), ["2026-06-03 2026-06-03"]);
        }
    }

    #[test]
    fn a_period_is_neither_backwards_nor_too_long() {
        let new = |first, last, by| Period::new(day(first), day(last), by);
        assert!(new("2028-01-01", "2028-12-31", Unit::Day).is_ok());
        assert!(matches!(new("2028-01-01", "2029-01-01", Unit::Day), Err(InvalidPeriod::TooLong { .. })));
        // Mondays to Sundays: 366 weeks, and one day more.
        assert!(new("2020-01-06", "2027-01-10", Unit::Week).is_ok());
        assert!(new("2020-01-06", "2027-01-11", Unit::Week).is_err());
        assert!(new("2020-01-05", "2027-01-10", Unit::Week).is_err());
        assert!(new("2020-01-01", "2029-12-31", Unit::Month).is_ok());
        let error = new("0001-01-01", "9999-12-31", Unit::Month).unwrap_err();
        assert_eq!(
            error.to_string(),
            "from 0001-01-01 to 9999-12-31 there are more than ten years; tell of a shorter time, or by a longer unit"
        );
        let error = new("2026-11-25", "2026-11-24", Unit::Week).unwrap_err();
        assert_eq!(error.to_string(), "2026-11-25 is after 2026-11-24");
    }

    #[test]
    fn who_asks_for_nothing_is_told_of_the_last_days_weeks_or_months() {
        let today = day("2026-11-24");
        let asked = |first: Option<&str>, last: Option<&str>, by| {
            let period = Period::asked(first.map(day), last.map(day), by, today).unwrap();
            (period.days().start().to_string(), period.days().end().to_string(), period.parts().len())
        };
        let told = |first: &str, last: &str, parts| (first.to_owned(), last.to_owned(), parts);
        assert_eq!(asked(None, None, Unit::Day), told("2026-10-26", "2026-11-24", 30));
        assert_eq!(asked(None, None, Unit::Week), told("2026-09-07", "2026-11-24", 12));
        assert_eq!(asked(None, None, Unit::Month), told("2025-12-01", "2026-11-24", 12));
        assert_eq!(asked(None, Some("2026-03-05"), Unit::Month), told("2025-04-01", "2026-03-05", 12));
        assert_eq!(asked(Some("2026-11-01"), None, Unit::Week), told("2026-11-01", "2026-11-24", 5));
        assert!(Period::asked(Some(day("2026-11-25")), None, Unit::Day, today).is_err());
    }

    #[test]
    fn units_are_read_as_they_are_called() {
        for by in [Unit::Day, Unit::Week, Unit::Month] {
            assert_eq!(by.name().parse::<Unit>().unwrap(), by);
        }
        assert_eq!("Year".parse::<Unit>().unwrap_err().to_string(), "\"Year\" is not day, week or month");
    }

    proptest! {
        #[test]
        fn parts_are_a_period_without_gaps_and_repeats(
            first in -700_000_i64..2_900_000,
            days in 0..Period::MAX_PARTS,
            by in proptest::sample::select(vec![Unit::Day, Unit::Week, Unit::Month]),
        ) {
            let (first, last) = (Day::at(first), Day::at(first + days));
            let parts = Period::new(first, last, by).unwrap().parts();
            prop_assert_eq!((*parts[0].start(), *parts[parts.len() - 1].end()), (first, last));
            for pair in parts.windows(2) {
                prop_assert_eq!(pair[0].end().next(), *pair[1].start());
                prop_assert_eq!(pair[1].start().before(), *pair[0].end());
                prop_assert_eq!(by.first(*pair[1].start()), *pair[1].start());
            }
            for part in &parts {
                prop_assert_eq!(by.first(*part.start()), by.first(*part.end()));
            }
        }

        #[test]
        fn a_day_survives_its_number_and_its_text(number in RANGE.0..=RANGE.1) {
            let day = Day::at(number);
            prop_assert_eq!(day.number(), number);
            prop_assert_eq!(day.to_string().parse::<Day>().unwrap(), day);
            let at = Timestamp::from_millis(number * MILLIS).unwrap();
            prop_assert_eq!(Day::of(at), day);
        }
    }
}
