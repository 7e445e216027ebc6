//! `GET /review-health`

/// Whether the service runs.
#[utoipa::path(get, path = "/review-health", tag = "health", responses((status = 200, description = "It runs.", body = String)))]
pub(crate) async fn health() -> &'static str {
    "Review service is healthy and OK."
}
