//! `GET /user-health`

/// Whether the service runs.
#[utoipa::path(get, path = "/user-health", tag = "health", responses((status = 200, description = "It runs.", body = String)))]
pub(crate) async fn health() -> &'static str {
    "Users service is healthy and OK."
}
