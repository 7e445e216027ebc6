//! `GET /chat-health`

/// Whether the service runs.
#[utoipa::path(get, path = "/chat-health", tag = "health", responses((status = 200, description = "It runs.", body = String)))]
pub(crate) async fn health() -> &'static str {
    "Chat service is healthy and OK."
}
