//! Whether the process runs, and whether it wants requests.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use parking_lot::Mutex;
use serde_json::json;

use crate::{Part, Vitals};

/// How long looking after all parts may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Knows what a process waits for and how the things are on which it stands. A clone is another handle.
#[derive(Clone, Default)]
pub struct Readiness(Arc<Inner>);

#[derive(Default)]
struct Inner {
    /// What is not there yet, and why.
    missing: Mutex<BTreeMap<String, String>>,
    parts: Mutex<Vec<Arc<dyn Vitals>>>,
    started: AtomicBool,
    draining: AtomicBool,
}

/// Whether a process wants requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It waits: for each missing thing, why it is not there.
    Starting(BTreeMap<String, String>),
    /// It does.
    Ready,
    /// Something without which nothing can be stored is in trouble: what, and which.
    Degraded(BTreeMap<String, String>),
    /// It is about to stop.
    Draining,
}

impl Readiness {
    /// Nothing is known, so it is starting.
    pub fn new() -> Self {
        Self::default()
    }

    /// Something is not there yet.
    pub fn misses(&self, what: &str, why: &str) {
        self.0.missing.lock().insert(what.to_owned(), why.to_owned());
    }

    /// What was missing is there.
    pub fn has(&self, what: &str) {
        self.0.missing.lock().remove(what);
    }

    /// Asks these, too, how things are.
    pub fn stands_on(&self, parts: Arc<dyn Vitals>) {
        self.0.parts.lock().push(parts);
    }

    /// Everything was started: from now on it is ready unless something is missing or in trouble.
    pub fn started(&self) {
        self.0.started.store(true, Ordering::Relaxed);
    }

    /// It is about to stop: nobody should send new requests.
    pub fn drain(&self) {
        self.0.draining.store(true, Ordering::Relaxed);
    }

    /// Whether it wants requests.
    pub async fn verdict(&self) -> Verdict {
        self.verdict_and_troubles().await.0
    }

    /// The same, with the troubles of what is not vital.
    async fn verdict_and_troubles(&self) -> (Verdict, BTreeMap<String, String>) {
        if self.0.draining.load(Ordering::Relaxed) {
            return (Verdict::Draining, BTreeMap::new());
        }
        let missing = self.0.missing.lock().clone();
        if !missing.is_empty() || !self.0.started.load(Ordering::Relaxed) {
            return (Verdict::Starting(missing), BTreeMap::new());
        }
        let (vital, other): (Vec<Part>, Vec<Part>) = self.parts().await.into_iter().partition(|part| part.is_vital);
        let troubles = |parts: Vec<Part>| -> BTreeMap<String, String> {
            parts.into_iter().filter_map(|part| Some((part.name, part.trouble?))).collect()
        };
        let (vital, other) = (troubles(vital), troubles(other));
        (if vital.is_empty() { Verdict::Ready } else { Verdict::Degraded(vital) }, other)
    }

    /// `GET /livez`: the process runs, and which version it is. `GET /readyz`: it wants requests, and what is in trouble without being
    /// vital; otherwise 503 and why.
    pub fn router(&self) -> Router {
        Router::new().route("/livez", get(live)).route("/readyz", get(ready)).with_state(self.clone())
    }
}

async fn live() -> Response {
    told(StatusCode::OK, &json!({ "status": "ok", "version": env!("CARGO_PKG_VERSION") }))
}

async fn ready(State(readiness): State<Readiness>) -> Response {
    let away = StatusCode::SERVICE_UNAVAILABLE;
    let (verdict, troubles) = readiness.verdict_and_troubles().await;
    match verdict {
        Verdict::Ready if troubles.is_empty() => told(StatusCode::OK, &json!({ "status": "ready" })),
        Verdict::Ready => told(StatusCode::OK, &json!({ "status": "ready", "troubles": troubles })),
        Verdict::Starting(missing) => told(away, &json!({ "status": "starting", "missing": missing })),
        Verdict::Degraded(reasons) => told(away, &json!({ "status": "degraded", "reasons": reasons })),
        Verdict::Draining => told(away, &json!({ "status": "draining" })),
    }
}

fn told(status: StatusCode, json: &serde_json::Value) -> Response {
    (status, [(header::CACHE_CONTROL, "no-cache")], Json(json)).into_response()
}

#[async_trait]
impl Vitals for Readiness {
    async fn parts(&self) -> Vec<Part> {
        let asked = self.0.parts.lock().clone();
        let looking = futures::future::join_all(asked.iter().map(|parts| parts.parts()));
        match tokio::time::timeout(PATIENCE, looking).await {
            Ok(found) => found.into_iter().flatten().collect(),
            Err(_) => vec![Part::vital("storage", Some("it does not answer".to_owned()))],
        }
    }
}

#[cfg(test)]
mod tests {
    use tower::ServiceExt;

    use super::*;

    struct Kettle(Option<String>);

    #[async_trait]
    impl Vitals for Kettle {
        async fn parts(&self) -> Vec<Part> {
            let lid = Part { is_vital: false, ..Part::vital("lid", Some("lost".to_owned())) };
            vec![Part::vital("kettle", self.0.clone()), lid]
        }
    }

    fn because(what: &str, why: &str) -> BTreeMap<String, String> {
        [(what.to_owned(), why.to_owned())].into()
    }

    #[tokio::test]
    async fn a_process_is_ready_once_all_is_there_and_well_until_it_stops() {
        let readiness = Readiness::new();
        assert_eq!(readiness.verdict().await, Verdict::Starting(BTreeMap::new()));
        readiness.misses("the kettle", "it boils");
        readiness.started();
        assert_eq!(readiness.verdict().await, Verdict::Starting(because("the kettle", "it boils")));
        readiness.has("the kettle");
        readiness.stands_on(Arc::new(Kettle(None)));
        assert_eq!(readiness.verdict().await, Verdict::Ready);
        let asked = axum::http::Request::get("/readyz").body(axum::body::Body::empty()).unwrap();
        let answer = readiness.router().oneshot(asked).await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        let body = axum::body::to_bytes(answer.into_body(), 1024).await.unwrap();
        assert_eq!(body, r#"{"status":"ready","troubles":{"lid":"lost"}}"#);
        readiness.stands_on(Arc::new(Kettle(Some("it leaks".to_owned()))));
        assert_eq!(readiness.verdict().await, Verdict::Degraded(because("kettle", "it leaks")));
        readiness.drain();
        assert_eq!(readiness.verdict().await, Verdict::Draining);
    }
}
