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
    inside: Arc<OnceLock<Inside>>,
}

/// Who answers once everything is there.
#[derive(Clone)]
struct Inside {
    routes: Router,
    /// Whether it also tells how the process is.
    is_whole: bool,
}

impl Entrance {
    /// With nobody inside yet.
    pub fn new(readiness: Readiness) -> Self {
        Self { readiness, inside: Arc::default() }
    }

    /// From now on these routes are answered. The first ones stay.
    pub fn opens_to(&self, routes: Router) {
        self.inside.get_or_init(|| Inside { routes, is_whole: false });
    }

    /// From now on this answers everything, also how the process is: it has rules that hold for every request. The first one stays.
    pub fn gives_way_to(&self, routes: Router) {
        self.inside.get_or_init(|| Inside { routes, is_whole: true });
    }

    /// What to serve.
    pub fn router(&self) -> Router {
        let (inside, pages) = (Arc::clone(&self.inside), self.readiness.router());
        let answer = tower::service_fn(move |request| answer(inside.get().cloned(), pages.clone(), request));
        Router::new().fallback_service(answer)
    }
}

async fn answer(inside: Option<Inside>, pages: Router, request: Request<Body>) -> Result<Response, Infallible> {
    let is_ours = matches!(request.uri().path(), "/livez" | "/readyz");
    match inside {
        Some(Inside { routes, is_whole }) if is_whole || !is_ours => routes.oneshot(request).await,
        _ if is_ours => pages.oneshot(request).await,
        _ => Ok(ApiError::unavailable("The service is starting.", COME_BACK).into_response()),
    }
}
