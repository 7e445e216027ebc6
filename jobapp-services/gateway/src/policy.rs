//! What holds for every answer and every request: security headers, CORS, the origin of writes.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{self, HeaderName};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use serde_json::json;

use crate::Gateway;

/// The security headers of the contract.
const SECURITY: [(HeaderName, &str); 12] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'self';base-uri 'self';font-src 'self' https: data:;form-action 'self';frame-ancestors 'self';\
         img-src 'self' data:;object-src 'none';script-src 'self';script-src-attr 'none';\
         style-src 'self' https: 'unsafe-inline'",
    ),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "cross-origin"),
    (HeaderName::from_static("origin-agent-cluster"), "?1"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::STRICT_TRANSPORT_SECURITY, "max-age=31536000; includeSubDomains"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_DNS_PREFETCH_CONTROL, "off"),
    (HeaderName::from_static("x-download-options"), "noopen"),
    (header::X_FRAME_OPTIONS, "SAMEORIGIN"),
    (HeaderName::from_static("x-permitted-cross-domain-policies"), "none"),
    (header::X_XSS_PROTECTION, "0"),
];

const METHODS: &str = "GET,POST,PUT,DELETE,OPTIONS,PATCH";
const REQUEST_HEADERS: &str = "Content-Type,Authorization,X-Requested-With,Accept,Origin,Idempotency-Key";
const EXPOSED: &str = "Content-Range,X-Content-Range,Retry-After";

/// Middleware around everything the gateway answers: preflight first, then the origin check, then the rest; the headers
/// are on every answer.
pub(crate) async fn policy(State(gateway): State<Gateway>, request: Request, next: Next) -> Response {
    let origin = request.headers().get(header::ORIGIN).cloned();
    let known = origin.as_ref().map(|origin| origin.to_str().is_ok_and(|origin| gateway.config().allows(origin)));
    let write = !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let preflight =
        *request.method() == Method::OPTIONS && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let mut response = match known {
        Some(true) if preflight => StatusCode::NO_CONTENT.into_response(),
        // Pages of ours post forms to themselves, and some browsers then send `null`; what counts is the site.
        Some(false) if preflight || write && !same_origin(request.headers()) => forbidden(origin.as_ref()),
        _ => next.run(request).await,
    };
    let headers = response.headers_mut();
    for (name, value) in &SECURITY {
        headers.entry(name).or_insert_with(|| HeaderValue::from_static(value));
    }
    if let (Some(true), Some(origin)) = (known, origin) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
        if preflight {
            headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(METHODS));
            headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(REQUEST_HEADERS));
            headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
        }
    }
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    response
}

/// Whether the browser says that the request comes from a page of this very origin, or the origin is the host asked.
fn same_origin(headers: &HeaderMap) -> bool {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let origin_host = text(header::ORIGIN).split_once("://").map(|(_, host)| host);
    text(HeaderName::from_static("sec-fetch-site")) == "same-origin"
        || origin_host.is_some_and(|host| host.eq_ignore_ascii_case(text(header::HOST)))
}

/// 403 for an origin nobody allowed.
fn forbidden(origin: Option<&HeaderValue>) -> Response {
    let origin = origin.map(|origin| String::from_utf8_lossy(origin.as_bytes()).chars().take(256).collect::<String>());
    let body = json!({
        "message": "Not allowed by CORS",
        "statusCode": 403,
        "status": "error",
        "comingFrom": "Gateway: origin check",
        "origin": origin,
    });
    (StatusCode::FORBIDDEN, axum::Json(body)).into_response()
}
