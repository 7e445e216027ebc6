//! A collector for tests: it takes spans as OTLP sends them, and tells what it was told.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode as Ended;
use parking_lot::Mutex;
use prost::Message;

/// How long anything may take that must happen; a debug build on a busy machine is slow.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// What it does with the next that it is sent; as a rule it takes it.
#[derive(Debug, Clone, Copy)]
pub enum Mood {
    /// It answers so, and takes nothing.
    Answers(StatusCode),
    /// It takes them but so many.
    Rejects(i64),
    /// It never answers.
    Hangs,
}

/// A span, as it was told.
#[derive(Debug, Clone)]
pub struct Told {
    pub name: String,
    pub kind: SpanKind,
    pub trace: String,
    pub id: String,
    /// Empty for the first of a trace.
    pub parent: String,
    pub attributes: BTreeMap<String, String>,
    /// The spans it names beside its parent.
    pub links: Vec<String>,
    pub is_error: bool,
}

#[derive(Default)]
struct Seen {
    spans: Mutex<Vec<Told>>,
    headers: Mutex<Vec<HeaderMap>>,
    resource: Mutex<BTreeMap<String, String>>,
    /// What it does, in this order; the last one stays.
    moods: Mutex<Vec<Mood>>,
    keeps_last: bool,
}

/// The collector; it listens until it is dropped.
pub struct Collector {
    seen: Arc<Seen>,
    address: SocketAddr,
    serving: tokio::task::JoinHandle<()>,
}

impl Collector {
    /// One that takes everything.
    pub async fn start() -> Self {
        Self::listening(Vec::new(), false).await
    }

    /// One that does this first.
    pub async fn at_first(moods: &[Mood]) -> Self {
        Self::listening(moods.iter().rev().copied().collect(), false).await
    }

    /// One that always does this.
    pub async fn always(mood: Mood) -> Self {
        Self::listening(vec![mood], true).await
    }

    async fn listening(moods: Vec<Mood>, keeps_last: bool) -> Self {
        let seen = Arc::new(Seen { moods: Mutex::new(moods), keeps_last, ..Seen::default() });
        let routes = Router::new().route("/v1/traces", post(take)).with_state(Arc::clone(&seen));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Self { seen, address, serving }
    }

    /// As `OTEL_EXPORTER_OTLP_ENDPOINT` names it.
    pub fn base(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Every span it was told so far.
    pub fn spans(&self) -> Vec<Told> {
        self.seen.spans.lock().clone()
    }

    /// The headers of each request so far.
    pub fn headers(&self) -> Vec<HeaderMap> {
        self.seen.headers.lock().clone()
    }

    /// What was said of the process.
    pub fn resource(&self) -> BTreeMap<String, String> {
        self.seen.resource.lock().clone()
    }

    /// Waits until what it was told holds this.
    pub async fn until<T>(&self, what: &str, find: impl Fn(&[Told]) -> Option<T>) -> T {
        let waiting = async {
            loop {
                if let Some(found) = find(&self.spans()) {
                    return found;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        match tokio::time::timeout(PATIENCE, waiting).await {
            Ok(found) => found,
            Err(_) => panic!("{what} never came: {:#?}", self.spans()),
        }
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn take(State(seen): State<Arc<Seen>>, headers: HeaderMap, body: Bytes) -> (StatusCode, Vec<u8>) {
    seen.headers.lock().push(headers);
    let mood = {
        let mut moods = seen.moods.lock();
        if seen.keeps_last { moods.last().copied() } else { moods.pop() }
    };
    let rejected_spans = match mood {
        Some(Mood::Answers(status)) => return (status, Vec::new()),
        Some(Mood::Hangs) => std::future::pending().await,
        Some(Mood::Rejects(count)) => count,
        None => 0,
    };
    let request = ExportTraceServiceRequest::decode(body).unwrap();
    for of_process in request.resource_spans {
        let resource = of_process.resource.unwrap_or_default();
        seen.resource.lock().extend(resource.attributes.into_iter().map(|one| (one.key, text(one.value))));
        let spans = of_process.scope_spans.into_iter().flat_map(|scope| scope.spans);
        seen.spans.lock().extend(spans.map(told));
    }
    let error_message = String::new();
    let partial_success = Some(ExportTracePartialSuccess { rejected_spans, error_message });
    (StatusCode::OK, ExportTraceServiceResponse { partial_success }.encode_to_vec())
}

fn told(span: Span) -> Told {
    Told {
        kind: span.kind(),
        trace: hex(&span.trace_id),
        id: hex(&span.span_id),
        parent: hex(&span.parent_span_id),
        links: span.links.iter().map(|link| hex(&link.span_id)).collect(),
        is_error: span.status.as_ref().is_some_and(|status| status.code() == Ended::Error),
        attributes: span.attributes.into_iter().map(|one| (one.key, text(one.value))).collect(),
        name: span.name,
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn text(value: Option<opentelemetry_proto::tonic::common::v1::AnyValue>) -> String {
    match value.and_then(|value| value.value) {
        Some(Value::StringValue(text)) => text,
        Some(Value::IntValue(number)) => number.to_string(),
        other => format!("{other:?}"),
    }
}
