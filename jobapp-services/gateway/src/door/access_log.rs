//! One log line for each request: what was asked, by whom, how it ended, how long it took. No query, no body, no path that
//! could hold a secret: the route's pattern stands for the path. The same is counted for Prometheus, without who it was.

use std::net::IpAddr;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderValue, Method, StatusCode};

use jobapp_metrics::{Requests, Route};

use super::client_address::ClientAddress;
use super::request_id;
use super::rule::Rule;
use crate::table::matching::Place;

/// From when on an answer is worth a warning.
const SLOW: Duration = Duration::from_secs(1);

/// The route of what has none.
const UNMATCHED: &str = "none";

/// Who a request was answered for, in the answer's extensions.
#[derive(Debug, Clone)]
pub(crate) struct AnsweredFor(pub(crate) Arc<str>);

/// Lets the answers of pages say in their extensions which page it was, as the API's routes are known beforehand.
pub(crate) async fn name_page(page: Option<MatchedPath>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    if let Some(page) = page {
        response.extensions_mut().insert(page);
    }
    response
}

/// Writes the lines, and counts.
#[derive(Debug, Clone)]
pub(crate) struct AccessLog(pub(crate) Requests);

/// What the line will need.
#[derive(Debug)]
pub(crate) struct Asked {
    at: Instant,
    method: Method,
    route: Option<&'static str>,
    id: Option<HeaderValue>,
    address: IpAddr,
}

impl Rule for AccessLog {
    type Memory = Asked;

    fn enter(&self, request: &mut Request) -> ControlFlow<Response, Asked> {
        let extensions = request.extensions();
        let route = match extensions.get::<Place>() {
            Some(Place::Route(found)) => Some(found.route.path),
            _ => None,
        };
        ControlFlow::Continue(Asked {
            at: Instant::now(),
            method: request.method().clone(),
            route,
            id: request.headers().get(request_id::NAME).cloned(),
            address: ClientAddress::of(extensions).0,
        })
    }

    fn leave(&self, asked: Asked, response: &mut Response) {
        let took = asked.at.elapsed();
        let user = response.extensions_mut().remove::<AnsweredFor>();
        let user = user.as_ref().map(|AnsweredFor(name)| &**name);
        let page = response.extensions_mut().remove::<MatchedPath>();
        let route = asked.route.or(page.as_ref().map(MatchedPath::as_str)).unwrap_or(UNMATCHED);
        write(&asked, route, response.status(), took, user);
        let id = asked.id.as_ref().and_then(|id| id.to_str().ok());
        jobapp_telemetry::routed(&asked.method, (route != UNMATCHED).then_some(route), id);
        let counted = asked.route.map_or_else(|| Route::matched(page.as_ref()), Route::named);
        self.0.answered((&asked.method).into(), counted, response.status(), took);
    }
}

fn write(asked: &Asked, route: &str, status: StatusCode, took: Duration, user: Option<&str>) {
    let method = asked.method.as_str();
    let code = status.as_u16();
    let ms = took.as_micros() as f64 / 1000.0;
    let request_id = asked.id.as_ref().and_then(|id| id.to_str().ok());
    let address = &*text(asked.address);
    // The level is part of a line's place in the code, so there are two places.
    if status.is_server_error() || took >= SLOW {
        tracing::warn!(target: "access", method, route, status = code, ms, request_id, user, address, "answered");
    } else {
        tracing::info!(target: "access", method, route, status = code, ms, request_id, user, address, "answered");
    }
}

/// An address as text. The usual kind is put together by hand: formatting it takes as long as a third of the line.
fn text(address: IpAddr) -> String {
    let IpAddr::V4(address) = address else { return address.to_string() };
    let mut text = String::with_capacity(15);
    for (place, octet) in address.octets().into_iter().enumerate() {
        text.push_str(if place == 0 { "" } else { "." });
        text.push_str(itoa::Buffer::new().format(octet));
    }
    text
}

#[cfg(test)]
pub(crate) mod testing {
    use std::io::Read;
    use std::sync::Arc;

    /// The JSON lines of what this thread logs until `work` is done: a few, as many as a pipe holds.
    pub(crate) async fn logged(work: impl Future<Output = ()>) -> String {
        let (mut log, writer) = std::io::pipe().unwrap();
        let subscriber = tracing_subscriber::fmt().json().flatten_event(true).with_writer(Arc::new(writer)).finish();
        let guard = tracing::subscriber::set_default(subscriber);
        work.await;
        drop(guard);
        let mut lines = String::new();
        log.read_to_string(&mut lines).unwrap();
        lines
    }
}

#[cfg(test)]
mod tests {
    use jobapp_metrics::Metrics;
    use serde_json::Value;

    use super::super::rule::testing::{request, through};
    use super::testing::logged;
    use super::*;

    async fn line(uri: &str, answer: impl Fn(Request) -> Response) -> (Value, String) {
        let mut request = request("PUT", uri, &[("x-request-id", "request-1"), ("cookie", "session=secret")]);
        let place = crate::table::matching::Table::new(false).place(&Method::PUT, uri.split('?').next().unwrap());
        request.extensions_mut().insert(place);
        let log = AccessLog(Requests::of(&Metrics::new(), "gateway"));
        let text = logged(async { drop(through(log, request, answer).await) }).await;
        (serde_json::from_str(&text).unwrap(), text)
    }

    #[tokio::test]
    async fn a_line_says_what_matters_and_no_secret() {
        let answer = |_| {
            let mut response = Response::default();
            response.extensions_mut().insert(AnsweredFor("Marta".into()));
            response
        };
        let (line, text) = line("/api/gateway/v1/auth/reset-password/t0psecret?token=secret", answer).await;
        assert_eq!(line["method"], "PUT");
        assert_eq!(line["route"], "/auth/reset-password/:token");
        assert_eq!((line["status"].as_u64(), line["level"].as_str()), (Some(200), Some("INFO")));
        assert_eq!((line["request_id"].as_str(), line["user"].as_str()), (Some("request-1"), Some("Marta")));
        assert!(line["ms"].is_number() && line["address"] == "0.0.0.0", "{line}");
        assert!(!text.contains("secret"), "{text}");
    }

    #[test]
    fn addresses_are_written_as_usual() {
        for address in ["0.0.0.0", "192.0.2.255", "2001:db8::1"] {
            assert_eq!(text(address.parse().unwrap()), address);
        }
    }

    #[tokio::test]
    async fn a_fault_of_ours_is_a_warning() {
        let (line, _) = line("/nowhere", |_| {
            let mut response = Response::default();
            *response.status_mut() = StatusCode::BAD_GATEWAY;
            response
        })
        .await;
        assert_eq!((line["level"].as_str(), line["route"].as_str()), (Some("WARN"), Some("none")));
    }
}
