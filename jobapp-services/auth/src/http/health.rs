//! `GET /auth-health`

/// Whether the service runs.
#[utoipa::path(get, path = "/auth-health", tag = "health", responses((status = 200, description = "It runs.", body = String)))]
pub(crate) async fn health() -> &'static str {
    "Auth service is healthy and OK."
}
