//! `GET /order-health`

/// Whether the service runs.
#[utoipa::path(get, path = "/order-health", tag = "health", responses((status = 200, description = "It runs.", body = String)))]
pub(crate) async fn health() -> &'static str {
    "Order service is healthy and OK."
}
