//! Reads the dates of the wire: milliseconds since 1970 of a text.

use jiff::civil::{Date, DateTime, Time};

/// The longest text that is a date, in bytes.
pub(super) const LONGEST: usize = 128;

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEK_DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// Reads `2026-11-24`, `2026-11-24T10:15`, `2026-11-24 10:15:42.123+01:00` and the like.
pub(super) fn iso(text: &str) -> Option<i64> {
    let (year, rest) = iso_year(text)?;
    let (month, rest) = two_digits(rest.strip_prefix('-')?)?;
    let (day, rest) = two_digits(rest.strip_prefix('-')?)?;
    let date = Date::new(year, month, day).ok()?;
    if rest.is_empty() {
        return millis(date.to_datetime(Time::midnight()), 0);
    }
    let rest = rest.strip_prefix(['T', 't', ' '])?;
    let end = rest.find(|c: char| !c.is_ascii_digit() && !matches!(c, ':' | '.' | ',')).unwrap_or(rest.len());
    let (clock, zone) = rest.split_at(end);
    let time = time(clock)?;
    let offset = offset(without_annotations(zone)?.trim_start())?;
    millis(date.to_datetime(time), offset)
}

/// Reads `Tue Nov 24 2026 11:15:42 GMT+0100 (any words)`, `Tue, 24 Nov 2026 10:15:42 GMT` and the like. The day of the week is
/// not compared with the date, as browsers do not.
pub(super) fn of_browser(text: &str) -> Option<i64> {
    let text = match text.split_once('(') {
        // The name of the zone, which says the same as the offset before it.
        Some((before, name)) if name.ends_with(')') => before,
        Some(_) => return None,
        None => text,
    };
    let mut words = text.split([' ', ',']).filter(|word| !word.is_empty()).peekable();
    words.next_if(|word| place_of(word, &WEEK_DAYS).is_some());
    let (one, other) = (words.next()?, words.next()?);
    let (month, day) = match place_of(one, &MONTHS) {
        Some(month) => (month, other),
        None => (place_of(other, &MONTHS)?, one),
    };
    let year = words.next()?;
    if year.len() != 4 || day.len() > 2 {
        return None;
    }
    let date = Date::new(digits(year)?, month.checked_add(1)?, digits(day)?).ok()?;
    let Some(clock) = words.next() else { return millis(date.to_datetime(Time::midnight()), 0) };
    let time = time(clock)?;
    let zone = words.next().unwrap_or_default();
    if words.next().is_some() {
        return None;
    }
    let zone = zone.strip_prefix("GMT").or_else(|| zone.strip_prefix("UTC")).unwrap_or(zone);
    millis(date.to_datetime(time), offset(zone)?)
}

/// A year of four digits, or of six with a sign.
fn iso_year(text: &str) -> Option<(i16, &str)> {
    let (year, rest) = match text.strip_prefix('+') {
        Some(text) => text.split_at_checked(6)?,
        None => text.split_at_checked(4)?,
    };
    Some((i16::try_from(digits::<i32>(year)?).ok()?, rest))
}

fn two_digits(text: &str) -> Option<(i8, &str)> {
    let (number, rest) = text.split_at_checked(2)?;
    Some((digits(number)?, rest))
}

/// A number of nothing but digits.
fn digits<N: std::str::FromStr>(text: &str) -> Option<N> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// `10:15`, `10:15:42`, `10:15:42.123`. What is finer than a millisecond is left out.
fn time(text: &str) -> Option<Time> {
    let (whole, fraction) = text.split_once(['.', ',']).map_or((text, None), |(whole, rest)| (whole, Some(rest)));
    let mut parts = whole.split(':');
    let mut part = || {
        let text = parts.next()?;
        (text.len() == 2).then(|| digits::<i8>(text)).flatten()
    };
    let (hour, minute) = (part()?, part()?);
    let second = if whole.len() > 5 { Some(part()?) } else { None };
    if parts.next().is_some() || fraction.is_some() && second.is_none() {
        return None;
    }
    let nanoseconds = match fraction {
        None => 0,
        Some(fraction) => {
            // Only digits, however many.
            digits::<f64>(fraction)?;
            let first: String = fraction.chars().chain("00".chars()).take(3).collect();
            digits::<i32>(&first)? * 1_000_000
        }
    };
    // There is no sixtieth second: clocks of computers do not show it.
    Time::new(hour, minute, second.unwrap_or_default(), nanoseconds).ok()
}

/// The seconds a zone is ahead of UTC: `Z`, `+01:00`, `+0100`, `+01`; nothing is UTC.
fn offset(text: &str) -> Option<i64> {
    if text.is_empty() || text.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let (sign, text) = match text.strip_prefix('+') {
        Some(text) => (1, text),
        None => (-1, text.strip_prefix('-')?),
    };
    let (hours, rest) = two_digits(text)?;
    let minutes = match rest.strip_prefix(':').unwrap_or(rest) {
        "" if rest.is_empty() => 0,
        minutes if minutes.len() == 2 => digits::<i8>(minutes)?,
        _ => return None,
    };
    // No clock is further ahead of another one.
    (hours < 24 && minutes < 60).then(|| sign * (i64::from(hours) * 60 + i64::from(minutes)) * 60)
}

/// A zone without the names behind it, such as `[Europe/Berlin]`, which say the same as the offset.
fn without_annotations(zone: &str) -> Option<&str> {
    let Some((offset, names)) = zone.split_once('[') else { return Some(zone) };
    (!offset.is_empty() && names.ends_with(']')).then_some(offset)
}

fn place_of(word: &str, names: &[&str]) -> Option<i8> {
    i8::try_from(names.iter().position(|name| name.eq_ignore_ascii_case(word))?).ok()
}

/// Of a time on a clock that is so many seconds ahead of UTC.
fn millis(clock: DateTime, ahead: i64) -> Option<i64> {
    let since = clock.duration_since(super::FIRST);
    i64::try_from(since.as_millis()).ok()?.checked_sub(ahead * 1000)
}
