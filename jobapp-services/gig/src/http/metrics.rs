//! `GET /metrics`

use axum::extract::State;
use axum::response::IntoResponse;
use http::header::CONTENT_TYPE;
use jobapp_http::ApiError;

use crate::GigService;

/// What Prometheus reads.
#[utoipa::path(get, path = "/metrics", tag = "health", responses((status = 200, description = "In the text format of Prometheus.", body = String)))]
pub(crate) async fn metrics(State(service): State<GigService>) -> Result<impl IntoResponse, ApiError> {
    let page = service.metrics.page().map_err(|error| {
        tracing::error!(error = jobapp_runtime::error_text(&error), "the metrics could not be written down");
        ApiError::new(http::StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong on our side.")
    })?;
    Ok(([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], page))
}
