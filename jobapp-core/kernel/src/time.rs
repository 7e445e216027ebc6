//! Instants, and the two date formats of the wire.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// An instant in UTC, in whole milliseconds since 1970.
///
/// Prints and serialises as ISO 8601 with milliseconds, `2026-11-24T10:15:42.000Z`, so texts sort as instants do.
/// Parses ISO 8601 (RFC 3339, or a bare `YYYY-MM-DD`) and what a browser makes of a date,
/// `Tue Nov 24 2026 11:15:42 GMT+0100 (Central European Standard Time)`. Deserialises also from a number of milliseconds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// A text that is no date in either format, or one outside the years 1 to 9999.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a date such as 2026-11-24T10:15:42.000Z")]
pub struct InvalidTimestamp(pub String);

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
        let instant = jiff::Timestamp::from_millisecond(self.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        jiff::tz::Offset::UTC.to_datetime(instant)
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
        if trimmed.len() > 128 {
            return Err(invalid());
        }
        let millis = if let Ok(instant) = trimmed.parse::<jiff::Timestamp>() {
            instant.as_millisecond()
        } else if let Ok(date) = trimmed.parse::<jiff::civil::Date>() {
            at_utc(date.at(0, 0, 0, 0)).ok_or_else(invalid)?
        } else {
            from_js(trimmed).ok_or_else(invalid)?
        };
        Self::from_millis(millis).map_err(|_| invalid())
    }
}

/// Reads `Tue Nov 24 2026 11:15:42 GMT+0100 (any words)`; the week day is not checked, as browsers do not.
fn from_js(text: &str) -> Option<i64> {
    let before_zone_name = text.split(" (").next()?.trim();
    let without_week_day = before_zone_name.split_once(' ')?.1;
    let time = jiff::fmt::strtime::parse("%b %d %Y %H:%M:%S GMT%z", without_week_day).ok()?;
    time.to_timestamp().ok().map(jiff::Timestamp::as_millisecond)
}

fn at_utc(time: jiff::civil::DateTime) -> Option<i64> {
    jiff::tz::Offset::UTC.to_timestamp(time).ok().map(jiff::Timestamp::as_millisecond)
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
    fn refuses_other_texts() {
        for text in ["", "undefined", "Invalid Date", "null", "2026-13-01T00:00:00Z", "yesterday"] {
            assert!(text.parse::<Timestamp>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn iso_and_js_survive_a_round_trip(seconds in -60_000_000_000_i64..250_000_000_000) {
            let instant = Timestamp::from_millis(seconds * 1000).unwrap();
            prop_assert_eq!(instant.to_string().parse::<Timestamp>().unwrap(), instant);
            prop_assert_eq!(instant.to_js_string().parse::<Timestamp>().unwrap(), instant);
        }

        #[test]
        fn no_text_panics(text in ".{0,60}") {
            drop(text.parse::<Timestamp>());
        }
    }
}
