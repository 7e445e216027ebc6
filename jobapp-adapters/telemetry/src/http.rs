//! Requests: served, and sent on.

use std::borrow::Cow;
use std::convert::Infallible;
use std::task::{Context, Poll};

use axum::extract::{MatchedPath, Request};
use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use opentelemetry::trace::SpanKind;
use pin_project_lite::pin_project;
use tower::{Layer, Service};

use crate::traces::{Span, Within, child, traceparent, under_way};
use crate::{TRACEPARENT, Traces, parent};

const HEADER: HeaderName = HeaderName::from_static(TRACEPARENT);
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Whether this may be told as the id of a request: what anybody sends could be anything. The gateway gives others one of its own.
fn is_sensible(id: &str) -> bool {
    (8..=128).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

/// A method as the conventions have it: of those nobody knows there would be too many.
fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::PATCH => "PATCH",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        Method::CONNECT => "CONNECT",
        Method::TRACE => "TRACE",
        _ => "_OTHER",
    }
}

/// What probes and waiting sockets ask tells nothing, and would be most of what is told.
fn is_asked_all_the_time(path: &str) -> bool {
    matches!(path, "/livez" | "/readyz") || path.starts_with("/socket.io") || path.ends_with("-health")
}

/// A layer: what is behind it serves requests, each within a span that goes on from what it came with.
#[derive(Debug, Clone)]
pub struct Serving {
    traces: Option<Traces>,
    service: &'static str,
}

impl Traces {
    /// The requests of a service that come from outside this process.
    pub fn serving(&self, service: &'static str) -> Serving {
        Serving { traces: Some(self.clone()), service }
    }
}

impl Serving {
    /// The requests of a service that come from this process: those of a trace go on with it.
    pub const fn from_within(service: &'static str) -> Self {
        Self { traces: None, service }
    }

    fn span(&self, request: &Request) -> Option<Span> {
        let method = || Cow::Borrowed(known(request.method()));
        let span = match &self.traces {
            // The route is told at the end.
            Some(traces) if traces.is_on() && !is_asked_all_the_time(request.uri().path()) => {
                let carried = request.headers().get(&HEADER).and_then(|value| parent::read(value.to_str().ok()?));
                traces.begun(SpanKind::Server, carried.as_ref(), method())?
            }
            Some(_) => return None,
            None => child(SpanKind::Server, method)?,
        };
        if span.is_sampled() {
            span.says("http.request.method", known(request.method()));
            span.says("jobapp.service", self.service);
            let id = request.headers().get(&REQUEST_ID).and_then(|id| id.to_str().ok());
            if let Some(id) = id.filter(|id| is_sensible(id)) {
                span.says("jobapp.request_id", id.to_owned());
            }
        }
        Some(span)
    }
}

impl<S> Layer<S> for Serving {
    type Service = Served<S>;

    fn layer(&self, inner: S) -> Served<S> {
        Served { serving: self.clone(), inner }
    }
}

/// A service whose requests are served within spans.
#[derive(Debug, Clone)]
pub struct Served<S> {
    serving: Serving,
    inner: S,
}

impl<S: Service<Request, Response = Response, Error = Infallible>> Service<Request> for Served<S> {
    type Response = Response;
    type Error = Infallible;
    type Future = Within<Answering<S::Future>>;

    fn poll_ready(&mut self, waking: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(waking)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let Some(span) = self.serving.span(&request) else {
            return Within::none(Answering { answer: self.inner.call(request), told: None });
        };
        let told = span.is_sampled().then(|| Told {
            method: known(request.method()),
            route: request.extensions().get::<MatchedPath>().cloned(),
        });
        let answer = span.at_once(|| self.inner.call(request));
        span.around(Answering { answer, told })
    }
}

struct Told {
    method: &'static str,
    route: Option<MatchedPath>,
}

pin_project! {
    /// An answer on its way.
    pub struct Answering<F> {
        #[pin]
        answer: F,
        told: Option<Told>,
    }
}

impl<F: Future<Output = Result<Response, Infallible>>> Future for Answering<F> {
    type Output = Result<Response, Infallible>;

    fn poll(self: std::pin::Pin<&mut Self>, waking: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let answer = std::task::ready!(this.answer.poll(waking));
        if let (Some(Told { method, route }), Ok(response)) = (this.told.take(), &answer) {
            answered(method, route.as_ref().map(MatchedPath::as_str), response.status());
        }
        Poll::Ready(answer)
    }
}

fn answered(method: &'static str, route: Option<&str>, status: StatusCode) {
    under_way(|span| {
        if let Some(route) = route {
            span.named([method, " ", route].concat());
            span.says("http.route", route.to_owned());
        }
        span.says("http.response.status_code", i64::from(status.as_u16()));
        if status.is_server_error() {
            span.failed(status.as_str().to_owned());
        }
    });
}

/// Tells the route and the id of the request that is under way, for who finds them out further in.
pub fn routed(method: &Method, route: Option<&str>, request_id: Option<&str>) {
    under_way(|span| {
        if let Some(route) = route {
            span.named([known(method), " ", route].concat());
            span.says("http.route", route.to_owned());
        }
        if let Some(id) = request_id.filter(|id| is_sensible(id)) {
            span.says("jobapp.request_id", id.to_owned());
        }
    });
}

/// A request to a service, within a span if it belongs to a trace that is told.
#[derive(Debug)]
pub struct Call {
    span: Option<Span>,
}

impl Call {
    /// A call to this service. What it is about tells the service.
    pub fn to(service: &'static str, method: &Method) -> Self {
        let span = child(SpanKind::Client, || [known(method), " ", service].concat().into());
        if let Some(span) = &span {
            span.says("http.request.method", known(method));
            span.says("service.peer.name", service);
        }
        Self { span }
    }

    /// Puts in what the service needs to go on with the trace. Where there is none, what was there stays.
    pub fn carried_in(&self, headers: &mut HeaderMap) {
        let value = self.span.as_ref().map(Span::traceparent).or_else(traceparent);
        if let Some(value) = value.and_then(|value| HeaderValue::try_from(value).ok()) {
            headers.insert(HEADER, value);
        }
    }

    /// Does the call.
    pub async fn made<F: Future>(&self, call: F) -> F::Output {
        match &self.span {
            Some(span) => span.within(call).await,
            None => call.await,
        }
    }

    /// It was answered.
    pub fn answered(&self, status: StatusCode) {
        if let Some(span) = &self.span {
            span.says("http.response.status_code", i64::from(status.as_u16()));
            if status.is_client_error() || status.is_server_error() {
                span.failed(status.as_str().to_owned());
            }
        }
    }

    /// It brought no answer; `why` is a word out of a few.
    pub fn failed(&self, why: &'static str) {
        if let Some(span) = &self.span {
            span.failed(why);
        }
    }
}
