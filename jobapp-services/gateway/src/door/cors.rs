//! CORS: preflights are answered here, and every answer says to its page that it may read it.

use std::ops::ControlFlow;

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::header::{self, HeaderMap};
use http::{HeaderValue, Method, StatusCode};

use super::origin::{Origins, forbidden};
use super::rule::Rule;

const METHODS: &str = "GET,POST,PUT,DELETE,OPTIONS,PATCH";
const REQUEST_HEADERS: &str = "Content-Type,Authorization,X-Requested-With,Accept,Origin,Idempotency-Key,X-Request-Id";
const EXPOSED: &str = "Content-Range,X-Content-Range,Retry-After,X-Request-Id,RateLimit,RateLimit-Policy,\
    RateLimit-Limit,RateLimit-Remaining,RateLimit-Reset";

/// What answers to a session vary with. In one piece, so that they need no further line for it.
pub(crate) const COOKIE_AND_ORIGIN: &str = "Cookie, Origin";

/// The rule.
#[derive(Debug, Clone)]
pub(crate) struct Cors(pub(crate) Origins);

/// Whether a request is a browser's question whether it may call.
fn is_preflight(request: &Request) -> bool {
    *request.method() == Method::OPTIONS && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

fn allow(origin: HeaderValue, headers: &mut HeaderMap) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
}

impl Rule for Cors {
    /// The page's origin, if it may read the answer.
    type Memory = Option<HeaderValue>;

    fn enter(&self, request: &mut Request) -> ControlFlow<Response, Self::Memory> {
        let origin = request.headers().get(header::ORIGIN);
        let known = origin.filter(|origin| origin.to_str().is_ok_and(|origin| self.0.allows(origin))).cloned();
        if origin.is_none() || !is_preflight(request) {
            return ControlFlow::Continue(known);
        }
        let Some(known) = known else {
            let mut response = forbidden(request.headers());
            response.headers_mut().append(header::VARY, HeaderValue::from_static("Origin"));
            return ControlFlow::Break(response);
        };
        let mut response = StatusCode::NO_CONTENT.into_response();
        let headers = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(METHODS));
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(REQUEST_HEADERS));
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
        allow(known, headers);
        ControlFlow::Break(response)
    }

    fn leave(&self, known: Self::Memory, response: &mut Response) {
        let headers = response.headers_mut();
        if let Some(origin) = known {
            allow(origin, headers);
        }
        if !headers.get_all(header::VARY).iter().any(|value| value == COOKIE_AND_ORIGIN) {
            headers.append(header::VARY, HeaderValue::from_static("Origin"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::origin::testing::ours;
    use super::super::rule::testing::{fine, request, through};
    use super::*;

    const OURS: (&str, &str) = ("origin", "http://localhost:3000");
    const PREFLIGHT: (&str, &str) = ("access-control-request-method", "PUT");

    async fn answered(method: &str, headers: &[(&str, &str)]) -> Response {
        through(Cors(ours()), request(method, "/", headers), fine).await
    }

    #[tokio::test]
    async fn a_preflight_is_answered_at_once() {
        let inner = |_| panic!("a preflight goes no further");
        let request = request("OPTIONS", "/", &[OURS, PREFLIGHT]);
        let response = through(Cors(ours()), request, inner).await;
        assert_eq!(response.status(), StatusCode::NO_CONTENT);
        for (name, value) in [
            ("access-control-allow-origin", "http://localhost:3000"),
            ("access-control-allow-credentials", "true"),
            ("access-control-allow-methods", METHODS),
            ("access-control-max-age", "86400"),
            ("vary", "Origin"),
        ] {
            assert_eq!(response.headers()[name], value);
        }
    }

    #[tokio::test]
    async fn a_preflight_of_a_stranger_is_refused() {
        let response = answered("OPTIONS", &[("origin", "http://evil.example"), PREFLIGHT]).await;
        assert_eq!(response.status(), StatusCode::FORBIDDEN);
        assert!(!response.headers().contains_key("access-control-allow-origin"));
    }

    #[tokio::test]
    async fn answers_may_be_read_by_pages_that_are_allowed_and_no_others() {
        assert_eq!(answered("GET", &[OURS]).await.headers()["access-control-allow-origin"], OURS.1);
        for others in [&[("origin", "http://evil.example")][..], &[]] {
            let response = answered("GET", others).await;
            assert_eq!(response.status(), StatusCode::OK);
            assert!(!response.headers().contains_key("access-control-allow-origin"));
            assert_eq!(response.headers()["vary"], "Origin");
        }
    }

    #[tokio::test]
    async fn an_options_request_that_is_no_preflight_goes_on() {
        assert_eq!(answered("OPTIONS", &[OURS]).await.status(), StatusCode::OK);
    }
}
