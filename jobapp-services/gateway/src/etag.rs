//! Weak tags for answers, so that who has one already is not sent it again (RFC 9110 §8.8.3, §13.1.2).

use std::hash::{DefaultHasher, Hasher};

use axum::body::Body;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use http::{HeaderValue, Method, StatusCode};
use http_body::Body as _;
use http_body_util::BodyExt;
use jobapp_http::ApiError;

/// The largest answer that is tagged, in bytes: larger ones are streamed.
const MOST: u64 = 1024 * 1024;

/// Middleware: tags good answers to reads, and answers 304 to who has the tag.
pub(crate) async fn tag(request: Request, next: Next) -> Response {
    let read = matches!(*request.method(), Method::GET | Method::HEAD);
    let known = request.headers().get(IF_NONE_MATCH).cloned();
    let response = next.run(request).await;
    let whole = response.body().size_hint().exact().is_some_and(|size| size <= MOST);
    if !read || !whole || response.status() != StatusCode::OK || response.headers().contains_key(ETAG) {
        return response;
    }
    let (mut head, body) = response.into_parts();
    let bytes = match body.collect().await {
        Ok(collected) => collected.to_bytes(),
        Err(error) => {
            tracing::warn!(%error, "an answer broke off");
            return ApiError::new(StatusCode::BAD_GATEWAY, "The answer broke off.").into_response();
        }
    };
    let mut hasher = DefaultHasher::new();
    hasher.write(&bytes);
    let tag = format!("W/\"{:x}-{:x}\"", bytes.len(), hasher.finish());
    let same = known.is_some_and(|known| {
        let known = known.to_str().unwrap_or_default();
        known.trim() == "*" || known.split(',').any(|one| weakly(one) == weakly(&tag))
    });
    if let Ok(value) = HeaderValue::try_from(tag) {
        head.headers.insert(ETAG, value);
    }
    if same {
        head.status = StatusCode::NOT_MODIFIED;
        head.headers.remove(CONTENT_LENGTH);
        head.headers.remove(CONTENT_TYPE);
        return Response::from_parts(head, Body::empty());
    }
    Response::from_parts(head, Body::from(bytes))
}

/// A tag without its weakness mark: tags of answers are compared weakly.
fn weakly(tag: &str) -> &str {
    let tag = tag.trim();
    tag.strip_prefix("W/").unwrap_or(tag)
}
