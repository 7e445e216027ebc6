//! Requests that different readers would read differently are read by nobody.

use http::header::{HOST, TRANSFER_ENCODING};
use http::uri::Authority;
use http::{HeaderMap, StatusCode, Version};
use jobapp_http::ApiError;

/// What is wrong with the head of a request, if something is.
///
/// RFC 9112 §3.2 (`Host`), §6.1 and §6.3 (`Transfer-Encoding`). HTTP/2 has neither rule: there is `:authority`, and frames.
pub(super) fn fault(version: Version, headers: &HeaderMap) -> Option<ApiError> {
    if version >= Version::HTTP_2 {
        return None;
    }
    host(version, headers).or_else(|| framing(headers))
}

fn host(version: Version, headers: &HeaderMap) -> Option<ApiError> {
    let mut hosts = headers.get_all(HOST).iter();
    let text = match (hosts.next(), hosts.next()) {
        (None, _) if version < Version::HTTP_11 => return None,
        (None, _) => "An HTTP/1.1 request needs a Host header.",
        (Some(_), Some(_)) => "A request has one Host header, not several.",
        (Some(host), None) => {
            let authority = Authority::try_from(host.as_bytes());
            if authority.is_ok_and(|authority| !authority.as_str().contains('@')) {
                return None;
            }
            "The Host header is no host."
        }
    };
    Some(ApiError::bad_request(text).at("Server: the Host header"))
}

fn framing(headers: &HeaderMap) -> Option<ApiError> {
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    let first = codings.next()?;
    // A Content-Length beside it is ignored by hyper, which closes the connection after the answer, as §6.1 has it.
    if codings.next().is_none() && first.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked") {
        return None;
    }
    let error = ApiError::new(StatusCode::NOT_IMPLEMENTED, "The only Transfer-Encoding this server knows is chunked.");
    Some(error.at("Server: the Transfer-Encoding header"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderName, HeaderValue};

    fn status(version: Version, headers: &[(HeaderName, &'static str)]) -> Option<u16> {
        let headers = headers.iter().map(|(name, value)| (Some(name.clone()), HeaderValue::from_static(value)));
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name.unwrap(), value);
        }
        fault(version, &map).map(|error| error.status().as_u16())
    }

    #[test]
    fn a_request_of_http_1_1_has_exactly_one_host() {
        let at = |hosts: &[&'static str]| {
            status(Version::HTTP_11, &hosts.iter().map(|host| (HOST, *host)).collect::<Vec<_>>())
        };
        for fine in ["localhost:4000", "api.example.org", "[::1]:4000", "127.0.0.1"] {
            assert_eq!(at(&[fine]), None, "{fine}");
        }
        for wrong in [&[] as &[_], &["a", "a"], &["a", "b"], &[""], &["a b"], &["a/b"], &["me@a"], &["a:port:1"]] {
            assert_eq!(at(wrong), Some(400), "{wrong:?}");
        }
        assert_eq!(status(Version::HTTP_10, &[]), None);
        assert_eq!(status(Version::HTTP_10, &[(HOST, "a"), (HOST, "b")]), Some(400));
        assert_eq!(status(Version::HTTP_2, &[]), None);
    }

    #[test]
    fn the_only_transfer_encoding_is_chunked() {
        let at = |codings: &[&'static str]| {
            let mut headers = vec![(HOST, "a")];
            headers.extend(codings.iter().map(|coding| (TRANSFER_ENCODING, *coding)));
            status(Version::HTTP_11, &headers)
        };
        assert_eq!(at(&["chunked"]), None);
        assert_eq!(at(&[" Chunked "]), None);
        for unknown in
            [&["gzip, chunked"] as &[_], &["chunked, chunked"], &["gzip"], &["identity"], &["chunked", "chunked"]]
        {
            assert_eq!(at(unknown), Some(501), "{unknown:?}");
        }
    }
}
