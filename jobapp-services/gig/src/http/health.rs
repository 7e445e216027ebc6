//! `GET /gig-health`

/// Whether the service runs.
#[utoipa::path(get, path = "/gig-health", tag = "health", responses((status = 200, description = "It runs.", body = String)))]
pub(crate) async fn health() -> &'static str {
    "Gig service is healthy and OK."
}
