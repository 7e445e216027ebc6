//! The service with its relay, its consumers and its keeper, on the embedded index and a bus.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use jobapp_gig_service::{GigConfig, GigPorts, GigService};
use jobapp_kernel::{FixedClock, ObjectId, Publisher, SequenceIds, Subscriber};
use jobapp_memory::{MemoryBus, MemoryStore};
use jobapp_platform::{Search, Service, Shared};
use jobapp_runtime::{Relay, spawn_consumers};
use jobapp_tantivy::TantivySearch;
use jobapp_wire::queues::{GIG_PROFILE, PROFILE, USER_SELLER};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::world::{Answer, IRIA, Tokens, a_gig, a_profile, delivery, send};

struct Running {
    service: GigService,
    tokens: Tokens,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Running {
    async fn start(folder: &std::path::Path, store: &MemoryStore, bus: &Arc<MemoryBus>) -> Self {
        let tokens = Tokens::new();
        let search = Arc::new(TantivySearch::open(folder).unwrap());
        let shared = Shared {
            publisher: bus.clone(),
            // The news of a seller who was made a moment ago is waited for.
            clock: Arc::new(FixedClock::at(IRIA.parse::<ObjectId>().unwrap().made_at())),
            ids: Arc::new(SequenceIds::default()),
            ..tokens.shared()
        };
        let ports = GigPorts::open(&store.clone().into(), &shared, &Search::new(search)).await.unwrap();
        let service = GigService::new(ports, GigConfig::default());
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let subscriber: Arc<dyn Subscriber> = bus.clone();
        subscriber.declare(&[USER_SELLER]).await.unwrap();
        spawn_consumers(&subscriber, service.consumers(), &stop, &tasks).await.unwrap();
        let translate = service.translator().unwrap();
        let relay =
            Relay { outbox: store.outbox(), publisher: bus.clone(), translate, owner: "gig".to_owned(), leases: None };
        tasks.spawn({
            let stop = stop.clone();
            async move { relay.run(stop).await }
        });
        for task in service.tasks() {
            tasks.spawn(task.run(stop.clone()));
        }
        Self { service, tokens, stop, tasks }
    }

    async fn call(&self, user: &str, method: &str, path: &str, body: &Value) -> Answer {
        send(self.service.router(), self.tokens.request(user, method, path).body(body.to_string().into()).unwrap())
            .await
    }

    /// Searches until the index answers with this many gigs.
    async fn finds(&self, path: &str, total: usize) {
        let waiting = async {
            loop {
                let found = self.call("", "GET", &format!("/api/v1/gig/search/{path}"), &json!({})).await;
                if found.body["total"] == total && found.body.get("degraded").is_none() {
                    return;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), waiting).await.expect("the search finds it");
    }

    async fn stop(self) {
        self.stop.cancel();
        self.tasks.close();
        tokio::time::timeout(Duration::from_secs(30), self.tasks.wait()).await.expect("everything stops");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gig_is_found_soon_after_it_was_created_and_again_after_the_index_was_lost() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("search");
    let (store, bus) = (MemoryStore::new(), Arc::new(MemoryBus::new()));
    let running = Running::start(&folder, &store, &bus).await;
    let mut profile = delivery(GIG_PROFILE, Some("p1"), &a_profile("Iria", IRIA)).message;
    profile.exchange = PROFILE.name.to_owned();
    bus.publish_one(&profile).await.unwrap();

    let mut gigs = Vec::new();
    for title in ["A red logo", "A blue logo", "A web page"] {
        let mut body = a_gig();
        body["title"] = json!(title);
        let answer = running.call("Iria", "POST", "/api/v1/gig/create", &body).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
        gigs.push(answer.body["gig"]["id"].as_str().unwrap().to_owned());
    }
    running.finds("0/10/forward?query=blue+logos", 1).await;
    running.finds("0/10/forward", 3).await;
    let deleted = running.call("Iria", "DELETE", &format!("/api/v1/gig/{}/{IRIA}", gigs[0]), &json!({})).await;
    assert_eq!(deleted.status, StatusCode::OK);
    running.finds("0/10/forward", 2).await;
    running.stop().await;

    // The index may still be writing while it closes: it is lost by being somewhere else.
    let running = Running::start(&place.path().join("lost"), &store, &bus).await;
    running.finds("0/10/forward", 2).await;
    running.stop().await;
}
