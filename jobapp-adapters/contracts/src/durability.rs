//! The promises of a store that outlives its handle, and of several handles on one store.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use jobapp_kernel::{Cause, Change, PageRequest, Saved};

use crate::Harness;
use crate::fixture::{Kettle, KettleEvent, a_kettle, id};
use crate::repository::races::{assert_one_won, lost_to_another_holder, lost_to_another_version, race, racers};

const LONG: Duration = Duration::from_secs(60);
const ROUNDS: u64 = 5;

fn boiled() -> Vec<KettleEvent> {
    vec![KettleEvent::Boiled { times: 1 }]
}

/// Values, versions and lists are there when the store is opened again.
pub async fn values_survive(h: &Harness) {
    let kettle = Kettle { tags: vec!["red".into()], nickname: Some("Bubbles".into()), ..a_kettle(1) };
    h.insert(&kettle).await;
    h.stored(Change::update(1, kettle.clone(), vec![])).await;
    let again = h.reopened().await;
    let stored = again.load(id(1)).await;
    assert_eq!((stored.value, stored.version), (kettle, 2));
    assert_eq!(again.holder(Kettle::NICKNAME, "Bubbles").await, Some(id(1)));
    assert_eq!(again.kettles.list(Kettle::TAG, "red".into(), PageRequest::first(9)).await.unwrap().items.len(), 1);
}

/// Whoever crashes between save and publish publishes when it is back, or another does.
pub async fn events_saved_before_a_crash_are_published_after_it(h: &Harness) {
    h.stored(Change::insert(a_kettle(1), boiled())).await;
    let before = h.outbox.lease("relay", LONG, 10).await.unwrap();
    let again = h.reopened().await;
    assert_eq!(again.outbox.waiting().await.unwrap(), 1);
    assert_eq!(again.outbox.lease("relay", LONG, 10).await.unwrap(), before, "the same entries, with the same ids");
}

/// A message that was handled before a restart is a duplicate after it.
pub async fn causes_survive(h: &Harness) {
    let insert = || Change::insert(a_kettle(1), vec![]).caused_by(Cause::message("kettles", "m-1"));
    h.stored(insert()).await;
    let again = h.reopened().await;
    assert_eq!(again.save(insert()).await.unwrap(), Saved::Duplicate { id: id(1).to_string() });
}

/// No number is given out again after a restart.
pub async fn sequences_go_on(h: &Harness) {
    let last = h.sequence.next("kettles", 1).await.unwrap();
    assert!(h.reopened().await.sequence.next("kettles", 1).await.unwrap() > last);
}

/// What one handle saved, every other sees from then on.
pub async fn another_handle_sees_what_was_saved(h: &Harness) {
    let other = h.reopened().await;
    assert_eq!(other.kettles.find(&id(1)).await.unwrap(), None);
    for version in 0..20 {
        let change = match version {
            0 => Change::insert(a_kettle(1), vec![]),
            _ => Change::update(version, a_kettle(1), vec![]),
        };
        let (writer, reader) = if version % 2 == 0 { (h, &other) } else { (&other, h) };
        let stored = writer.stored(change).await;
        assert_eq!(reader.load(id(1)).await.version, stored);
    }
}

/// One version is updated once, by whichever handle.
pub async fn handles_race_for_a_version(h: &Harness) {
    let other = h.reopened().await;
    h.insert(&a_kettle(1)).await;
    for round in 1..=ROUNDS {
        let changes = (0..6).map(|_| Change::update(round, a_kettle(1), boiled())).collect();
        assert_one_won(&race(&[&h.kettles, &other.kettles], changes).await, lost_to_another_version);
    }
    assert_eq!(h.outbox.waiting().await.unwrap(), ROUNDS);
}

/// One id is inserted once.
pub async fn handles_race_for_an_id(h: &Harness) {
    let other = h.reopened().await;
    for round in 1..=ROUNDS {
        let changes = racers(round, |kettle, _| Kettle { id: id(round), ..kettle });
        assert_one_won(&race(&[&h.kettles, &other.kettles], changes).await, lost_to_another_holder("id"));
    }
}

/// One unique value is had by one.
pub async fn handles_race_for_a_unique_value(h: &Harness) {
    let other = h.reopened().await;
    for round in 1..=ROUNDS {
        let changes = racers(round, |kettle, _| Kettle { nickname: Some(format!("{round}")), ..kettle });
        assert_one_won(&race(&[&h.kettles, &other.kettles], changes).await, lost_to_another_holder("nickname"));
    }
}

/// One message has its effect once.
pub async fn handles_race_for_a_cause(h: &Harness) {
    let other = h.reopened().await;
    h.insert(&a_kettle(1)).await;
    for round in 1..=ROUNDS {
        let cause = || Cause::message("kettles", format!("{round}"));
        let changes = (0..6).map(|_| Change::update(round, a_kettle(1), boiled()).caused_by(cause())).collect();
        let outcomes = race(&[&h.kettles, &other.kettles], changes).await;
        assert_one_won(&outcomes, |outcome| matches!(outcome, Ok(Saved::Duplicate { .. })));
    }
}

/// No number is given out by two handles.
pub async fn handles_share_a_sequence(h: &Harness) {
    let other = h.reopened().await;
    let tasks = [&h.sequence, &other.sequence].map(|sequence| {
        let sequence = Arc::clone(sequence);
        tokio::spawn(async move {
            let mut numbers = Vec::new();
            for _ in 0..20 {
                numbers.push(sequence.next("kettles", 1).await.unwrap());
            }
            numbers
        })
    });
    let mut numbers: Vec<i64> = join_all(tasks).await.into_iter().flat_map(Result::unwrap).collect();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), 40);
}

/// A lease holds against the relay of another process.
pub async fn handles_respect_each_others_leases(h: &Harness) {
    let other = h.reopened().await;
    h.stored(Change::insert(a_kettle(1), boiled())).await;
    h.stored(Change::insert(a_kettle(2), boiled())).await;
    assert_eq!(h.outbox.lease("a", LONG, 1).await.unwrap().len(), 1);
    let rest = other.outbox.lease("b", LONG, 10).await.unwrap();
    assert_eq!(rest.iter().map(|entry| entry.aggregate_id.clone()).collect::<Vec<_>>(), [id(2).to_string()]);
}
