//! Stores of several services in one database.

use std::sync::Arc;

use jobapp_contracts::Harness;
use jobapp_contracts::fixture::{Kettle, id};
use jobapp_contracts::leases::Desk;
use jobapp_kernel::{MessageId, Saved};
use jobapp_mongo::MongoStore;

use crate::cuts::caused;
use crate::place::{LONG, Place, config, harness};

async fn open(place: &Place, service: &str) -> MongoStore {
    MongoStore::open(config(&place.url_of(service))).await.unwrap()
}

/// A store beside that of another service, which has kettles and events too.
async fn beside_another() -> Harness {
    let place = Place::on_shared().await;
    let other = open(&place, "other").await;
    let kettles = other.register::<Kettle>().await.unwrap();
    for number in 1..=3 {
        assert_eq!(kettles.save(caused(number)).await.unwrap(), Saved::Stored(1));
    }
    assert_eq!(other.sequence().next("kettles", 1000).await.unwrap(), 1000);
    let config = config(&place.url_of("own"));
    harness(place, config, "own_kettle").await
}

async fn desk() -> Desk {
    let place = Place::on_shared().await;
    let other = open(&place, "other").await.leases();
    for name in ["sweep", "prune", "round 0", "round 1"] {
        assert!(other.take(name, "z", LONG).await.unwrap());
    }
    Desk {
        leases: open(&place, "own").await.leases(),
        elsewhere: open(&place, "own").await.leases(),
        keep: Arc::clone(&place) as _,
    }
}

jobapp_contracts::repository!(beside_another());
jobapp_contracts::leases!(desk());

#[tokio::test(flavor = "multi_thread")]
async fn services_do_not_meet() {
    let place = Place::on_shared().await;
    let [chat, gig] = [open(&place, "chat").await, open(&place, "gig").await];
    let [of_chat, of_gig] = [chat.register::<Kettle>().await.unwrap(), gig.register::<Kettle>().await.unwrap()];
    assert_eq!(of_chat.save(caused(1)).await.unwrap(), Saved::Stored(1));
    assert_eq!(gig.outbox().lease("gig", LONG, 10).await.unwrap(), [], "nobody is given the events of another");
    let entries = chat.outbox().lease("chat", LONG, 10).await.unwrap();
    let ids: Vec<MessageId> = entries.iter().map(|entry| entry.id.clone()).collect();
    gig.outbox().clear("chat", &ids).await.unwrap();
    assert_eq!(chat.outbox().waiting().await.unwrap(), 1);
    assert_eq!(of_gig.find(&id(1)).await.unwrap(), None);
    assert_eq!(of_gig.save(caused(1)).await.unwrap(), Saved::Stored(1), "neither its id nor its cause is taken");
}

/// Eight services that start at once on an empty database.
#[tokio::test(flavor = "multi_thread")]
async fn all_services_start_at_once() {
    let place = Place::on_shared().await;
    let names = ["auth", "users", "gig", "order", "review", "chat", "notification", "gateway"];
    let starting = names.into_iter().flat_map(|name| [name, name]).map(|name| {
        let place = Arc::clone(&place);
        tokio::spawn(async move {
            let store = open(&place, name).await;
            store.register::<Kettle>().await.unwrap().scan(None, 1).await.unwrap().len()
        })
    });
    for started in futures::future::join_all(starting).await {
        assert_eq!(started.unwrap(), 0);
    }
}
