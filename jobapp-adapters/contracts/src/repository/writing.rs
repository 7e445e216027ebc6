//! Changes: one version after the other, with their events or not at all.

use std::time::Duration;

use jobapp_kernel::{Cause, Change, ErrorKind, Kinded, PageRequest, RepositoryError, Saved};

use crate::Harness;
use crate::fixture::{Kettle, KettleEvent, a_kettle, bought, id};

fn is_conflict(outcome: Result<Saved, RepositoryError>) -> bool {
    matches!(&outcome, Err(error @ RepositoryError::Conflict { aggregate: "kettle", id: named })
        if *named == id(1).to_string() && error.kind() == ErrorKind::Conflict)
}

/// 1 after the insert, one more for each update, and once more for the delete.
pub async fn versions_count_up_from_one(h: &Harness) {
    assert_eq!(h.insert(&a_kettle(1)).await, 1);
    assert_eq!(h.stored(Change::update(1, a_kettle(1), vec![])).await, 2);
    assert_eq!(h.stored(Change::update(2, a_kettle(1), vec![])).await, 3);
    assert_eq!(h.load(id(1)).await.version, 3);
    assert_eq!(h.stored(Change::delete(3, a_kettle(1), vec![])).await, 4);
}

/// Inserting over something that is there is `Taken("id")` and changes nothing.
pub async fn an_insert_of_a_taken_id_is_refused(h: &Harness) {
    h.insert(&a_kettle(1)).await;
    let other = Kettle { serial: "another".into(), note: "copper".into(), ..a_kettle(1) };
    let error = h.save(Change::insert(other, vec![])).await.unwrap_err();
    assert_eq!(error.taken_key(), Some("id"));
    assert_eq!(h.load(id(1)).await.value, a_kettle(1));
}

/// Who saves with a version that moved is told so, and changes nothing.
pub async fn a_stale_version_conflicts(h: &Harness) {
    let first = h.insert(&a_kettle(1)).await;
    let second = h.stored(Change::update(first, a_kettle(1), vec![])).await;
    let changed = Kettle { note: "copper".into(), ..a_kettle(1) };
    assert!(is_conflict(h.save(Change::update(first, changed.clone(), vec![])).await));
    assert!(is_conflict(h.save(Change::update(second + 1, changed, vec![])).await), "nor with one from the future");
    assert_eq!(h.load(id(1)).await.value, a_kettle(1));
}

/// An update does not bring back what was deleted.
pub async fn an_update_of_a_deleted_value_conflicts(h: &Harness) {
    let version = h.insert(&a_kettle(1)).await;
    let last = h.stored(Change::delete(version, a_kettle(1), vec![])).await;
    for version in [version, last] {
        assert!(is_conflict(h.save(Change::update(version, a_kettle(1), vec![])).await));
        assert!(is_conflict(h.save(Change::delete(version, a_kettle(1), vec![])).await));
    }
    assert_eq!(h.kettles.find(&id(1)).await.unwrap(), None);
}

/// Nor does it insert.
pub async fn an_update_of_what_never_was_conflicts(h: &Harness) {
    assert!(is_conflict(h.save(Change::update(1, a_kettle(1), vec![])).await));
    assert_eq!(h.kettles.find(&id(1)).await.unwrap(), None);
}

/// A delete needs the version as well.
pub async fn a_stale_delete_conflicts(h: &Harness) {
    let first = h.insert(&a_kettle(1)).await;
    h.stored(Change::update(first, a_kettle(1), vec![])).await;
    assert!(is_conflict(h.save(Change::delete(first, a_kettle(1), vec![])).await));
    assert_eq!(h.load(id(1)).await.version, 2);
}

/// One that another follows is seen, versioned, told of and remembered by its cause as any other, also when the other is refused.
pub async fn a_change_before_another_is_a_change(h: &Harness) {
    let once = Cause::message("kettle-queue", "boil it");
    let change =
        || Change::insert(a_kettle(1), vec![KettleEvent::Boiled { times: 1 }]).caused_by(once.clone()).before_another();
    assert_eq!(h.stored(change()).await, 1);
    assert_eq!(h.load(id(1)).await.value, a_kettle(1));
    assert_eq!(h.stored(Change::update(1, a_kettle(1), vec![]).before_another()).await, 2);
    assert!(is_conflict(h.save(Change::update(1, a_kettle(1), vec![])).await));
    assert_eq!(h.save(change()).await.unwrap(), Saved::Duplicate { id: id(1).to_string() });
    assert_eq!(h.load(id(1)).await.version, 2);
    assert_eq!(h.outbox.waiting().await.unwrap(), 1);
}

/// Deleting leaves no trace in any key.
pub async fn a_deleted_value_is_gone_from_every_list(h: &Harness) {
    let kettle =
        Kettle { nickname: Some("Bubbles".into()), tags: vec!["red".into()], parts: vec!["lid".into()], ..a_kettle(1) };
    let version = h.insert(&kettle).await;
    h.stored(Change::delete(version, kettle, vec![])).await;
    assert_eq!(h.kettles.find(&id(1)).await.unwrap(), None);
    for (key, value) in [
        (Kettle::SERIAL, "serial 1"),
        (Kettle::NICKNAME, "Bubbles"),
        (Kettle::OWNER, "ada"),
        (Kettle::TAG, "red"),
        (Kettle::PART, "lid"),
    ] {
        assert_eq!(h.kettles.list(key, value.into(), PageRequest::first(9)).await.unwrap().items, [], "{key:?}");
    }
    assert_eq!(h.kettles.range(Kettle::PRICE, Default::default(), PageRequest::first(9)).await.unwrap().items, []);
    assert_eq!(h.kettles.scan(None, 9).await.unwrap(), []);
}

/// A change that is refused for one key leaves the others as they were.
pub async fn a_refused_change_stores_nothing(h: &Harness) {
    h.insert(&Kettle { parts: vec!["lid".into()], ..a_kettle(1) }).await;
    let version = h.insert(&a_kettle(2)).await;
    let greedy = Kettle {
        serial: "new".into(),
        tags: vec!["red".into()],
        parts: vec!["handle".into(), "lid".into()],
        ..a_kettle(2)
    };
    let error = h.save(Change::update(version, greedy, vec![])).await.unwrap_err();
    assert_eq!(error.taken_key(), Some("part"));
    assert_eq!(h.load(id(2)).await.value, a_kettle(2));
    assert_eq!(h.holder(Kettle::SERIAL, "new").await, None);
    assert_eq!(h.holder(Kettle::SERIAL, "serial 2").await, Some(id(2)));
    assert_eq!(h.holder(Kettle::PART, "handle").await, None);
    assert_eq!(h.kettles.list(Kettle::TAG, "red".into(), PageRequest::first(9)).await.unwrap().items, []);
}

/// Events wait in the outbox as soon as the change is stored, in the order they were raised.
pub async fn events_are_stored_with_the_change(h: &Harness) {
    let kettle = a_kettle(1);
    let version = h.stored(Change::insert(kettle.clone(), vec![bought(&kettle)])).await;
    let events = vec![KettleEvent::Boiled { times: 1 }, KettleEvent::Boiled { times: 2 }];
    h.stored(Change::update(version, kettle.clone(), events.clone())).await;
    let entries = h.outbox.lease("relay", Duration::from_secs(30), 10).await.unwrap();
    let stored: Vec<KettleEvent> =
        entries.into_iter().map(|entry| serde_json::from_value(entry.event).unwrap()).collect();
    assert_eq!(stored, [vec![bought(&kettle)], events].concat());
}

/// Whatever a save is refused for, its events are not published.
pub async fn a_failed_save_leaves_no_events(h: &Harness) {
    h.insert(&a_kettle(1)).await;
    h.insert(&a_kettle(2)).await;
    let boiled = || vec![KettleEvent::Boiled { times: 1 }];
    let same_serial = |number| Kettle { serial: "serial 1".into(), ..a_kettle(number) };
    let too_long = Kettle { owner: "x".repeat(192), ..a_kettle(4) };
    for refused in [
        Change::insert(a_kettle(1), boiled()),
        Change::insert(same_serial(3), boiled()),
        Change::insert(too_long, boiled()),
        Change::update(7, a_kettle(1), boiled()),
        Change::update(1, same_serial(2), boiled()),
        Change::delete(7, a_kettle(1), boiled()),
    ] {
        assert!(h.save(refused.clone()).await.is_err(), "{refused:?}");
    }
    assert_eq!(h.outbox.waiting().await.unwrap(), 0);
    assert_eq!(h.entry_ids().await, [""; 0]);
}

/// The last events of something that is gone are published like any others.
pub async fn the_events_of_a_delete_are_published(h: &Harness) {
    let version = h.insert(&a_kettle(1)).await;
    h.stored(Change::delete(version, a_kettle(1), vec![KettleEvent::Scrapped])).await;
    let entries = h.outbox.lease("relay", Duration::from_secs(30), 10).await.unwrap();
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0].version, version + 1);
    assert_eq!(entries[0].event, serde_json::json!({"type": "scrapped"}));
}

/// An entry's id is made of aggregate, id, version and index, so it is the same however often it is published.
pub async fn entries_say_where_they_come_from(h: &Harness) {
    let events = vec![KettleEvent::Boiled { times: 1 }, KettleEvent::Boiled { times: 2 }];
    let version = h.insert(&a_kettle(1)).await;
    h.stored(Change::update(version, a_kettle(1), events)).await;
    let entries = h.outbox.lease("relay", Duration::from_secs(30), 10).await.unwrap();
    let ids: Vec<&str> = entries.iter().map(|entry| entry.id.0.as_str()).collect();
    assert_eq!(ids, ["kettle/000000000000000000000001/2/0", "kettle/000000000000000000000001/2/1"]);
    for entry in &entries {
        assert_eq!(
            (entry.aggregate.as_str(), entry.aggregate_id.as_str(), entry.version),
            ("kettle", id(1).to_string().as_str(), 2)
        );
    }
}
