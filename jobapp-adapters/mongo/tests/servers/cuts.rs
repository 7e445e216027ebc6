//! Connections that are lost, and servers that go away.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use futures::future::join_all;
use jobapp_contracts::fixture::{Kettle, KettleEvent, a_kettle, id};
use jobapp_kernel::{Cause, Change, Repository, RepositoryError, Saved};
use jobapp_mongo::{Fault, MongoStore};
use jobapp_test_servers::{Kind, own, proxied, shared};

use crate::place::{LONG, PATIENCE, Place, config, until};

pub(crate) fn caused(number: u64) -> Change<Kettle> {
    let change = Change::insert(a_kettle(number), vec![KettleEvent::Boiled { times: 1 }]);
    change.caused_by(Cause::message("kettles", format!("m-{number}")))
}

/// Each of these kettles is there, once, with its one event.
async fn assert_each_is_there_once(store: &MongoStore, numbers: u64) {
    let kettles = store.register::<Kettle>().await.unwrap();
    let stored = kettles.scan(None, 10_000).await.unwrap();
    assert!(stored.iter().all(|kettle| kettle.version == 1));
    assert_eq!(stored.len() as u64, numbers);
    let entries = store.outbox().lease("relay", LONG, 10_000).await.unwrap();
    let mut entries: Vec<String> = entries.into_iter().map(|entry| entry.aggregate_id).collect();
    entries.sort_unstable();
    let expected: Vec<String> = (1..=numbers).map(|number| id(number).to_string()).collect();
    assert_eq!(entries, expected, "nothing lost, nothing twice");
}

/// Saves until the store answers, as a consumer does that is given its message again. Returns how often it failed.
async fn save_until_answered(kettles: &dyn Repository<Kettle>, number: u64) -> u64 {
    let mut failures = 0;
    loop {
        match kettles.save(caused(number)).await {
            Ok(Saved::Stored(1) | Saved::Duplicate { .. }) => return failures,
            Ok(other) => panic!("{other:?}"),
            Err(RepositoryError::Unavailable { .. }) => failures += 1,
            Err(other) => panic!("a lost connection is told as such: {other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_by_cuts() {
    let place = Place::on_shared().await;
    let network = proxied(&shared(Kind::MongoDb).await).await;
    let store = MongoStore::open(config(&place.url_through(network.url()))).await.unwrap();
    let kettles = store.register::<Kettle>().await.unwrap();
    let (next, failures, is_over) = (AtomicU64::new(1), AtomicU64::new(0), AtomicBool::new(false));
    let saving = (0..4).map(|_| async {
        while !is_over.load(Ordering::SeqCst) {
            let number = next.fetch_add(1, Ordering::SeqCst);
            failures.fetch_add(save_until_answered(&*kettles, number).await, Ordering::SeqCst);
        }
    });
    let cutting = async {
        while failures.load(Ordering::SeqCst) < 8 {
            let before = next.load(Ordering::SeqCst);
            until("some more are saved", async || next.load(Ordering::SeqCst) > before + 4).await;
            network.cut().await;
            network.restore().await;
        }
        is_over.store(true, Ordering::SeqCst);
    };
    tokio::join!(join_all(saving), cutting);
    store.close().await.unwrap();
    assert_each_is_there_once(&place.open().await, next.load(Ordering::SeqCst) - 1).await;
}

/// The server has stored it and the answer never comes.
#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_outcome_is_resolved_by_the_cause() {
    let place = Place::on_shared().await;
    let network = proxied(&shared(Kind::MongoDb).await).await;
    let store = MongoStore::open(config(&place.url_through(network.url()))).await.unwrap();
    let kettles = store.register::<Kettle>().await.unwrap();
    assert_eq!(kettles.find(&id(1)).await.unwrap(), None, "it is connected");
    network.delay(Duration::from_millis(500)).await;
    let saving = tokio::spawn({
        let kettles = Arc::clone(&kettles);
        async move { kettles.save(caused(1)).await }
    });
    let seen = place.open().await.register::<Kettle>().await.unwrap();
    until("the server has it", async || seen.find(&id(1)).await.unwrap().is_some()).await;
    network.cut().await;
    let told = saving.await.unwrap().unwrap_err();
    assert!(matches!(told, RepositoryError::Unavailable { .. }), "{told:?}");
    network.restore().await;
    assert_eq!(kettles.save(caused(1)).await.unwrap(), Saved::Duplicate { id: id(1).to_string() });
    assert_each_is_there_once(&place.open().await, 1).await;
}

/// Callers that go away at any point of a save leave whole changes, and what they claimed is in nobody's way.
#[tokio::test(flavor = "multi_thread")]
async fn calls_that_are_cancelled_leave_whole_changes() {
    let place = Place::on_shared().await;
    let network = proxied(&shared(Kind::MongoDb).await).await;
    let store = MongoStore::open(config(&place.url_through(network.url()))).await.unwrap();
    let kettles = store.register::<Kettle>().await.unwrap();
    network.delay(Duration::from_millis(5)).await;
    let calls = 40;
    for number in 1..=calls {
        // From at once to longer than a save takes.
        let patience = Duration::from_millis(number * 2);
        drop(tokio::time::timeout(patience, kettles.save(caused(number))).await);
        drop(tokio::time::timeout(patience, store.sequence().next("kettles", 1)).await);
        drop(tokio::time::timeout(patience, store.outbox().lease("a", Duration::ZERO, 1)).await);
        drop(tokio::time::timeout(patience, store.leases().take("sweep", &format!("{number}"), Duration::ZERO)).await);
    }
    network.restore().await;
    for number in 1..=calls {
        save_until_answered(&*kettles, number).await;
    }
    assert_each_is_there_once(&place.open().await, calls).await;
}

/// A store that was open before a server was restarted is used afterwards as if nothing had been.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_comes_back() {
    let server = own(Kind::MongoDb).await;
    let place = Place::on(&server);
    let store = place.open().await;
    let kettles = store.register::<Kettle>().await.unwrap();
    assert_eq!(kettles.save(caused(1)).await.unwrap(), Saved::Stored(1));
    server.kill().await;
    kettles.find(&id(1)).await.unwrap_err();
    assert_eq!(store.fault().await, Some(Fault::Away));
    let error = MongoStore::open(config(&place.url())).await.unwrap_err();
    assert!(error.is_away() && error.to_string().contains("cannot be reached"), "{error:?}");
    server.start().await;
    assert_eq!(kettles.save(caused(1)).await.unwrap(), Saved::Duplicate { id: id(1).to_string() });
    assert_eq!(kettles.save(caused(2)).await.unwrap(), Saved::Stored(1));
    until("it is told that it is over", async || store.fault().await.is_none()).await;
    server.stop().await;
    kettles.save(caused(3)).await.unwrap_err();
    server.start().await;
    assert_eq!(kettles.save(caused(3)).await.unwrap(), Saved::Stored(1));
    assert_each_is_there_once(&place.open().await, 3).await;
}

/// A call into a network that swallows everything ends.
#[tokio::test(flavor = "multi_thread")]
async fn silence_ends() {
    let place = Place::on_shared().await;
    let network = proxied(&shared(Kind::MongoDb).await).await;
    let store = MongoStore::open(config(&place.url_through(network.url()))).await.unwrap();
    let kettles = store.register::<Kettle>().await.unwrap();
    network.blackhole().await;
    let calls = (1..=4).map(|number| kettles.save(caused(number)));
    for told in tokio::time::timeout(PATIENCE, join_all(calls)).await.expect("every call ends") {
        assert!(matches!(told, Err(RepositoryError::Unavailable { .. })), "{told:?}");
    }
    tokio::time::timeout(PATIENCE, kettles.find(&id(1))).await.expect("a look-up ends").unwrap_err();
    assert_eq!(store.fault().await, Some(Fault::Away));
    network.restore().await;
    for number in 1..=4 {
        save_until_answered(&*kettles, number).await;
    }
    assert_each_is_there_once(&place.open().await, 4).await;
}

/// A server that stops to answer and keeps its connections is the same to its callers.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_frozen_keeps_nobody_for_ever() {
    let server = own(Kind::MongoDb).await;
    let place = Place::on(&server);
    let store = place.open().await;
    let kettles = store.register::<Kettle>().await.unwrap();
    server.pause().await;
    let told = tokio::time::timeout(PATIENCE, kettles.save(caused(1))).await.expect("it ends").unwrap_err();
    assert!(matches!(told, RepositoryError::Unavailable { .. }), "{told:?}");
    server.unpause().await;
    save_until_answered(&*kettles, 1).await;
    assert_each_is_there_once(&place.open().await, 1).await;
}
