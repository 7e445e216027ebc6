//! What a process tells Prometheus of the services it runs.
//!
//! What passes a port is counted by wrappers around it (`jobapp-metrics`); what has to be asked for is asked here, each time Prometheus does.

mod asked;
mod logs;
mod page;
mod traces;

use axum::Router;
use jobapp_metrics::{Measuring, Metrics, Requests};
use jobapp_telemetry::Serving;

pub use self::asked::parts;
pub(crate) use self::asked::{backlog, pool, queues};
pub use self::logs::observe_logs;
pub use self::page::{serve_metrics, start_metrics};
pub use self::traces::start_traces;
use crate::Service;

/// What a service answers in this process, measured by route, method and status, each within the trace it is called in.
pub fn measured(metrics: &Metrics, service: &dyn Service) -> Router {
    service.router().layer(Measuring(Requests::of(metrics, service.name()))).layer(Serving::from_within(service.name()))
}
