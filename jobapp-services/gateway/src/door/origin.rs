//! Writes come from pages that are allowed to write: a foreign page cannot use somebody's cookies.

use std::ops::ControlFlow;
use std::sync::Arc;

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::header::{self, HeaderMap, HeaderName};
use http::{Method, StatusCode};
use serde_json::json;

use super::rule::Rule;

/// Where the existing browser client's development server is.
const DEVELOPMENT_CLIENT: &str = "http://localhost:3000";

/// The origins whose pages may call.
#[derive(Debug, Clone)]
pub(crate) struct Origins(Arc<[String]>);

impl Origins {
    /// The gateway's own, the client's, and further ones. Without a client, its development server on this machine is one.
    pub(crate) fn new(own: &str, client: Option<&str>, further: &[String]) -> Self {
        let all = [own, client.unwrap_or(DEVELOPMENT_CLIENT)].into_iter().chain(further.iter().map(String::as_str));
        Self(all.map(|origin| origin.trim_end_matches('/').to_owned()).collect())
    }

    /// Whether a browser at this origin may call.
    pub(crate) fn allows(&self, origin: &str) -> bool {
        self.0.iter().any(|allowed| allowed.eq_ignore_ascii_case(origin))
    }
}

/// Refuses writes whose `Origin` is nobody we know. No `Origin`: no browser, and so nobody else's cookies.
#[derive(Debug, Clone)]
pub(crate) struct OriginCheck(pub(crate) Origins);

impl Rule for OriginCheck {
    type Memory = ();

    fn enter(&self, request: &mut Request) -> ControlFlow<Response, ()> {
        if matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS) {
            return ControlFlow::Continue(());
        }
        let Some(origin) = request.headers().get(header::ORIGIN) else { return ControlFlow::Continue(()) };
        let known = origin.to_str().is_ok_and(|origin| self.0.allows(origin));
        if known || same_origin(request.headers()) {
            return ControlFlow::Continue(());
        }
        ControlFlow::Break(forbidden(request.headers()))
    }

    fn leave(&self, (): (), _: &mut Response) {}
}

/// Whether the browser says that the request comes from a page of this very origin, or the origin is the host asked.
/// Pages of ours post forms to themselves, and some browsers then send `null`; what counts is the site.
fn same_origin(headers: &HeaderMap) -> bool {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let origin_host = text(header::ORIGIN).split_once("://").map(|(_, host)| host);
    text(HeaderName::from_static("sec-fetch-site")) == "same-origin"
        || origin_host.is_some_and(|host| host.eq_ignore_ascii_case(text(header::HOST)))
}

/// 403 for an origin nobody allowed.
pub(crate) fn forbidden(headers: &HeaderMap) -> Response {
    let origin = headers.get(header::ORIGIN);
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

#[cfg(test)]
pub(crate) mod testing {
    use super::*;

    /// Those of a gateway on this machine, without a client.
    pub(crate) fn ours() -> Origins {
        Origins::new("http://localhost:4000", None, &[])
    }
}

#[cfg(test)]
mod tests {
    use super::super::rule::testing::{fine, request, through};
    use super::testing::ours;
    use super::*;

    async fn status(method: &str, headers: &[(&str, &str)]) -> u16 {
        through(OriginCheck(ours()), request(method, "/", headers), fine).await.status().as_u16()
    }

    #[tokio::test]
    async fn writes_of_foreign_pages_are_refused() {
        for origin in ["http://evil.example", "null", "http://localhost:3000.evil.example"] {
            assert_eq!(status("POST", &[("origin", origin)]).await, 403, "{origin}");
            assert_eq!(status("DELETE", &[("origin", origin)]).await, 403, "{origin}");
        }
    }

    #[tokio::test]
    async fn reads_and_writes_without_an_origin_go_on() {
        assert_eq!(status("GET", &[("origin", "http://evil.example")]).await, 200);
        assert_eq!(status("PUT", &[]).await, 200);
    }

    #[tokio::test]
    async fn the_client_and_pages_of_ours_may_write() {
        assert_eq!(status("POST", &[("origin", "http://localhost:3000")]).await, 200);
        assert_eq!(status("POST", &[("origin", "null"), ("sec-fetch-site", "same-origin")]).await, 200);
        assert_eq!(status("POST", &[("origin", "http://10.1.1.1:4000"), ("host", "10.1.1.1:4000")]).await, 200);
    }

    #[tokio::test]
    async fn the_refusal_names_the_origin() {
        let rule = OriginCheck(ours());
        let response = through(rule, request("POST", "/", &[("origin", "http://evil.example")]), fine).await;
        let body = axum::body::to_bytes(response.into_body(), 1024).await.unwrap();
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!((&body["message"], &body["origin"]), (&json!("Not allowed by CORS"), &json!("http://evil.example")));
    }
}
