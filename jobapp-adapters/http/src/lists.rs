//! Headers that hold a list, member by member (RFC 9110 §5.6.1). A member that cannot be read says nothing about its
//! neighbours, so each is looked at as bytes.

use http::{HeaderMap, HeaderName};

/// The members of a list, over all lines of the header, without the blanks around them; empty ones are left out.
pub fn members<'h>(headers: &'h HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'h [u8]> + use<'h> {
    let lines = headers.get_all(name).into_iter();
    let members = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
    members.map(<[u8]>::trim_ascii).filter(|member| !member.is_empty())
}

/// Whether a client names this one as something it takes (`Accept`, `Accept-Encoding`). A wildcard names nothing.
pub fn accepts(headers: &HeaderMap, name: &HeaderName, wanted: &str) -> bool {
    members(headers, name).any(|member| {
        let (named, refused) = weighed(member);
        named.eq_ignore_ascii_case(wanted.as_bytes()) && !refused
    })
}

/// What a member names, and whether its weight is zero: that it is refused (RFC 9110 §12.4.2).
pub fn weighed(member: &[u8]) -> (&[u8], bool) {
    let mut parts = member.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
    let named = parts.next().unwrap_or_default();
    let refused = parts.any(|parameter| match parameter {
        [b'q' | b'Q', b'=', weight @ ..] => {
            weight.first() == Some(&b'0') && weight.iter().all(|byte| matches!(byte, b'0' | b'.'))
        }
        _ => false,
    });
    (named, refused)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use http::header::ACCEPT;

    use super::*;

    fn lines(values: &[&[u8]]) -> HeaderMap {
        values.iter().map(|value| (ACCEPT, HeaderValue::from_bytes(value).unwrap())).collect()
    }

    #[test]
    fn a_list_is_read_over_all_its_lines() {
        let headers = lines(&[b"a, b;q=0.5 ,,", b" c"]);
        let read: Vec<&[u8]> = members(&headers, &ACCEPT).collect();
        assert_eq!(read, [&b"a"[..], b"b;q=0.5", b"c"]);
    }

    #[test]
    fn an_unreadable_member_leaves_its_neighbours_as_they_are() {
        let headers = lines(&[b"text/caf\xe9, application/json"]);
        assert!(accepts(&headers, &ACCEPT, "application/json"));
    }

    #[test]
    fn what_is_named_with_a_weight_of_zero_is_refused() {
        for (line, accepted) in [
            (&b"gzip"[..], true),
            (b"GZIP;q=0.001", true),
            (b"gzip; q=1", true),
            (b"gzip;level=1;q=0.000", false),
            (b"gzip;Q=0", false),
            (b"*", false),
            (b"br", false),
        ] {
            assert_eq!(accepts(&lines(&[line]), &ACCEPT, "gzip"), accepted, "{line:?}");
        }
    }
}
