//! Stores of several services in one database.

use std::sync::Arc;
use std::time::Duration;

use jobapp_contracts::Harness;
use jobapp_contracts::fixture::{Kettle, id};
use jobapp_contracts::leases::Desk;
use jobapp_kernel::{MessageId, Saved, Timestamp};
use jobapp_sql::SqlStore;
use jobapp_test_servers::Kind;
use url::Url;

use crate::cuts::caused;
use crate::place::{Place, config, harness};

const LONG: Duration = Duration::from_secs(600);

/// The address of the store of a service: its namespace is part of it.
fn of(place: &Place, service: &str) -> Url {
    let mut url = place.url();
    url.query_pairs_mut().append_pair("namespace", service);
    url
}

async fn open(place: &Place, service: &str) -> SqlStore {
    SqlStore::open(config(&of(place, service))).await.unwrap()
}

/// A store beside that of another service, which has kettles and events too.
async fn beside_another(kind: Kind) -> Harness {
    let place = Place::on_shared(kind).await;
    let other = open(&place, "other").await;
    let kettles = other.register::<Kettle>().await.unwrap();
    for number in 1..=3 {
        assert_eq!(kettles.save(caused(number)).await.unwrap(), Saved::Stored(1));
    }
    assert_eq!(other.sequence().next("kettles", 1000).await.unwrap(), 1000);
    let url = of(&place, "own");
    harness(place, url, "own_kettle").await
}

async fn desk(kind: Kind) -> Desk {
    let place = Place::on_shared(kind).await;
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

async fn services_do_not_meet(kind: Kind) {
    let place = Place::on_shared(kind).await;
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
    let in_centuries = Timestamp::EPOCH.plus(Duration::from_secs(10_000_000_000));
    assert_eq!(chat.prune(in_centuries).await.unwrap(), 1);
    assert!(matches!(of_gig.save(caused(1)).await.unwrap(), Saved::Duplicate { .. }), "each forgets its own causes");
}

/// Eight services that start at once on an empty database.
async fn all_services_start_at_once(kind: Kind) {
    let place = Place::on_shared(kind).await;
    let names = ["auth", "users", "gig", "order", "review", "chat", "notification", "gateway"];
    let starting = names.into_iter().flat_map(|name| [name, name]).map(|name| {
        let place = Arc::clone(&place);
        tokio::spawn(async move {
            let mut url = of(&place, name);
            url.query_pairs_mut().append_pair("connections", "2");
            let store = SqlStore::open(config(&url)).await.unwrap();
            store.register::<Kettle>().await.unwrap().scan(None, 1).await.unwrap().len()
        })
    });
    for started in futures::future::join_all(starting).await {
        assert_eq!(started.unwrap(), 0);
    }
}

macro_rules! on {
    ($module:ident, $kind:expr) => {
        mod $module {
            use super::*;

            jobapp_contracts::repository!(beside_another($kind));
            jobapp_contracts::leases!(desk($kind));

            #[tokio::test(flavor = "multi_thread")]
            async fn services_do_not_meet() {
                super::services_do_not_meet($kind).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn all_services_start_at_once() {
                super::all_services_start_at_once($kind).await;
            }
        }
    };
}

on!(postgres, Kind::Postgres);
on!(mysql, Kind::MySql);
