//! Traces, and how many of their spans were lost.

use std::sync::Arc;

use jobapp_metrics::{Counters, Metrics};
use jobapp_telemetry::{Telling, Traces, TracesError};

use crate::config::Tracing;

/// Begins to tell traces, if somebody wants them. They are told while the second value lives; what waits is told when it is dropped, which
/// is to be done where waiting a few seconds keeps nobody.
///
/// # Errors
/// [`TracesError`] when they could never be told.
pub fn start_traces(tracing: &Tracing, metrics: &Metrics) -> Result<(Traces, Telling), TracesError> {
    let Some(config) = tracing.to.clone() else { return Ok((Traces::off(), Telling::nothing())) };
    let help = "Spans of traces that never reached the collector.";
    let lost: Counters<()> = metrics.counters("jobapp_spans_lost_total", help, &[]);
    tracing::info!(endpoint = %config.endpoint, "traces are told");
    Traces::start(config, Arc::new(move |count| lost.one().add(count)))
}
