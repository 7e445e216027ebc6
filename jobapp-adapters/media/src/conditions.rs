//! Under which conditions a request wants its answer (RFC 9110 §13).

use std::time::SystemTime;

use http::header::{HeaderMap, HeaderName, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE};

/// What a file is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Version {
    /// Its strong tag, without quotes.
    pub(crate) tag: String,
    /// When it was written, in whole seconds, as the wire has it.
    pub(crate) written: SystemTime,
}

/// What the conditions come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Answer.
    Answer,
    /// The client has it: 304.
    NotModified,
    /// A condition does not hold: 412.
    Failed,
}

impl Version {
    /// What the conditions of a read come to, in the order of RFC 9110 §13.2.2. Tags win over dates, and a date that is none
    /// is ignored.
    pub(crate) fn judge(&self, headers: &HeaderMap) -> Verdict {
        let holds = match Tags::of(headers, IF_MATCH) {
            Some(tags) => tags.have_strongly(&self.tag),
            None => date(headers, IF_UNMODIFIED_SINCE).is_none_or(|since| self.written <= since),
        };
        if !holds {
            return Verdict::Failed;
        }
        let is_known = match Tags::of(headers, IF_NONE_MATCH) {
            Some(tags) => tags.have_weakly(&self.tag),
            None => date(headers, IF_MODIFIED_SINCE).is_some_and(|since| self.written <= since),
        };
        if is_known { Verdict::NotModified } else { Verdict::Answer }
    }

    /// Whether a part of this version fits to what the client has. Only its strong tag or its exact date say so.
    pub(crate) fn fits(&self, headers: &HeaderMap) -> bool {
        let mut lines = headers.get_all(IF_RANGE).iter();
        match (lines.next(), lines.next()) {
            (None, _) => true,
            (Some(_), Some(_)) => false,
            (Some(line), None) => {
                let Ok(text) = line.to_str() else { return false };
                match text.trim().strip_prefix('"').and_then(|tag| tag.strip_suffix('"')) {
                    Some(tag) => tag == self.tag,
                    None => httpdate::parse_http_date(text.trim()).is_ok_and(|date| date == self.written),
                }
            }
        }
    }
}

/// The tags of a header.
enum Tags {
    /// `*`: any there is.
    Any,
    /// These, with whether each is weak.
    Listed(Vec<(bool, Vec<u8>)>),
}

impl Tags {
    /// `None` without the header. What follows something that is no tag is not read.
    fn of(headers: &HeaderMap, name: HeaderName) -> Option<Self> {
        let lines: Vec<&[u8]> = headers.get_all(name).iter().map(http::HeaderValue::as_bytes).collect();
        match lines[..] {
            [] => None,
            [only] if only.trim_ascii() == b"*" => Some(Self::Any),
            _ => Some(Self::Listed(listed(&lines.join(&b","[..])))),
        }
    }

    fn have_strongly(&self, tag: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Listed(tags) => tags.iter().any(|(weak, one)| !weak && one == tag.as_bytes()),
        }
    }

    fn have_weakly(&self, tag: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Listed(tags) => tags.iter().any(|(_, one)| one == tag.as_bytes()),
        }
    }
}

/// The tags of a list. A tag may hold a comma, but no quote.
fn listed(mut text: &[u8]) -> Vec<(bool, Vec<u8>)> {
    let mut tags = Vec::new();
    loop {
        let next = text.iter().position(|byte| !matches!(byte, b',' | b' ' | b'\t')).unwrap_or(text.len());
        text = &text[next..];
        let (weak, opening) = text.strip_prefix(b"W/").map_or((false, text), |strong| (true, strong));
        let Some(opened) = opening.strip_prefix(b"\"") else { return tags };
        let Some(length) = opened.iter().position(|byte| *byte == b'"') else { return tags };
        tags.push((weak, opened[..length].to_vec()));
        text = &opened[length + 1..];
    }
}

fn date(headers: &HeaderMap, name: HeaderName) -> Option<SystemTime> {
    httpdate::parse_http_date(headers.get(name)?.to_str().ok()?.trim()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use std::time::Duration;

    const THEN: &str = "Tue, 24 Nov 2026 09:00:00 GMT";
    const BEFORE: &str = "Tue, 24 Nov 2026 08:59:59 GMT";
    const AFTER: &str = "Tue, 24 Nov 2026 09:00:01 GMT";

    fn version() -> Version {
        Version { tag: "abc".to_owned(), written: httpdate::parse_http_date(THEN).unwrap() }
    }

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        headers
    }

    fn judged(lines: &[(&'static str, &str)]) -> Verdict {
        version().judge(&headers(lines))
    }

    #[test]
    fn who_has_the_file_is_not_sent_it_again() {
        for line in [
            ("if-none-match", "\"abc\""),
            ("if-none-match", "W/\"abc\""),
            ("if-none-match", "*"),
            ("if-none-match", "\"x,y\" , W/\"z\",,\t\"abc\""),
            ("if-modified-since", THEN),
            ("if-modified-since", AFTER),
            ("if-modified-since", "Tuesday, 24-Nov-26 09:00:00 GMT"),
            ("if-modified-since", "Tue Nov 24 09:00:00 2026"),
        ] {
            assert_eq!(judged(&[line]), Verdict::NotModified, "{line:?}");
        }
        assert_eq!(judged(&[("if-none-match", "\"x\""), ("if-none-match", "\"abc\"")]), Verdict::NotModified);
        for line in [
            ("if-none-match", "\"ab\""),
            ("if-none-match", "abc"),
            ("if-none-match", "\"abc"),
            ("if-none-match", "w/\"abc\""),
            ("if-none-match", "\"x*\""),
            ("if-none-match", ""),
            ("if-modified-since", BEFORE),
            ("if-modified-since", "yesterday"),
            ("if-modified-since", ""),
        ] {
            assert_eq!(judged(&[line]), Verdict::Answer, "{line:?}");
        }
    }

    #[test]
    fn who_wants_another_version_gets_none() {
        for line in [
            ("if-match", "\"x\""),
            ("if-match", "W/\"abc\""),
            ("if-match", "abc"),
            ("if-match", ""),
            ("if-unmodified-since", BEFORE),
        ] {
            assert_eq!(judged(&[line]), Verdict::Failed, "{line:?}");
        }
        for line in [
            ("if-match", "\"abc\""),
            ("if-match", "\"x\", \"abc\""),
            ("if-match", "*"),
            ("if-unmodified-since", THEN),
            ("if-unmodified-since", AFTER),
            ("if-unmodified-since", "tomorrow"),
        ] {
            assert_eq!(judged(&[line]), Verdict::Answer, "{line:?}");
        }
    }

    #[test]
    fn tags_win_over_dates() {
        assert_eq!(judged(&[("if-none-match", "\"x\""), ("if-modified-since", AFTER)]), Verdict::Answer);
        assert_eq!(judged(&[("if-none-match", "\"abc\""), ("if-modified-since", BEFORE)]), Verdict::NotModified);
        assert_eq!(judged(&[("if-match", "\"abc\""), ("if-unmodified-since", BEFORE)]), Verdict::Answer);
        assert_eq!(judged(&[("if-match", "\"x\""), ("if-none-match", "\"abc\"")]), Verdict::Failed);
    }

    #[test]
    fn a_part_fits_to_the_strong_tag_and_the_exact_date_only() {
        let fits = |line: &str| version().fits(&headers(&[("if-range", line)]));
        assert!(version().fits(&headers(&[])));
        for line in ["\"abc\"", THEN, "Tuesday, 24-Nov-26 09:00:00 GMT"] {
            assert!(fits(line), "{line}");
        }
        for line in ["W/\"abc\"", "\"x\"", "abc", "*", "\"abc\", \"x\"", BEFORE, AFTER, "", "\""] {
            assert!(!fits(line), "{line}");
        }
        assert!(!version().fits(&headers(&[("if-range", "\"abc\""), ("if-range", "\"abc\"")])));
        let later = Version { written: version().written + Duration::from_secs(1), ..version() };
        assert!(!later.fits(&headers(&[("if-range", THEN)])));
    }
}
