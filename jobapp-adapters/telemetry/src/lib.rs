//! One trace from a request to everything that follows from it.
//!
//! [`Traces`] is where traces begin, or come in from elsewhere: a request ([`Traces::serving`]), a message ([`Traces::subscriber`]).
//! It wraps the ports of the core from outside, as the metrics do; the core knows nothing of traces. What happens further in finds its
//! trace by itself: it asks for a [`child`] of what is under way, and gets none where there is no trace. So what is off costs nothing
//! but that look, and no part of a program has to be handed a tracer.
//!
//! What is under way follows a task, and no further: whoever hands work to another task or another process hands on a `traceparent`
//! ([`traceparent`], [`headers`]).
//!
//! Spans say what was done, in words of the code: routes, queues, kinds of aggregates. Never what somebody sent.
//!
//! A collector is told of them by OTLP over HTTP, by a thread that nobody waits for. Where it is away, or slow, spans are lost and
//! counted; nothing else is.

mod config;
mod export;
mod http;
mod parent;
mod ports;
mod traces;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use config::{Sampling, TracesConfig};
pub use http::{Answering, Call, Served, Serving, routed};
pub use opentelemetry::trace::SpanKind;
pub use parent::TRACEPARENT;
pub use ports::traced;
pub use traces::{Span, Telling, Traces, UnderWay, Within, child, trace_id, traceparent, under_way};

/// Hears how many spans were lost.
pub type Lost = Arc<dyn Fn(u64) + Send + Sync>;

/// What a change comes with, for the events that a store keeps: the trace that is under way.
pub fn headers() -> BTreeMap<String, String> {
    traceparent().map(|value| (TRACEPARENT.to_owned(), value)).into_iter().collect()
}

/// Why a collector could never be told anything.
#[derive(Debug, thiserror::Error)]
pub enum TracesError {
    /// The address is none of the web.
    #[error("{0} is no address of a collector: it begins with http:// or https://")]
    Endpoint(String),
    /// The certificates cannot be had.
    #[error("the certificates that a collector is verified by cannot be had: {0}")]
    Certificates(String),
    /// The system gives no thread.
    #[error("the system gives no thread for traces")]
    Thread(#[source] std::io::Error),
}
