//! Requests: how many, how they ended, how long they took, by the route that the router found.

use std::collections::HashMap;
use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request};
use axum::response::Response;
use http::StatusCode;
use parking_lot::RwLock;
use pin_project_lite::pin_project;
use prometheus::{HistogramVec, IntCounterVec};
use tower::{Layer, Service};

use crate::families::Made;
use crate::{Label, Metrics, SECONDS};

/// How many routes a service may have; what is beyond is told as one. No service has a tenth of it: whatever is wrong with a router, it
/// does not fill the memory.
const MOST_ROUTES: usize = 512;

crate::label! {
    /// How something was asked for.
    pub enum Method: "method" {
        /// `GET`
        Get = "GET",
        /// `POST`
        Post = "POST",
        /// `PUT`
        Put = "PUT",
        /// `DELETE`
        Delete = "DELETE",
        /// `HEAD`
        Head = "HEAD",
        /// `OPTIONS`
        Options = "OPTIONS",
        /// `PATCH`
        Patch = "PATCH",
        /// One that no route has.
        Other = "other",
    }
}

impl From<&http::Method> for Method {
    fn from(method: &http::Method) -> Self {
        Self::ALL.iter().copied().find(|known| known.text() == method.as_str()).unwrap_or(Self::Other)
    }
}

crate::label! {
    /// How an answer was, by the first digit of its status.
    pub enum StatusClass: "status" {
        /// Not an answer yet, or another protocol from here on.
        Informational = "1xx",
        /// Well.
        Success = "2xx",
        /// Elsewhere, or as it was.
        Redirection = "3xx",
        /// The client's fault.
        ClientError = "4xx",
        /// Ours.
        ServerError = "5xx",
    }
}

impl From<StatusCode> for StatusClass {
    fn from(status: StatusCode) -> Self {
        match status.as_u16() / 100 {
            1 => Self::Informational,
            2 => Self::Success,
            3 => Self::Redirection,
            4 => Self::ClientError,
            _ => Self::ServerError,
        }
    }
}

/// Where a request led: what the router matched, never what was asked for.
#[derive(Debug, Clone, Copy)]
pub struct Route<'r>(&'r str);

impl<'r> Route<'r> {
    /// A route of the code.
    pub const fn named(path: &'static str) -> Self {
        Self(path)
    }

    /// What axum matched; nothing, where it found no route.
    pub fn matched(path: Option<&'r MatchedPath>) -> Self {
        Self(path.map_or("unmatched", MatchedPath::as_str))
    }

    /// As it is written: parameters are `:name`.
    fn text(self) -> String {
        self.0.replace(['}', '*'], "").replace('{', ":")
    }
}

/// How a status is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusLabel {
    /// `status="2xx"`
    Class,
    /// `status_code="201"`
    Code,
}

impl StatusLabel {
    const fn name(self) -> &'static str {
        match self {
            Self::Class => StatusClass::NAME,
            Self::Code => "status_code",
        }
    }

    fn key(self, status: StatusCode) -> u16 {
        match self {
            Self::Class => status.as_u16() / 100,
            Self::Code => status.as_u16(),
        }
    }

    fn text(self, status: StatusCode) -> String {
        match self {
            Self::Class => StatusClass::from(status).text().to_owned(),
            Self::Code => status.as_str().to_owned(),
        }
    }
}

/// What is counted of the requests of a service. A clone is another handle.
#[derive(Clone)]
pub struct Requests(Arc<Inner>);

struct Inner {
    durations: HistogramVec,
    counts: Option<IntCounterVec>,
    status: StatusLabel,
    known: RwLock<HashMap<String, OfRoute, foldhash::fast::RandomState>>,
}

/// The series of a route that were needed so far.
type OfRoute = Vec<(Method, u16, Series)>;

#[derive(Clone)]
struct Series {
    durations: prometheus::Histogram,
    counts: Option<prometheus::IntCounter>,
}

impl fmt::Debug for Requests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Requests").finish_non_exhaustive()
    }
}

impl Requests {
    /// Those of a service: `jobapp_http_request_duration_seconds`, whose count is that of the requests.
    pub fn of(metrics: &Metrics, service: &'static str) -> Self {
        Self::named(
            metrics,
            ("jobapp_http_request_duration_seconds", "How long answers took, from the whole head of the request on."),
            None,
            StatusLabel::Class,
            &[("service", service)],
            SECONDS,
        )
    }

    /// The same under names of their own: that of the histogram and what it is about, and those of a counter beside it.
    pub fn named(
        metrics: &Metrics,
        (name, help): (&'static str, &'static str),
        counter: Option<(&'static str, &'static str)>,
        status: StatusLabel,
        fixed: &[(&'static str, &'static str)],
        bounds: &[f64],
    ) -> Self {
        let labels = [Method::NAME, "route", status.name()];
        let counts = counter.map(|(name, help)| {
            let made = Made { name, help, fixed };
            metrics.once(made, || {
                let counts = made.counter_vec(&labels);
                (counts.clone(), Some(Box::new(counts) as _))
            })
        });
        let made = Made { name, help, fixed };
        metrics.once(made, || {
            let durations = made.histogram_vec(&labels, bounds);
            let inner = Inner { durations: durations.clone(), counts, status, known: RwLock::default() };
            (Self(Arc::new(inner)), Some(Box::new(durations) as _))
        })
    }

    /// A request was answered.
    pub fn answered(&self, method: Method, route: Route<'_>, status: StatusCode, took: Duration) {
        let key = self.0.status.key(status);
        if let Some(of_route) = self.0.known.read().get(route.0)
            && let Some((_, _, series)) = of_route.iter().find(|(by, with, _)| *by == method && *with == key)
        {
            return series.note(took);
        }
        self.made(method, route, status).note(took);
    }

    /// The series of something that was not answered before, or of a route too many.
    fn made(&self, method: Method, route: Route<'_>, status: StatusCode) -> Series {
        let Inner { durations, counts, status: told, known } = &*self.0;
        let mut known = known.write();
        let is_one_too_many = known.len() >= MOST_ROUTES && !known.contains_key(route.0);
        let text = if is_one_too_many { "other".to_owned() } else { route.text() };
        let (status_text, key) = (told.text(status), told.key(status));
        let labels = [method.text(), text.as_str(), status_text.as_str()];
        // The same labels give the same series, should somebody have been faster.
        let series = Series {
            durations: durations.with_label_values(&labels),
            counts: counts.as_ref().map(|counts| counts.with_label_values(&labels)),
        };
        if !is_one_too_many {
            let of_route = known.entry(route.0.to_owned()).or_default();
            if !of_route.iter().any(|(by, with, _)| *by == method && *with == key) {
                of_route.push((method, key, series.clone()));
            }
        }
        series
    }
}

impl Series {
    fn note(&self, took: Duration) {
        self.durations.observe(took.as_secs_f64());
        if let Some(counts) = &self.counts {
            counts.inc();
        }
    }
}

/// A layer for a router: measures the requests of its routes.
#[derive(Debug, Clone)]
pub struct Measuring(pub Requests);

impl<S> Layer<S> for Measuring {
    type Service = Measured<S>;

    fn layer(&self, inner: S) -> Measured<S> {
        Measured { requests: self.0.clone(), inner }
    }
}

/// A route whose requests are measured.
#[derive(Debug, Clone)]
pub struct Measured<S> {
    requests: Requests,
    inner: S,
}

impl<S: Service<Request, Response = Response, Error = Infallible>> Service<Request> for Measured<S> {
    type Response = Response;
    type Error = Infallible;
    type Future = MeasuredFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        MeasuredFuture {
            began: Instant::now(),
            method: request.method().into(),
            route: request.extensions().get::<MatchedPath>().cloned(),
            requests: self.requests.clone(),
            inner: self.inner.call(request),
        }
    }
}

pin_project! {
    /// An answer on its way.
    pub struct MeasuredFuture<F> {
        began: Instant,
        method: Method,
        route: Option<MatchedPath>,
        requests: Requests,
        #[pin]
        inner: F,
    }
}

impl<F: Future<Output = Result<Response, Infallible>>> Future for MeasuredFuture<F> {
    type Output = Result<Response, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let answer = ready!(this.inner.poll(cx));
        if let Ok(response) = &answer {
            let route = Route::matched(this.route.as_ref());
            this.requests.answered(*this.method, route, response.status(), this.began.elapsed());
        }
        Poll::Ready(answer)
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::Body;
    use axum::routing::get;
    use tower::ServiceExt;

    use super::*;

    fn kitchen(metrics: &Metrics) -> Router {
        let routes = Router::new().route("/tea/{cup}", get(async || "tea")).fallback(async || StatusCode::NOT_FOUND);
        routes.layer(Measuring(Requests::of(metrics, "kitchen")))
    }

    async fn ask(router: &Router, method: &str, path: &str) {
        let request = http::Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
        drop(router.clone().oneshot(request).await);
    }

    #[tokio::test]
    async fn requests_are_told_by_their_route() {
        let metrics = Metrics::new();
        let router = kitchen(&metrics);
        for (method, path) in [("GET", "/tea/7"), ("GET", "/tea/8"), ("HEAD", "/tea/7"), ("GET", "/coffee")] {
            ask(&router, method, path).await;
        }
        let page = metrics.page().await.unwrap();
        for (method, route, status, count) in
            [("GET", "/tea/:cup", "2xx", 2), ("HEAD", "/tea/:cup", "2xx", 1), ("GET", "unmatched", "4xx", 1)]
        {
            let labels = format!("method=\"{method}\",route=\"{route}\",service=\"kitchen\",status=\"{status}\"");
            let line = format!("jobapp_http_request_duration_seconds_count{{{labels}}} {count}");
            assert!(page.contains(&line), "{line} is not in\n{page}");
        }
    }

    #[tokio::test]
    async fn ten_thousand_paths_and_methods_make_no_series() {
        let metrics = Metrics::new();
        let router = kitchen(&metrics);
        let series = async || metrics.page().await.unwrap().lines().filter(|line| line.starts_with("jobapp_")).count();
        for (method, path) in [("GET", "/tea/1"), ("GET", "/nowhere"), ("BREW", "/tea/1"), ("BREW", "/nowhere")] {
            ask(&router, method, path).await;
        }
        let before = series().await;
        for number in 0..5000 {
            ask(&router, "GET", &format!("/tea/{number}")).await;
            ask(&router, &format!("BREW{number}"), &format!("/{number}/{number}")).await;
        }
        assert_eq!(series().await, before);
    }

    #[tokio::test]
    async fn a_router_with_too_many_routes_fills_no_memory() {
        let metrics = Metrics::new();
        let requests = Requests::of(&metrics, "kitchen");
        for number in 0..2 * MOST_ROUTES {
            let route = format!("/{number}");
            requests.answered(Method::Get, Route(&route), StatusCode::OK, Duration::ZERO);
        }
        let page = metrics.page().await.unwrap();
        let counts: Vec<&str> = page.lines().filter(|line| line.contains("_seconds_count")).collect();
        assert_eq!(counts.len(), MOST_ROUTES + 1);
        assert!(
            counts.iter().any(|line| line.contains("route=\"other\"") && line.ends_with(&format!(" {MOST_ROUTES}")))
        );
    }
}
