//! `/_dev/status`: what still waits. A developer sees here whether everything has settled.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use jobapp_http::ApiError;
use jobapp_kernel::Outbox;
use jobapp_sql::SqlBus;
use serde_json::json;

#[derive(Clone)]
struct Watched {
    bus: SqlBus,
    outboxes: Arc<Vec<(&'static str, Arc<dyn Outbox>)>>,
}

/// The route: `{ settled, outbox: { service: entries }, queues: { queue: { … } } }`.
pub(crate) fn router(bus: SqlBus, outboxes: Vec<(&'static str, Arc<dyn Outbox>)>) -> Router {
    Router::new().route("/_dev/status", get(status)).with_state(Watched { bus, outboxes: Arc::new(outboxes) })
}

async fn status(State(watched): State<Watched>) -> Result<Json<serde_json::Value>, ApiError> {
    let mut outbox = BTreeMap::new();
    for (service, port) in watched.outboxes.iter() {
        outbox.insert(*service, port.waiting().await?);
    }
    let depths = watched.bus.depths().await.map_err(|error| {
        tracing::error!(error = jobapp_runtime::error_text(&error), "the queues cannot be counted");
        ApiError::unavailable("The queues cannot be counted.", 1)
    })?;
    let waiting = depths.values().any(|depth| depth.waiting + depth.in_flight > 0);
    let settled = !waiting && outbox.values().all(|entries| *entries == 0);
    let queues: BTreeMap<&String, serde_json::Value> = depths
        .iter()
        .map(|(queue, depth)| {
            let counts = json!({ "waiting": depth.waiting, "inFlight": depth.in_flight, "dead": depth.dead });
            (queue, counts)
        })
        .collect();
    Ok(Json(json!({ "settled": settled, "outbox": outbox, "queues": queues })))
}
