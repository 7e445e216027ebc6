//! `GET /metrics`, on a port of its own.

use std::net::SocketAddr;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use jobapp_metrics::Metrics;
use jobapp_runtime::{BindFailure, ServerConfig, Shutdown, error_text, listen};
use tokio::net::TcpListener;

use crate::config::Observing;

/// How many may read metrics at once.
const READERS: usize = 16;

/// Serves the metrics where they are to be read. A port that nobody named is done without if it is taken, as by another process of the same
/// program. Returns where they are.
///
/// # Errors
/// [`BindFailure`] when a port that was asked for cannot be had.
pub async fn start_metrics(
    shutdown: &Shutdown,
    metrics: &Metrics,
    observing: Observing,
) -> Result<Option<SocketAddr>, BindFailure> {
    let Some(address) = observing.address else { return Ok(None) };
    match listen(address).await {
        Ok(listener) => {
            serve_metrics(shutdown, metrics, listener);
            tracing::info!(%address, "metrics can be read");
            Ok(Some(address))
        }
        Err(failure) if observing.is_asked_for => Err(failure),
        Err(failure) => {
            let error = error_text(&failure);
            tracing::warn!(error, "metrics cannot be read: JOBAPP_METRICS_PORT names another port, or 0 for none");
            Ok(None)
        }
    }
}

/// Serves the metrics here, until the process is asked to stop.
pub fn serve_metrics(shutdown: &Shutdown, metrics: &Metrics, listener: TcpListener) {
    let routes = Router::new().route("/metrics", get(page)).with_state(metrics.clone());
    let config = ServerConfig { max_per_address: READERS, ..ServerConfig::new(READERS) };
    jobapp_runtime::serve(shutdown, listener, routes, config);
}

async fn page(State(metrics): State<Metrics>) -> Response {
    match metrics.page().await {
        Ok(page) => ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], page).into_response(),
        Err(error) => {
            tracing::error!(error = error_text(&error), "the metrics could not be written down");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
