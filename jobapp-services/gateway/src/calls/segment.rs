//! Values in the paths of calls.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What may stand in a path segment as it is (RFC 3986 §2.3): everything else is encoded, slashes above all.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A value as a path segment of its own.
pub(crate) fn push_segment(path: &mut String, value: &str) {
    match value {
        // A segment of dots would climb the path wherever it is normalised.
        "." => path.push_str("%2E"),
        ".." => path.push_str("%2E%2E"),
        _ => path.extend(utf8_percent_encode(value, SEGMENT)),
    }
}

/// The same, as a text of its own.
pub(crate) fn segment(value: &str) -> String {
    let mut path = String::with_capacity(value.len());
    push_segment(&mut path, value);
    path
}
