//! The promises of `Outbox`: leased, published in order, cleared.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use jobapp_kernel::{Change, MessageId, OutboxEntry, Version};
use parking_lot::Mutex;
use tokio::time::{Instant, timeout};

use crate::Harness;
use crate::fixture::{KettleEvent, a_kettle, id};

const LONG: Duration = Duration::from_secs(60);
/// How long a test waits for what must happen.
const PATIENCE: Duration = Duration::from_secs(10);

/// Boils a kettle, which raises one event.
async fn boil(h: &Harness, number: u64) -> Version {
    let boiled = vec![KettleEvent::Boiled { times: 1 }];
    match h.kettles.find(&id(number)).await.unwrap() {
        None => h.stored(Change::insert(a_kettle(number), boiled)).await,
        Some(stored) => h.stored(Change::update(stored.version, stored.value, boiled)).await,
    }
}

async fn lease(h: &Harness, owner: &str, limit: usize) -> Vec<OutboxEntry> {
    h.outbox.lease(owner, LONG, limit).await.unwrap()
}

/// What this owner gets as soon as it gets anything.
async fn handed_out(h: &Harness, owner: &str) -> Vec<OutboxEntry> {
    let handed_out = timeout(PATIENCE, async {
        loop {
            let entries = lease(h, owner, 10).await;
            if !entries.is_empty() {
                return entries;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    handed_out.await.expect("the time of others ends")
}

/// Kettle and version of each entry.
fn marks(entries: &[OutboxEntry]) -> Vec<(String, Version)> {
    entries.iter().map(|entry| (entry.aggregate_id.clone(), entry.version)).collect()
}

fn mark(number: u64, version: Version) -> (String, Version) {
    (id(number).to_string(), version)
}

async fn clear(h: &Harness, owner: &str, entries: &[OutboxEntry]) {
    let ids: Vec<MessageId> = entries.iter().map(|entry| entry.id.clone()).collect();
    h.outbox.clear(owner, &ids).await.unwrap();
}

/// In the order they were stored, and so in the order of each aggregate's versions.
pub async fn entries_are_leased_oldest_first(h: &Harness) {
    for number in [2, 1, 2, 3, 1] {
        boil(h, number).await;
    }
    assert_eq!(marks(&lease(h, "a", 10).await), [mark(2, 1), mark(1, 1), mark(2, 2), mark(3, 1), mark(1, 2)]);
}

/// The limit counts entries.
pub async fn a_lease_takes_no_more_than_asked(h: &Harness) {
    for number in 1..=3 {
        boil(h, number).await;
    }
    assert_eq!(marks(&lease(h, "a", 2).await), [mark(1, 1), mark(2, 1)]);
    assert_eq!(lease(h, "a", 0).await, []);
}

/// Two owners get different aggregates.
pub async fn a_leased_aggregate_is_not_handed_to_another(h: &Harness) {
    boil(h, 1).await;
    boil(h, 2).await;
    assert_eq!(marks(&lease(h, "a", 1).await), [mark(1, 1)]);
    assert_eq!(marks(&lease(h, "b", 10).await), [mark(2, 1)]);
    assert_eq!(lease(h, "c", 10).await, []);
}

/// Nobody overtakes the owner of an aggregate's lease, not even with events that were stored later.
pub async fn later_events_of_a_leased_aggregate_wait(h: &Harness) {
    boil(h, 1).await;
    lease(h, "a", 10).await;
    boil(h, 1).await;
    assert_eq!(lease(h, "b", 10).await, []);
    assert_eq!(marks(&lease(h, "a", 10).await), [mark(1, 1), mark(1, 2)]);
}

/// An owner that asks again gets what it did not clear, and keeps it.
pub async fn asking_again_renews_the_lease(h: &Harness) {
    boil(h, 1).await;
    let short = h.outbox.lease("a", Duration::from_millis(1), 10).await.unwrap();
    assert_eq!(lease(h, "a", 10).await, short);
    let end = Instant::now() + Duration::from_millis(30);
    while Instant::now() < end {
        assert_eq!(lease(h, "b", 10).await, []);
        tokio::task::yield_now().await;
    }
}

/// What a dead owner had leased goes to another when the lease ends.
pub async fn an_expired_lease_hands_over(h: &Harness) {
    boil(h, 1).await;
    let first = h.outbox.lease("dead", Duration::from_millis(20), 10).await.unwrap();
    assert_eq!(first.len(), 1);
    assert_eq!(handed_out(h, "alive").await, first);
    assert_eq!(lease(h, "dead", 10).await, []);
}

/// What was published is never handed out again.
pub async fn cleared_entries_are_gone(h: &Harness) {
    for number in 1..=3 {
        boil(h, number).await;
    }
    let entries = lease(h, "a", 2).await;
    clear(h, "a", &entries).await;
    assert_eq!(marks(&lease(h, "a", 10).await), [mark(3, 1)]);
    assert_eq!(h.outbox.waiting().await.unwrap(), 1);
}

/// An owner that cleared what it leased of an aggregate gives the aggregate back.
pub async fn clearing_frees_the_aggregate(h: &Harness) {
    boil(h, 1).await;
    let entries = lease(h, "a", 10).await;
    boil(h, 1).await;
    clear(h, "a", &entries).await;
    assert_eq!(marks(&lease(h, "b", 10).await), [mark(1, 2)]);
}

/// Who does not hold the lease clears nothing.
pub async fn clearing_needs_the_lease(h: &Harness) {
    boil(h, 1).await;
    let entries = lease(h, "a", 10).await;
    clear(h, "b", &entries).await;
    assert_eq!(lease(h, "a", 10).await, entries);
}

/// Clearing is safe to repeat.
pub async fn unknown_ids_are_cleared_silently(h: &Harness) {
    boil(h, 1).await;
    let entries = lease(h, "a", 10).await;
    clear(h, "a", &entries).await;
    clear(h, "a", &entries).await;
    clear(h, "a", &[]).await;
    h.outbox.clear("a", &[MessageId("kettle/none/1/0".into())]).await.unwrap();
}

/// A relay that waits for `changed` wakes when a change with events is committed.
pub async fn a_commit_wakes_the_relay(h: &Harness) {
    let outbox = Arc::clone(&h.outbox);
    let relay = tokio::spawn(async move {
        loop {
            let entries = outbox.lease("a", LONG, 10).await.unwrap();
            if !entries.is_empty() {
                return entries;
            }
            outbox.changed().await;
        }
    });
    boil(h, 1).await;
    let entries = timeout(PATIENCE, relay).await.expect("the commit wakes the relay").unwrap();
    assert_eq!(marks(&entries), [mark(1, 1)]);
}

/// A change that was committed before the relay began to wait wakes it too.
pub async fn a_commit_before_the_wait_is_not_missed(h: &Harness) {
    for _ in 0..3 {
        boil(h, 1).await;
        timeout(PATIENCE, h.outbox.changed()).await.expect("the commit is remembered");
    }
}

/// Leased or not, what was not cleared counts.
pub async fn waiting_entries_are_counted(h: &Harness) {
    assert_eq!(h.outbox.waiting().await.unwrap(), 0);
    boil(h, 1).await;
    boil(h, 2).await;
    lease(h, "a", 1).await;
    assert_eq!(h.outbox.waiting().await.unwrap(), 2);
    h.insert(&a_kettle(3)).await;
    assert_eq!(h.outbox.waiting().await.unwrap(), 2, "a change without events adds none");
}

async fn hold_back(h: &Harness, owner: &str, entry: &OutboxEntry, time: Duration) {
    h.outbox.hold_back(owner, &[(entry.id.clone(), time)]).await.unwrap();
}

/// What cannot be published waits, and so does what follows it; the others are handed out.
pub async fn a_held_back_aggregate_is_handed_to_nobody(h: &Harness) {
    boil(h, 1).await;
    boil(h, 2).await;
    let entries = lease(h, "a", 10).await;
    hold_back(h, "a", &entries[0], LONG).await;
    boil(h, 1).await;
    boil(h, 2).await;
    assert_eq!(marks(&lease(h, "a", 10).await), [mark(2, 1), mark(2, 2)]);
    assert_eq!(lease(h, "b", 10).await, []);
    assert_eq!((h.outbox.waiting().await.unwrap(), h.outbox.stuck().await.unwrap()), (4, 1));
}

/// Entries that were leased with a later one that is held back can still be cleared.
pub async fn what_came_before_what_is_held_back_is_cleared(h: &Harness) {
    for _ in 0..3 {
        boil(h, 1).await;
    }
    let entries = lease(h, "a", 10).await;
    clear(h, "a", &entries[..1]).await;
    hold_back(h, "a", &entries[1], Duration::from_millis(20)).await;
    assert_eq!(handed_out(h, "a").await, entries[1..]);
}

/// What was held back is handed out again when its time is over, also to another.
pub async fn what_was_held_back_comes_again(h: &Harness) {
    boil(h, 1).await;
    let entries = lease(h, "a", 10).await;
    hold_back(h, "a", &entries[0], Duration::from_millis(20)).await;
    assert_eq!(handed_out(h, "b").await, entries);
    assert_eq!(h.outbox.stuck().await.unwrap(), 0);
    clear(h, "b", &entries).await;
    assert_eq!(h.outbox.waiting().await.unwrap(), 0);
}

/// Who does not hold the lease holds nothing back, and what is not there is no mistake.
pub async fn holding_back_needs_the_lease(h: &Harness) {
    boil(h, 1).await;
    let entries = lease(h, "a", 10).await;
    hold_back(h, "b", &entries[0], LONG).await;
    h.outbox.hold_back("a", &[(MessageId("kettle/none/1/0".into()), LONG)]).await.unwrap();
    h.outbox.hold_back("a", &[]).await.unwrap();
    assert_eq!(lease(h, "a", 10).await, entries);
    assert_eq!(h.outbox.stuck().await.unwrap(), 0);
}

/// However many relays there are, each aggregate's events come in order and once, as long as leases last.
pub async fn parallel_owners_never_share_an_aggregate(h: &Harness) {
    const KETTLES: u64 = 4;
    const EVENTS: u64 = 8;
    for _ in 0..EVENTS {
        for number in 1..=KETTLES {
            boil(h, number).await;
        }
    }
    let published: Arc<Mutex<HashMap<String, Vec<Version>>>> = Arc::default();
    let relays = ["a", "b", "c"].map(|owner| {
        let (outbox, published) = (Arc::clone(&h.outbox), Arc::clone(&published));
        tokio::spawn(async move {
            while outbox.waiting().await.unwrap() > 0 {
                let entries = outbox.lease(owner, LONG, 3).await.unwrap();
                for entry in &entries {
                    published.lock().entry(entry.aggregate_id.clone()).or_default().push(entry.version);
                }
                let ids: Vec<MessageId> = entries.into_iter().map(|entry| entry.id).collect();
                outbox.clear(owner, &ids).await.unwrap();
                tokio::task::yield_now().await;
            }
        })
    });
    for relay in timeout(LONG, join_all(relays)).await.expect("the outbox gets empty") {
        relay.unwrap();
    }
    let published = published.lock();
    assert_eq!(published.len() as u64, KETTLES);
    for (kettle, versions) in published.iter() {
        assert_eq!(*versions, (1..=EVENTS).collect::<Vec<_>>(), "{kettle}");
    }
}
