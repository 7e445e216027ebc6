//! Which methods are possible, and what is answered to others.

use axum::response::{IntoResponse, Response};
use http::header::ALLOW;
use http::{HeaderValue, Method, StatusCode};
use jobapp_http::ApiError;

/// Whether a method is one that clients may try. Others, such as `TRACE`, are none of ours wherever they are tried.
pub(crate) fn is_usual(method: &Method) -> bool {
    matches!(
        *method,
        Method::GET | Method::HEAD | Method::POST | Method::PUT | Method::DELETE | Method::PATCH | Method::OPTIONS
    )
}

/// These methods, and what comes with them, as `Allow` tells them. Without any: what there is in general.
pub(crate) fn allow(methods: &[&Method]) -> HeaderValue {
    let general = [&Method::GET, &Method::POST, &Method::PUT, &Method::DELETE];
    let methods = if methods.is_empty() { &general } else { methods };
    let mut text = String::new();
    for method in methods {
        text.push_str(if **method == Method::GET { "GET, HEAD" } else { method.as_str() });
        text.push_str(", ");
    }
    text.push_str("OPTIONS");
    HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static("GET, HEAD, POST, PUT, DELETE, OPTIONS"))
}

/// The answer where only other methods lead: which, for who asks, and otherwise 405.
pub(crate) fn other_method(method: &Method, allow: HeaderValue) -> Result<Response, ApiError> {
    if *method == Method::OPTIONS {
        return Ok((StatusCode::NO_CONTENT, [(ALLOW, allow)]).into_response());
    }
    Err(ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "This method is not possible here.")
        .at("Gateway: method")
        .with_header(ALLOW, allow))
}
