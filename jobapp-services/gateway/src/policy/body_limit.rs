//! How large a body may be, route by route. The limits are in the configuration.

use axum::body::Body;
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, StatusCode};
use http_body_util::Limited;
use jobapp_http::ApiError;

/// A body that ends with an error beyond `most` bytes.
///
/// # Errors
/// 413 for a body that says itself that it is too large, before any of it is read.
pub(crate) fn limited(headers: &HeaderMap, body: Body, most: usize) -> Result<Body, ApiError> {
    let declared = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    match declared {
        Some(length) if length > most as u64 => Err(ApiError::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("The body has {length} bytes; this route accepts {most}."),
        )),
        _ => Ok(Body::new(Limited::new(body, most))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;

    #[tokio::test]
    async fn a_declared_length_is_believed_and_an_undeclared_one_is_counted() {
        let mut headers = HeaderMap::new();
        assert!(limited(&headers, Body::from("12345"), 5).unwrap().collect().await.is_ok());
        assert!(limited(&headers, Body::from("123456"), 5).unwrap().collect().await.is_err());
        headers.insert(CONTENT_LENGTH, 6.into());
        assert_eq!(limited(&headers, Body::empty(), 5).unwrap_err().status(), StatusCode::PAYLOAD_TOO_LARGE);
        assert!(limited(&headers, Body::empty(), 6).is_ok());
    }
}
