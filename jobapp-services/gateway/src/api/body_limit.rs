//! How large a body may be, route by route. The limits are in the configuration.

use axum::body::Body;
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, StatusCode};
use http_body_util::Limited;
use jobapp_http::ApiError;
use jobapp_kernel::ByteSize;

use crate::table::route::BodySize;

/// The largest bodies, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BodyLimits {
    pub(crate) small: usize,
    pub(crate) picture: usize,
    pub(crate) file: usize,
}

impl BodyLimits {
    /// The one for routes of this size.
    pub(crate) fn of(self, size: BodySize) -> usize {
        match size {
            BodySize::Small => self.small,
            BodySize::Picture => self.picture,
            BodySize::File => self.file,
        }
    }
}

/// A body for a route of this `size` that ends with an error beyond `most` bytes.
///
/// # Errors
/// 413 for a body that says itself that it is too large, before any of it is read.
pub(crate) fn limited(headers: &HeaderMap, body: Body, size: BodySize, most: usize) -> Result<Body, ApiError> {
    let declared = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    match declared {
        Some(length) if length > most as u64 => Err(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, words(size, most))),
        _ => Ok(Body::new(Limited::new(body, most))),
    }
}

/// What somebody can do about a body that is too large. Pictures and files come as base64, among a few words.
fn words(size: BodySize, most: usize) -> String {
    match size {
        BodySize::Small => format!("This is too much: at most {} can be sent at once.", ByteSize(most as u64)),
        BodySize::Picture => {
            format!("The picture is too large: choose one of at most {}.", ByteSize::content_of(most))
        }
        BodySize::File => format!("The file is too large: choose one of at most {}.", ByteSize::content_of(most)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;

    #[test]
    fn who_sends_too_much_is_told_what_to_do() {
        for (size, most, text) in [
            (BodySize::Small, 256 * 1024, "This is too much: at most 262 KB can be sent at once."),
            (BodySize::Picture, 20 * 1024 * 1024, "The picture is too large: choose one of at most 15 MB."),
            (BodySize::File, 140 * 1024 * 1024, "The file is too large: choose one of at most 110 MB."),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_LENGTH, (most + 1).into());
            assert_eq!(limited(&headers, Body::empty(), size, most).unwrap_err().message(), text);
        }
    }

    #[tokio::test]
    async fn a_declared_length_is_believed_and_an_undeclared_one_is_counted() {
        let mut headers = HeaderMap::new();
        let limited = |headers: &HeaderMap, body, most| limited(headers, body, BodySize::Small, most);
        assert!(limited(&headers, Body::from("12345"), 5).unwrap().collect().await.is_ok());
        assert!(limited(&headers, Body::from("123456"), 5).unwrap().collect().await.is_err());
        headers.insert(CONTENT_LENGTH, 6.into());
        assert_eq!(limited(&headers, Body::empty(), 5).unwrap_err().status(), StatusCode::PAYLOAD_TOO_LARGE);
        assert!(limited(&headers, Body::empty(), 6).is_ok());
    }
}
