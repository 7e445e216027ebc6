//! What a process answers from its first moment on.

use std::convert::Infallible;
use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::response::{IntoResponse, Response};
use jobapp_http::ApiError;
use tower::ServiceExt;

use crate::Readiness;

/// How soon a client may come back to a process that starts, in seconds.
const COME_BACK: u32 = 1;

/// Answers `/livez` and `/readyz` from the start on, so that a process that waits for something is not taken for a dead one, and
/// everything else once there is somebody to answer it. A clone is another handle.
#[derive(Clone)]
pub struct Entrance {
    readiness: Readiness,
    inside: Arc<OnceLock<Router>>,
}

impl Entrance {
    /// With nobody inside yet.
    pub fn new(readiness: Readiness) -> Self {
        Self { readiness, inside: Arc::default() }
    }

    /// From now on these routes are answered. The first ones stay.
    pub fn opens_to(&self, routes: Router) {
        self.inside.get_or_init(|| routes);
    }

    /// What to serve.
    pub fn router(&self) -> Router {
        let inside = Arc::clone(&self.inside);
        let answer = tower::service_fn(move |request| answer(inside.get().cloned(), request));
        self.readiness.router().fallback_service(answer)
    }
}

async fn answer(inside: Option<Router>, request: Request<Body>) -> Result<Response, Infallible> {
    match inside {
        Some(routes) => routes.oneshot(request).await,
        None => Ok(ApiError::unavailable("The service is starting.", COME_BACK).into_response()),
    }
}
