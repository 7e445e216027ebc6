//! Instants, and the two date formats of the wire.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

mod reading;

/// An instant in UTC, in whole milliseconds since 1970.
///
/// Prints and serialises as ISO 8601 with milliseconds, `2026-11-24T10:15:42.000Z`, so texts sort as instants do.
/// Parses ISO 8601 (`2026-11-24`, `2026-11-24T10:15`, with seconds, fractions, an offset) and what browsers make of a date:
/// `Tue Nov 24 2026 11:15:42 GMT+0100 (Central European Standard Time)`, `Tue, 24 Nov 2026 10:15:42 GMT`,
/// `Tue Nov 24 2026`. A time without an offset is one in UTC, a day without a time begins there. What no calendar and no
/// clock shows is refused. Deserialises also from a number of milliseconds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// A text that is no date in either format, or one outside the years 1 to 9999.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a date such as 2026-11-24T10:15:42.000Z")]
pub struct InvalidTimestamp(pub String);

/// What milliseconds are counted from, on a clock in UTC.
const FIRST: jiff::civil::DateTime = jiff::civil::date(1970, 1, 1).at(0, 0, 0, 0);

/// 0001-01-01 and 9999-12-31T23:59:59.999 in milliseconds since 1970.
const RANGE: std::ops::RangeInclusive<i64> = -62_135_596_800_000..=253_402_300_799_999;

impl Timestamp {
    /// 1970-01-01T00:00:00.000Z.
    pub const EPOCH: Self = Self(0);

    /// The instant this many milliseconds after 1970.
    ///
    /// # Errors
    /// [`InvalidTimestamp`] outside the years 1 to 9999.
    pub fn from_millis(millis: i64) -> Result<Self, InvalidTimestamp> {
        if RANGE.contains(&millis) { Ok(Self(millis)) } else { Err(InvalidTimestamp(millis.to_string())) }
    }

    /// Milliseconds since 1970.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// This instant `later` on, at most the end of the year 9999.
    #[must_use]
    pub fn plus(self, later: Duration) -> Self {
        let millis = i64::try_from(later.as_millis()).unwrap_or(i64::MAX);
        Self(self.0.saturating_add(millis).min(*RANGE.end()))
    }

    /// This instant `earlier` before, at least the year 1.
    #[must_use]
    pub fn minus(self, earlier: Duration) -> Self {
        let millis = i64::try_from(earlier.as_millis()).unwrap_or(i64::MAX);
        Self(self.0.saturating_sub(millis).max(*RANGE.start()))
    }

    /// The time since `earlier`, zero when that is in the future.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// The text a browser in UTC makes of this instant, whole seconds: `Tue Nov 24 2026 10:15:42 GMT+0000 (Coordinated Universal Time)`.
    pub fn to_js_string(self) -> String {
        self.zoned().strftime("%a %b %d %Y %H:%M:%S GMT+0000 (Coordinated Universal Time)").to_string()
    }

    /// The day for people: `24 November 2026`.
    pub fn to_day_string(self) -> String {
        self.zoned().strftime("%-d %B %Y").to_string()
    }

    fn zoned(self) -> jiff::civil::DateTime {
        // Within the years 1 to 9999 there is one.
        FIRST.saturating_add(jiff::SignedDuration::from_millis(self.0))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let t = self.zoned();
        write!(
            f,
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
            t.year(),
            t.month(),
            t.day(),
            t.hour(),
            t.minute(),
            t.second(),
            t.millisecond()
        )
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Timestamp {
    type Err = InvalidTimestamp;

    fn from_str(text: &str) -> Result<Self, InvalidTimestamp> {
        let trimmed = text.trim();
        let invalid = || InvalidTimestamp(text.chars().take(64).collect());
        if trimmed.len() > reading::LONGEST {
            return Err(invalid());
        }
        let millis = reading::iso(trimmed).or_else(|| reading::of_browser(trimmed)).ok_or_else(invalid)?;
        Self::from_millis(millis).map_err(|_| invalid())
    }
}

impl Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Timestamp;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a date text or milliseconds since 1970")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Timestamp, E> {
                text.parse().map_err(E::custom)
            }
            fn visit_i64<E: serde::de::Error>(self, millis: i64) -> Result<Timestamp, E> {
                Timestamp::from_millis(millis).map_err(E::custom)
            }
            fn visit_u64<E: serde::de::Error>(self, millis: u64) -> Result<Timestamp, E> {
                i64::try_from(millis).map_err(E::custom).and_then(|millis| self.visit_i64(millis))
            }
            fn visit_f64<E: serde::de::Error>(self, millis: f64) -> Result<Timestamp, E> {
                #[expect(clippy::cast_possible_truncation, reason = "an out-of-range value saturates and is refused")]
                self.visit_i64(millis as i64)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

#[cfg(feature = "openapi")]
impl utoipa::PartialSchema for Timestamp {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .format(Some(utoipa::openapi::SchemaFormat::KnownFormat(utoipa::openapi::KnownFormat::DateTime)))
            .description(Some("An instant in UTC, ISO 8601 with milliseconds."))
            .into()
    }
}

#[cfg(feature = "openapi")]
impl utoipa::ToSchema for Timestamp {}

/// A date as somebody wrote it, for others to read. One that names no offset is told in UTC, as it is [read](Timestamp) here: each reader
/// would otherwise take it for a moment of his own.
pub fn with_offset(text: String) -> String {
    let names_none = format!("{text}Z").parse::<Timestamp>().is_ok();
    match text.parse::<Timestamp>() {
        Ok(at) if names_none => at.to_string(),
        Ok(_) | Err(_) => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_both_formats() {
        let expected = Timestamp::from_millis(1_795_486_542_000).unwrap();
        for text in [
            "2026-11-24T02:15:42.000Z",
            "2026-11-24T03:15:42+01:00",
            "Tue Nov 24 2026 03:15:42 GMT+0100 (Central European Standard Time)",
            "Tue Nov 24 2026 02:15:42 GMT+0000 (Coordinated Universal Time)",
            "Tue Nov 24 2026 02:15:42 GMT+0000",
        ] {
            assert_eq!(text.parse::<Timestamp>().unwrap(), expected, "{text}");
        }
        assert_eq!("2026-11-24".parse::<Timestamp>().unwrap().to_string(), "2026-11-24T00:00:00.000Z");
    }

    #[test]
    fn the_first_and_the_last_instant_are_told_as_they_are() {
        for (millis, text) in [(*RANGE.start(), "0001-01-01T00:00:00.000Z"), (*RANGE.end(), "9999-12-31T23:59:59.999Z")]
        {
            let instant = Timestamp::from_millis(millis).unwrap();
            assert_eq!(instant.to_string(), text);
            assert_eq!(text.parse::<Timestamp>().unwrap(), instant);
        }
    }

    #[test]
    fn reads_every_form_browsers_print() {
        let noon = "2027-12-05T18:30:00.000Z";
        for (text, expected) in [
            ("2027-12-05T18:30:00.000Z", noon),
            ("Sun Dec 05 2027 18:30:00 GMT+0000 (Coordinated Universal Time)", noon),
            ("Mon Dec 06 2027 00:00:00 GMT+0530 (India Standard Time)", noon),
            ("Sun Dec 05 2027 08:30:00 GMT-1000 (Hawaii-Aleutian Standard Time)", noon),
            ("Sun, 05 Dec 2027 18:30:00 GMT", noon),
            ("2027-12-05T19:30:00+01:00[Europe/Berlin]", noon),
            ("2027-12-05T19:30:00+01:00[Europe/Berlin][u-ca=iso8601]", noon),
            ("+002027-12-05T18:30:00.000Z", noon),
            ("Sun Dec 05 2027", "2027-12-05T00:00:00.000Z"),
            ("2027-12-05", "2027-12-05T00:00:00.000Z"),
        ] {
            assert_eq!(text.parse::<Timestamp>().map(|read| read.to_string()).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn a_time_without_an_offset_is_one_in_utc_and_never_dropped() {
        for (text, expected) in [
            ("2027-12-05 18:30:00", "2027-12-05T18:30:00.000Z"),
            ("2027-12-05T09:00", "2027-12-05T09:00:00.000Z"),
            ("2027-12-05 09:00", "2027-12-05T09:00:00.000Z"),
            ("2027-12-05t09:00:01.5", "2027-12-05T09:00:01.500Z"),
            ("2027-12-05T09:00:01,123456789", "2027-12-05T09:00:01.123Z"),
            ("Sun Dec 05 2027 18:30:00", "2027-12-05T18:30:00.000Z"),
            ("Sun Dec 05 2027 18:30", "2027-12-05T18:30:00.000Z"),
            ("Dec 5, 2027 18:30:00", "2027-12-05T18:30:00.000Z"),
            ("05 Dec 2027 18:30:00", "2027-12-05T18:30:00.000Z"),
        ] {
            assert_eq!(text.parse::<Timestamp>().map(|read| read.to_string()).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn offsets_are_read_in_every_spelling() {
        for text in [
            "2027-12-05T09:00:00+05:30",
            "2027-12-05T09:00:00+0530",
            "2027-12-05 09:00:00 +05:30",
            "Sun Dec 05 2027 09:00:00 GMT+0530",
            "Sun Dec 05 2027 09:00:00 UTC+05:30",
            "Sun, 05 Dec 2027 09:00:00 +0530",
            "2027-12-05T03:30:00z",
            "2027-12-05T03:30:00+00",
            "2027-12-05T03:30:00-00:00",
            "2027-12-05T17:30:00+14:00",
            "2027-12-04T15:30:00-12:00",
        ] {
            let read = text.parse::<Timestamp>().map(|read| read.to_string());
            assert_eq!(read.as_deref(), Ok("2027-12-05T03:30:00.000Z"), "{text}");
        }
    }

    #[test]
    fn refuses_what_no_calendar_and_no_clock_shows() {
        for text in [
            "2027-02-30",
            "2027-02-29T10:00:00Z",
            "Mon Feb 30 2026 10:00:00 GMT+0000 (Coordinated Universal Time)",
            "2027-00-10",
            "2027-13-01T00:00:00Z",
            "2027-12-00",
            "2027-12-32",
            "2027-12-05T24:00:00Z",
            "2027-12-05T25:00",
            "2027-12-05T10:60:00Z",
            "2027-12-31T23:59:60Z",
            "Sun Dec 05 2027 23:59:60 GMT+0000 (Coordinated Universal Time)",
            "2027-12-05T10:00:00+25:00",
            "2027-12-05T10:00:00+24:00",
            "2027-12-05T10:00:00-99:00",
            "2027-12-05T10:00:00+01:60",
            "Sun Dec 05 2027 10:00:00 GMT+2500 (x)",
            "99999-12-05T10:00:00Z",
            "+099999-12-05T10:00:00Z",
            "Fri Dec 05 99999 10:00:00 GMT+0000 (Coordinated Universal Time)",
            "0000-12-05",
            "-000000-12-05T10:00:00Z",
            "-000001-12-05T10:00:00Z",
            "0001-01-01T00:00:00+01:00",
            "9999-12-31T23:59:59-01:00",
        ] {
            assert!(text.parse::<Timestamp>().is_err(), "{text}");
        }
    }

    #[test]
    fn refuses_other_texts() {
        for text in [
            "",
            "undefined",
            "Invalid Date",
            "null",
            "NaN",
            "yesterday",
            "2027",
            "2027-12",
            "2027-12-5",
            "27-12-05",
            "20271205",
            "20271205T101542Z",
            "12/05/2027",
            "05.12.2027",
            "12/5/2027, 6:30:00 PM",
            "1795486542000",
            "2027-12-05T",
            "2027-12-05T10",
            "2027-12-05T10:00:",
            "2027-12-05T10:00:00.",
            "2027-12-05T10:00:00ZZ",
            "2027-12-05T10:00:00+",
            "2027-12-05T10:00:00+1",
            "2027-12-05T10:00:00 PM",
            "2027-12-05T10:00:00[Europe/Berlin",
            "2027-12-05x10:00:00Z",
            "2027-12-05Z",
            "2027-W48-7",
            "2027-339",
            "Tomorrow Dec 05 2027 10:00:00 GMT+0000",
            "Sun Dez 05 2027 10:00:00 GMT+0000",
            "Sun Dec 05 2027 10:00:00 CET",
            "Sun Dec 05 2027 10:00:00 GMT+0000 (x",
            "Sun Dec 05 2027 10:00:00 GMT+0000 (x) y",
            "Sun Dec 05 2027 GMT+0000",
            "Sun Dec +5 2027 10:00:00 GMT+0000",
            "２０２７-12-05",
        ] {
            assert!(text.parse::<Timestamp>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn iso_and_js_survive_a_round_trip(seconds in -60_000_000_000_i64..250_000_000_000) {
            let instant = Timestamp::from_millis(seconds * 1000).unwrap();
            prop_assert_eq!(instant.to_string().parse::<Timestamp>().unwrap(), instant);
            prop_assert_eq!(instant.to_js_string().parse::<Timestamp>().unwrap(), instant);
            let local = instant.to_string().replace('T', " ").replace('Z', "");
            prop_assert_eq!(local.parse::<Timestamp>().unwrap(), instant);
        }

        #[test]
        fn no_almost_date_panics(text in "[+-]?[0-9]{1,6}[-/ ][0-9]{1,3}-[0-9]{1,3}[T ]?[0-9:.,]{0,12}[Z+-]?[0-9:]{0,6}") {
            drop(text.parse::<Timestamp>());
        }

        #[test]
        fn no_text_panics(text in ".{0,60}") {
            drop(text.parse::<Timestamp>());
        }
    }

    #[test]
    fn a_date_that_names_no_offset_is_told_in_utc_and_every_other_text_as_it_is() {
        let told = |text: &str| with_offset(text.to_owned());
        assert_eq!(told("2027-12-05 18:30:00"), "2027-12-05T18:30:00.000Z");
        assert_eq!(told("2027-12-05T09:00"), "2027-12-05T09:00:00.000Z");
        for text in [
            "2027-12-05T18:30:00.000Z",
            "2027-12-05T18:30:00+02:00",
            "Tue Dec 15 2026 09:00:00 GMT+0000 (Coordinated Universal Time)",
            "",
            "soon",
        ] {
            assert_eq!(told(text), text);
        }
    }
}
