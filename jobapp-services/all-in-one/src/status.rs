//! `/_dev/status`: what still waits. A developer sees here whether everything has settled.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use jobapp_http::ApiError;
use jobapp_kernel::Outbox;
use jobapp_sql::{SqlBus, SqlBusCensus};
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

async fn census(bus: &SqlBus) -> Result<SqlBusCensus, ApiError> {
    bus.census().await.map_err(|error| {
        tracing::error!(error = jobapp_runtime::error_text(&error), "the queues cannot be counted");
        ApiError::unavailable("The queues cannot be counted.", 1)
    })
}

/// Whether everything had come to rest while the outboxes were counted, one after the other. No single look tells: a consumer
/// may store its events in an outbox that was counted before and be done with its message when the queues are.
fn has_settled(before: &SqlBusCensus, in_outboxes: u64, after: &SqlBusCensus) -> bool {
    before.is_quiet() && in_outboxes == 0 && after.is_quiet() && before.last_stored == after.last_stored
}

async fn status(State(watched): State<Watched>) -> Result<Json<serde_json::Value>, ApiError> {
    let before = census(&watched.bus).await?;
    let mut outbox = BTreeMap::new();
    for (service, port) in watched.outboxes.iter() {
        outbox.insert(*service, port.waiting().await?);
    }
    let after = census(&watched.bus).await?;
    let settled = has_settled(&before, outbox.values().sum(), &after);
    let queues: BTreeMap<&String, serde_json::Value> = after
        .queues
        .iter()
        .map(|(queue, depth)| {
            let counts = json!({ "waiting": depth.waiting, "inFlight": depth.in_flight, "dead": depth.dead });
            (queue, counts)
        })
        .collect();
    Ok(Json(json!({ "settled": settled, "outbox": outbox, "queues": queues })))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jobapp_sql::QueueDepth;

    fn census(waiting: u64, in_flight: u64, last_stored: u64) -> SqlBusCensus {
        let depth = QueueDepth { waiting, in_flight, dead: 3 };
        SqlBusCensus { queues: [("queue".to_owned(), depth)].into(), last_stored }
    }

    #[test]
    fn it_has_settled_when_nothing_moved_from_the_first_look_to_the_last() {
        assert!(has_settled(&census(0, 0, 7), 0, &census(0, 0, 7)));
        assert!(
            !has_settled(&census(0, 1, 7), 0, &census(0, 0, 7)),
            "its events may be in an outbox that was counted before"
        );
        assert!(!has_settled(&census(0, 0, 7), 0, &census(0, 0, 8)), "a message came and went");
        assert!(!has_settled(&census(0, 0, 7), 1, &census(0, 0, 7)));
        assert!(!has_settled(&census(0, 0, 7), 0, &census(1, 0, 7)));
    }
}
