//! `/_dev/status`: what still waits. A developer sees here whether everything has settled.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::HeaderMap;
use jobapp_http::ApiError;
use jobapp_kernel::Outbox;
use jobapp_pages::{Entry, Menu, Page, Wanted, wanted};
use jobapp_sqlite::{QueueDepth, SqliteBus, SqliteBusCensus};
use maud::{Markup, html};
use serde_json::{Value, json};

#[derive(Clone)]
struct Watched {
    bus: SqliteBus,
    outboxes: Arc<Vec<(&'static str, Arc<dyn Outbox>)>>,
}

/// The route: a page; for who asks for JSON `{ settled, outbox: { service: entries }, stuck: { service: entries }, queues: { queue: { … } } }`.
pub(crate) fn router(bus: SqliteBus, outboxes: Vec<(&'static str, Arc<dyn Outbox>)>) -> Router {
    Router::new().route("/_dev/status", get(status)).with_state(Watched { bus, outboxes: Arc::new(outboxes) })
}

async fn census(bus: &SqliteBus) -> Result<SqliteBusCensus, ApiError> {
    bus.census().await.map_err(|error| {
        tracing::error!(error = jobapp_runtime::error_text(&error), "the queues cannot be counted");
        ApiError::unavailable("The queues cannot be counted.", 1)
    })
}

/// Whether everything had come to rest while the outboxes were counted, one after the other. No single look tells: a consumer
/// may store its events in an outbox that was counted before and be done with its message when the queues are.
fn has_settled(before: &SqliteBusCensus, in_outboxes: u64, after: &SqliteBusCensus) -> bool {
    before.is_quiet() && in_outboxes == 0 && after.is_quiet() && before.last_stored == after.last_stored
}

/// What was found in one look.
struct Found {
    settled: bool,
    outbox: BTreeMap<&'static str, u64>,
    /// Those that could not be published when it was last tried; services without any are left out.
    stuck: BTreeMap<&'static str, u64>,
    queues: BTreeMap<String, QueueDepth>,
}

async fn look(watched: &Watched) -> Result<Found, ApiError> {
    let before = census(&watched.bus).await?;
    let (mut outbox, mut stuck) = (BTreeMap::new(), BTreeMap::new());
    for (service, port) in watched.outboxes.iter() {
        let waiting = port.waiting().await?;
        outbox.insert(*service, waiting);
        if waiting > 0 {
            stuck.insert(*service, port.stuck().await?);
        }
    }
    let after = census(&watched.bus).await?;
    let settled = has_settled(&before, outbox.values().sum(), &after);
    stuck.retain(|_, count| *count > 0);
    Ok(Found { settled, outbox, stuck, queues: after.queues.into_iter().collect() })
}

async fn status(State(watched): State<Watched>, headers: HeaderMap) -> Result<Response, ApiError> {
    let found = look(&watched).await?;
    if wanted(&headers) == Wanted::Json {
        return Ok(Json(found.json()).into_response());
    }
    Ok(Page::new("Status", Menu::developer(Entry::Status), found.page()).into_response())
}

impl Found {
    fn json(&self) -> Value {
        let depth =
            |depth: &QueueDepth| json!({ "waiting": depth.waiting, "inFlight": depth.in_flight, "dead": depth.dead });
        let queues: BTreeMap<&String, Value> =
            self.queues.iter().map(|(queue, counts)| (queue, depth(counts))).collect();
        json!({ "settled": self.settled, "outbox": self.outbox, "stuck": self.stuck, "queues": queues })
    }

    fn page(&self) -> Markup {
        let dead: u64 = self.queues.values().map(|depth| depth.dead).sum();
        html! {
            @if self.settled {
                p.ok { "Everything has come to rest: no message waits." }
            } @else {
                p.busy { "Work is under way. " a href="/_dev/status" { "Look again" } }
            }
            @if dead > 0 {
                p.bad {
                    (dead) @if dead == 1 { " message" } @else { " messages" } " could not be handled. "
                    code { "jobapp dead-letters list" } " says why."
                }
            }
            @let stuck: u64 = self.stuck.values().sum();
            @if stuck > 0 {
                p.bad {
                    (stuck) @if stuck == 1 { " event" } @else { " events" } " could not be published. The log says why."
                }
            }
            h2 { "Queues" }
            p.soft { "Messages from one service to another." }
            table.cards-when-narrow {
                thead {
                    tr {
                        th scope="col" { "Queue" }
                        th.number scope="col" { "Waiting" }
                        th.number scope="col" { "Being handled" }
                        th.number scope="col" { "Could not be handled" }
                    }
                }
                tbody {
                    @for (queue, depth) in &self.queues {
                        tr {
                            th scope="row" { code { (queue) } }
                            td.number data-label="Waiting" { (depth.waiting) }
                            td.number data-label="Being handled" { (depth.in_flight) }
                            td.number.bad[depth.dead > 0] data-label="Could not be handled" { (depth.dead) }
                        }
                    }
                }
            }
            h2 { "Outboxes" }
            p.soft { "What a service has stored and not yet published." }
            table.cards-when-narrow {
                thead {
                    tr {
                        th scope="col" { "Service" }
                        th.number scope="col" { "Waiting" }
                        th.number scope="col" { "Could not be published" }
                    }
                }
                tbody {
                    @for (service, waiting) in &self.outbox {
                        @let stuck = self.stuck.get(service).copied().unwrap_or(0);
                        tr {
                            th scope="row" { (service) }
                            td.number data-label="Waiting" { (waiting) }
                            td.number.bad[stuck > 0] data-label="Could not be published" { (stuck) }
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jobapp_sqlite::QueueDepth;

    fn census(waiting: u64, in_flight: u64, last_stored: u64) -> SqliteBusCensus {
        let depth = QueueDepth { waiting, in_flight, dead: 3 };
        SqliteBusCensus { queues: [("queue".to_owned(), depth)].into(), last_stored }
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

    #[test]
    fn people_read_what_programs_count() {
        let depth = QueueDepth { waiting: 2, in_flight: 1, dead: 1 };
        let found = Found {
            settled: false,
            outbox: [("auth", 4)].into(),
            stuck: [("auth", 1)].into(),
            queues: [("user-seller-queue".to_owned(), depth)].into(),
        };
        let queue = json!({ "waiting": 2, "inFlight": 1, "dead": 1 });
        let expected = json!({
            "settled": false, "outbox": { "auth": 4 }, "stuck": { "auth": 1 }, "queues": { "user-seller-queue": queue },
        });
        assert_eq!(found.json(), expected);
        let page = found.page().into_string();
        for part in ["Work is under way", "1 message could not be handled", "1 event could not be published", ">4</td>"]
        {
            assert!(page.contains(part), "{part}: {page}");
        }
        let settled = Found { settled: true, outbox: BTreeMap::new(), stuck: BTreeMap::new(), queues: BTreeMap::new() }
            .page()
            .into_string();
        assert!(settled.contains("come to rest") && !settled.contains("could not be handled."), "{settled}");
    }
}
