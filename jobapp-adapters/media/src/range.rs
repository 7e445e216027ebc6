//! Which part of a file a request asks for (RFC 9110 §14).

use std::ops::RangeInclusive;

use http::header::{HeaderMap, RANGE};

/// More ranges than this are not looked at.
const MOST_RANGES: usize = 100;

/// What a request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// All of it; or something we do not understand or do not answer in parts, for which all is a right answer, too.
    Whole,
    /// These bytes of it.
    Part(RangeInclusive<u64>),
    /// Nothing that the file has.
    Nothing,
}

/// What is asked for of a file with `length` bytes. Several parts at once are answered with the whole file.
pub(crate) fn wanted(headers: &HeaderMap, length: u64) -> Wanted {
    let mut lines = headers.get_all(RANGE).iter();
    let (Some(line), None) = (lines.next(), lines.next()) else { return Wanted::Whole };
    let Some(ranges) = line.to_str().ok().and_then(byte_ranges) else { return Wanted::Whole };
    let mut parts = ranges.iter().filter_map(|range| range.within(length));
    match (parts.next(), parts.next()) {
        (None, _) => Wanted::Nothing,
        (Some(part), None) => Wanted::Part(part),
        (Some(_), Some(_)) => Wanted::Whole,
    }
}

/// A range of bytes as a client names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ByteRange {
    /// From one byte to another, or to the end.
    From(u64, Option<u64>),
    /// The last so many.
    Last(u64),
}

/// The ranges of a header; `None` for another unit, for what breaks the grammar, and for too many.
fn byte_ranges(text: &str) -> Option<Vec<ByteRange>> {
    let (unit, set) = text.split_once('=')?;
    if !unit.eq_ignore_ascii_case("bytes") {
        return None;
    }
    let specs = set.split(',').map(|spec| spec.trim_matches([' ', '\t'])).filter(|spec| !spec.is_empty());
    let ranges: Vec<ByteRange> = specs.take(MOST_RANGES + 1).map(ByteRange::parse).collect::<Option<_>>()?;
    (1..=MOST_RANGES).contains(&ranges.len()).then_some(ranges)
}

impl ByteRange {
    fn parse(spec: &str) -> Option<Self> {
        let (first, last) = spec.split_once('-')?;
        match (first, last) {
            ("", last) => number(last).map(Self::Last),
            (first, "") => Some(Self::From(number(first)?, None)),
            (first, last) => {
                let (first, last) = (number(first)?, number(last)?);
                (first <= last).then_some(Self::From(first, Some(last)))
            }
        }
    }

    /// The bytes of the range that a file of this length has.
    fn within(self, length: u64) -> Option<RangeInclusive<u64>> {
        let end = length.checked_sub(1)?;
        match self {
            Self::From(first, last) => (first <= end).then(|| first..=last.map_or(end, |last| last.min(end))),
            Self::Last(0) => None,
            Self::Last(count) => Some(length.saturating_sub(count)..=end),
        }
    }
}

/// A number of digits only. One that is larger than any file stands for the largest there is.
fn number(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use proptest::prelude::*;

    fn asked(lines: &[&str], length: u64) -> Wanted {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(RANGE, HeaderValue::from_bytes(line.as_bytes()).unwrap());
        }
        wanted(&headers, length)
    }

    #[test]
    fn one_part_is_found_however_it_is_named() {
        for (line, part) in [
            ("bytes=0-0", 0..=0),
            ("bytes=2-4", 2..=4),
            ("bytes=0-1023", 0..=1023),
            ("bytes=0-99999", 0..=1023),
            ("bytes=0-99999999999999999999999999", 0..=1023),
            ("bytes=1000-", 1000..=1023),
            ("bytes=-1", 1023..=1023),
            ("bytes=-1024", 0..=1023),
            ("bytes=-5000", 0..=1023),
            ("bytes=-99999999999999999999999999", 0..=1023),
            ("Bytes=2-4", 2..=4),
            ("BYTES=2-4", 2..=4),
            ("bytes= 2-4", 2..=4),
            ("bytes=2-4,", 2..=4),
            ("bytes=,\t2-4 , ,", 2..=4),
            ("bytes=2-4,5000-", 2..=4),
            ("bytes=5000-,-5", 1019..=1023),
            ("bytes=002-0004", 2..=4),
        ] {
            assert_eq!(asked(&[line], 1024), Wanted::Part(part), "{line}");
        }
    }

    #[test]
    fn what_we_do_not_understand_or_not_answer_in_parts_is_the_whole_file() {
        for line in [
            "items=0-5",
            "bytes",
            "bytes=",
            "bytes=,",
            "bytes=-",
            "bytes=a-b",
            "bytes=5-2",
            "bytes=1-2-3",
            "bytes=+1-2",
            "bytes=--5",
            "bytes=0x1-2",
            "bytes=1 - 2",
            "bytes =0-1",
            "bytes:0-1",
            "0-1",
            "",
            "bytes=0-1,5-6",
            "bytes=0-1,x",
            "bytes=0-,0-,0-",
        ] {
            assert_eq!(asked(&[line], 1024), Wanted::Whole, "{line}");
        }
        assert_eq!(asked(&[], 1024), Wanted::Whole);
        assert_eq!(asked(&["bytes=0-1", "bytes=5-6"], 1024), Wanted::Whole);
        let many = format!("bytes={}5-6", "9000-,".repeat(10_000));
        assert_eq!(asked(&[&many], 1024), Wanted::Whole);
    }

    #[test]
    fn nothing_is_what_the_file_does_not_have() {
        for line in ["bytes=1024-", "bytes=5000-6000", "bytes=-0", "bytes=-0,2000-", "bytes=99999999999999999999-"] {
            assert_eq!(asked(&[line], 1024), Wanted::Nothing, "{line}");
        }
        for line in ["bytes=0-", "bytes=-5"] {
            assert_eq!(asked(&[line], 0), Wanted::Nothing, "{line}");
        }
    }

    proptest! {
        #[test]
        fn a_part_is_always_within_the_file(line in "(bytes=)?[-0-9, a]{0,40}", length in 0_u64..2000) {
            if let Wanted::Part(part) = asked(&[&line], length) {
                prop_assert!(part.start() <= part.end() && *part.end() < length);
            }
        }
    }
}
