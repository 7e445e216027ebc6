//! Transactions that are in each other's way.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::join_all;
use jobapp_contracts::fixture::{Kettle, KettleEvent, a_kettle, id};
use jobapp_kernel::{Change, MessageId, Repository, Saved};
use jobapp_test_servers::Kind;
use sea_orm::{ConnectionTrait, TransactionTrait};

use crate::cuts::until;
use crate::place::Place;

const LONG: Duration = Duration::from_secs(600);

fn with_parts(number: u64, parts: [&str; 2]) -> Change<Kettle> {
    Change::insert(Kettle { parts: parts.map(str::to_owned).to_vec(), ..a_kettle(number) }, vec![])
}

/// A save that the database ends to resolve a deadlock is begun anew, and goes through.
async fn a_deadlock_is_begun_anew(kind: Kind) {
    let place = Place::on_shared(kind).await;
    let store = place.open().await;
    let kettles = store.register::<Kettle>().await.unwrap();
    let stranger = store.database().begin().await.unwrap();
    // More than the save has to undo, which makes the save the one that is ended.
    for number in 0..50 {
        let other = format!("INSERT INTO kettle__voltage (id, value, sort) VALUES ('x', {number}, 0)");
        stranger.execute_unprepared(&other).await.unwrap();
    }
    let part = |part: &str| format!("INSERT INTO kettle__part (id, value, sort) VALUES ('x', '{part}', 0)");
    stranger.execute_unprepared(&part("spout")).await.unwrap();
    let saving = tokio::spawn({
        let kettles = Arc::clone(&kettles);
        async move { kettles.save(with_parts(1, ["lid", "spout"])).await }
    });
    until("the save waits for the spout", async || place.waiting_since().await > 0).await;
    stranger.execute_unprepared(&part("lid")).await.expect("the save is ended, not this");
    stranger.rollback().await.unwrap();
    assert_eq!(saving.await.unwrap().unwrap(), Saved::Stored(1));
    assert_eq!(kettles.find_by(Kettle::PART, "spout".into()).await.unwrap().unwrap().value.id, id(1));
}

/// Many saves that want the same things in different orders: one gets them, and the others are told which.
async fn saves_that_deadlock_are_told_what_is_taken(kind: Kind) {
    let place = Place::on_shared(kind).await;
    let (one, other) = (place.open().await, place.open().await);
    let kettles = [one.register::<Kettle>().await.unwrap(), other.register::<Kettle>().await.unwrap()];
    for round in 0..15 {
        let (lid, spout) = (format!("lid {round}"), format!("spout {round}"));
        let saves = (1..=4).map(|racer| {
            let parts = if racer % 2 == 0 { [lid.as_str(), &spout] } else { [spout.as_str(), &lid] };
            kettles[racer % 2].save(with_parts(round * 10 + racer as u64, parts))
        });
        let outcomes = join_all(saves).await;
        let won = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
        let told = outcomes.iter().filter_map(|outcome| outcome.as_ref().err()?.taken_key());
        assert_eq!((won, told.collect::<Vec<_>>()), (1, vec!["part"; 3]), "{outcomes:?}");
    }
}

/// A save that has waited too long for a lock gives back its own and waits again.
async fn a_wait_for_a_lock_that_ends_is_begun_anew(kind: Kind) {
    let place = Place::on_shared(kind).await;
    let store = place.open().await;
    let kettles = store.register::<Kettle>().await.unwrap();
    kettles.save(Change::insert(a_kettle(1), vec![])).await.unwrap().version().unwrap();
    let stranger = store.database().begin().await.unwrap();
    stranger.execute_unprepared("UPDATE kettle SET version = version WHERE version = 1").await.unwrap();
    let saving = tokio::spawn({
        let kettles = Arc::clone(&kettles);
        async move { kettles.save(Change::update(1, a_kettle(1), vec![KettleEvent::Boiled { times: 1 }])).await }
    });
    until("it waits", async || place.waiting_since().await > 0).await;
    let first = place.waiting_since().await;
    until("it waits in a transaction that began later", async || place.waiting_since().await > first).await;
    stranger.rollback().await.unwrap();
    assert_eq!(saving.await.unwrap().unwrap(), Saved::Stored(2));
    assert_eq!(store.outbox().waiting().await.unwrap(), 1);
}

/// Of relays that work at the same time each entry goes to one, and those of an aggregate in their order.
async fn relays_share_an_outbox(kind: Kind) {
    let place = Place::on_shared(kind).await;
    let stores = [place.open().await, place.open().await, place.open().await];
    let kettles = stores[0].register::<Kettle>().await.unwrap();
    for number in 1..=12 {
        kettles.save(Change::insert(a_kettle(number), vec![KettleEvent::Boiled { times: 1 }])).await.unwrap().version();
        for version in 1..=4 {
            let again = Change::update(version, a_kettle(number), vec![KettleEvent::Boiled { times: 2 }]);
            kettles.save(again).await.unwrap().version();
        }
    }
    let published = Mutex::new(Vec::new());
    let relaying = stores.iter().enumerate().map(|(relay, store)| {
        let (outbox, owner, published) = (store.outbox(), format!("relay {relay}"), &published);
        async move {
            while outbox.waiting().await.unwrap() > 0 {
                let entries = outbox.lease(&owner, LONG, 7).await.unwrap();
                published.lock().unwrap().extend(entries.iter().cloned());
                let ids: Vec<MessageId> = entries.into_iter().map(|entry| entry.id).collect();
                outbox.clear(&owner, &ids).await.unwrap();
            }
        }
    });
    join_all(relaying).await;
    let published = published.into_inner().unwrap();
    assert_eq!(published.len(), 12 * 5, "each once");
    for number in 1..=12 {
        let of_one = published.iter().filter(|entry| entry.aggregate_id == id(number).to_string());
        assert_eq!(of_one.map(|entry| entry.version).collect::<Vec<_>>(), [1, 2, 3, 4, 5], "in order");
    }
}

/// A save does not wait for a relay that leases, nor a relay for a save.
async fn a_save_that_is_not_over_holds_up_no_relay(kind: Kind) {
    let place = Place::on_shared(kind).await;
    let store = place.open().await;
    let kettles: Arc<dyn Repository<Kettle>> = store.register::<Kettle>().await.unwrap();
    kettles.save(Change::insert(a_kettle(1), vec![KettleEvent::Boiled { times: 1 }])).await.unwrap().version();
    let stranger = store.database().begin().await.unwrap();
    let entry = "INSERT INTO jobapp_outbox (id, aggregate, aggregate_id, version, event, headers, recorded_at) \
        VALUES ('x', 'kettle', 'x', 1, '{}', '{}', 0)";
    stranger.execute_unprepared(entry).await.unwrap();
    let leased = tokio::time::timeout(Duration::from_secs(4), store.outbox().lease("relay", LONG, 10)).await;
    assert_eq!(leased.expect("nobody waits").unwrap().len(), 1);
    stranger.commit().await.unwrap();
    // It was numbered before entries that were leased meanwhile, and is not forgotten.
    assert_eq!(store.outbox().lease("relay", LONG, 10).await.unwrap().len(), 2);
}

on!(postgres, Kind::Postgres,
    a_deadlock_is_begun_anew
    saves_that_deadlock_are_told_what_is_taken
    a_wait_for_a_lock_that_ends_is_begun_anew
    relays_share_an_outbox
    a_save_that_is_not_over_holds_up_no_relay
);
on!(mysql, Kind::MySql,
    a_deadlock_is_begun_anew
    saves_that_deadlock_are_told_what_is_taken
    a_wait_for_a_lock_that_ends_is_begun_anew
    relays_share_an_outbox
    a_save_that_is_not_over_holds_up_no_relay
);
