//! Whether the gateway runs, whether it wants requests, and how the services behind it are.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, StatusCode, header};
use jobapp_http::lists;
use jobapp_platform::Vitals;
use serde_json::{Map, Value, json};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::vitals;
use crate::calls::guards::{BreakerState, Guards};
use crate::calls::upstreams::Upstreams;

/// The text load balancers know.
pub(crate) const HEALTHY: &str = "API Gateway service is healthy and OK.";
/// How long a service may take to say that it runs.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long what was found holds: many may ask at once.
const FRESH: Duration = Duration::from_secs(1);

/// What was found about the services lately.
type Findings = Arc<Mutex<Option<(Instant, Value)>>>;

/// What probes ask.
#[derive(Clone)]
pub(crate) struct Health {
    upstreams: Upstreams,
    vitals: Arc<dyn Vitals>,
    stage: Arc<Stage>,
    findings: Findings,
}

impl Health {
    /// Of a gateway to these services, with what they stand on.
    pub(crate) fn new(upstreams: Upstreams, vitals: Arc<dyn Vitals>, stage: Arc<Stage>) -> Self {
        Self { upstreams, vitals, stage, findings: Findings::default() }
    }
}

/// How far the gateway's life has come.
#[derive(Debug, Default)]
pub(crate) struct Stage {
    started: AtomicBool,
    draining: AtomicBool,
}

impl Stage {
    /// It knows from now on which sessions are over.
    pub(crate) fn started(&self) {
        self.started.store(true, Ordering::Relaxed);
    }

    /// It is about to stop.
    pub(crate) fn drains(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    fn readiness(&self) -> Readiness {
        if self.draining.load(Ordering::Relaxed) {
            Readiness::Draining
        } else if self.started.load(Ordering::Relaxed) {
            Readiness::Ready
        } else {
            Readiness::Starting
        }
    }
}

/// `GET /livez`: the process runs, and which version it is.
pub(crate) async fn live(headers: HeaderMap) -> Response {
    let json = json!({ "status": "ok", "version": env!("CARGO_PKG_VERSION") });
    told(&headers, StatusCode::OK, "ok", &json)
}

/// `GET /readyz`: it wants requests. Not before it knows which sessions are over, not while it stops, and not while nothing can
/// be stored.
pub(crate) async fn ready(State(health): State<Health>, headers: HeaderMap) -> Response {
    let not_yet =
        |text: &'static str| told(&headers, StatusCode::SERVICE_UNAVAILABLE, text, &json!({ "status": text }));
    match health.stage.readiness() {
        Readiness::Starting => return not_yet("starting"),
        Readiness::Draining => return not_yet("draining"),
        Readiness::Ready => {}
    }
    match vitals::Findings::of(&health.vitals).await.reasons() {
        None => told(&headers, StatusCode::OK, "ready", &json!({ "status": "ready" })),
        Some((words, reasons)) => {
            let json = json!({ "status": "degraded", "reasons": reasons });
            told(&headers, StatusCode::SERVICE_UNAVAILABLE, format!("degraded: {words}"), &json)
        }
    }
}

/// `GET /gateway-health`: the text probes know; for who asks for JSON, how each service is as well.
pub(crate) async fn health(State(health): State<Health>, headers: HeaderMap) -> Response {
    if !wants_json(&headers) {
        return (TOLD, HEALTHY).into_response();
    }
    let (mut services, parts) = tokio::join!(services(&health), vitals::Findings::of(&health.vitals));
    for (name, service) in services.as_object_mut().into_iter().flatten() {
        if let Some(trouble) = parts.trouble_of(name).filter(|_| service["status"] == "up") {
            service["status"] = "degraded".into();
            service["reason"] = trouble.into();
        }
    }
    let all_up = services.as_object().is_some_and(|all| all.values().all(|service| service["status"] == "up"));
    let well = all_up && parts.is_well();
    let text = if well { "ok" } else { "degraded" };
    // The gateway itself is well either way: it must not be restarted for the sake of a service.
    let told = json!({
        "message": HEALTHY,
        "status": text,
        "ready": health.stage.readiness() == Readiness::Ready && parts.reasons().is_none(),
        "version": env!("CARGO_PKG_VERSION"),
        "services": services,
        "parts": parts.json(),
    });
    (TOLD, Json(told)).into_response()
}

/// Whether the gateway wants requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Readiness {
    /// It does not know yet which sessions are over.
    Starting,
    /// It does.
    Ready,
    /// It is about to stop.
    Draining,
}

/// What such an answer depends on, and that it is asked for anew each time.
const TOLD: [(HeaderName, &str); 2] = [(header::CACHE_CONTROL, "no-cache"), (header::VARY, "Accept")];

fn told(headers: &HeaderMap, status: StatusCode, text: impl Into<Cow<'static, str>>, json: &Value) -> Response {
    let text = text.into();
    if wants_json(headers) { (status, TOLD, Json(json)).into_response() } else { (status, TOLD, text).into_response() }
}

/// Whether the client names JSON as something it accepts; `*/*` is no such wish.
fn wants_json(headers: &HeaderMap) -> bool {
    lists::accepts(headers, &header::ACCEPT, "application/json")
}

/// How each service is.
async fn services(health: &Health) -> Value {
    let mut findings = health.findings.lock().await;
    if let Some((at, found)) = &*findings
        && at.elapsed() < FRESH
    {
        return found.clone();
    }
    let guards: Vec<&Guards> = health.upstreams.guards().collect();
    let states = futures::future::join_all(guards.iter().map(|guards| state(&health.upstreams, guards))).await;
    let names = guards.iter().map(|guards| guards.name.to_owned());
    let found = Value::Object(names.zip(states).collect::<Map<String, Value>>());
    *findings = Some((Instant::now(), found.clone()));
    found
}

/// Asks a service itself, past its guards: they would answer for it.
async fn state(upstreams: &Upstreams, guards: &Guards) -> Value {
    let start = Instant::now();
    let asked = tokio::time::timeout(PATIENCE, upstreams.health(guards.name)).await;
    let up = asked.is_ok_and(|healthy| healthy);
    let breaker = guards.breaker.state();
    let status = if up && breaker == BreakerState::Closed { "up" } else { "down" };
    json!({
        "status": status,
        "breaker": breaker,
        "inFlight": guards.bulkhead.under_way(),
        "ms": start.elapsed().as_secs_f64() * 1000.0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn only_who_names_json_gets_json() {
        let wants = |accept: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
            wants_json(&headers)
        };
        assert!(wants("application/json") && wants("text/html, Application/JSON;q=0.5"));
        assert!(!wants("*/*") && !wants("text/html,*/*;q=0.8") && !wants("application/*"));
        assert!(!wants_json(&HeaderMap::new()));
    }
}
