//! Causes: a change is made once for each.

use jobapp_kernel::{Cause, Change, ErrorKind, Kinded, RepositoryError, Saved};

use crate::Harness;
use crate::fixture::{Kettle, KettleEvent, a_kettle, id};

fn message(effect: &str) -> Cause {
    Cause::message("kettles", effect)
}

fn request(key: &str, body_hash: &str) -> Cause {
    Cause::Request { caller: "ada".into(), route: "POST /kettles".into(), key: key.into(), body_hash: body_hash.into() }
}

fn boil(version: u64, number: u64, cause: Cause) -> Change<Kettle> {
    let kettle = Kettle { note: format!("boiled at version {version}"), ..a_kettle(number) };
    Change::update(version, kettle, vec![KettleEvent::Boiled { times: 1 }]).caused_by(cause)
}

fn duplicate(number: u64) -> Saved {
    Saved::Duplicate { id: id(number).to_string() }
}

/// The second delivery of a message changes nothing and raises nothing.
pub async fn a_message_changes_an_aggregate_once(h: &Harness) {
    let version = h.insert(&a_kettle(1)).await;
    let second = h.stored(boil(version, 1, message("m-1"))).await;
    let before = h.load(id(1)).await;
    assert_eq!(h.save(boil(second, 1, message("m-1"))).await.unwrap(), duplicate(1));
    assert_eq!(h.load(id(1)).await, before);
    assert_eq!(h.outbox.waiting().await.unwrap(), 1);
}

/// One message may change several aggregates, each once.
pub async fn a_message_may_change_several_aggregates(h: &Harness) {
    for number in [1, 2] {
        let version = h.insert(&a_kettle(number)).await;
        assert_eq!(h.save(boil(version, number, message("m-1"))).await.unwrap(), Saved::Stored(2));
    }
    assert_eq!(h.save(boil(2, 2, message("m-1"))).await.unwrap(), duplicate(2));
    assert_eq!(h.outbox.waiting().await.unwrap(), 2);
}

/// Another message, or the same one from another queue, is another cause.
pub async fn another_effect_is_another_cause(h: &Harness) {
    h.insert(&a_kettle(1)).await;
    h.stored(boil(1, 1, message("m-1"))).await;
    h.stored(boil(2, 1, message("m-2"))).await;
    h.stored(boil(3, 1, Cause::message("pots", "m-1"))).await;
    assert_eq!(h.load(id(1)).await.version, 4);
}

/// A request that is made again, with an id made anew, is told which aggregate it made the first time.
pub async fn a_request_is_made_once(h: &Harness) {
    h.stored(Change::insert(a_kettle(1), vec![KettleEvent::Boiled { times: 1 }]).caused_by(request("k-1", "b"))).await;
    let again = Change::insert(a_kettle(2), vec![KettleEvent::Boiled { times: 1 }]).caused_by(request("k-1", "b"));
    assert_eq!(h.save(again).await.unwrap(), duplicate(1));
    assert_eq!(h.kettles.find(&id(2)).await.unwrap(), None);
    assert_eq!(h.outbox.waiting().await.unwrap(), 1);
}

/// `caused` finds what a request made, before anything is decided again.
pub async fn a_request_is_found_by_its_cause(h: &Harness) {
    assert_eq!(h.kettles.caused(&request("k-1", "b")).await.unwrap(), None);
    h.stored(Change::insert(a_kettle(1), vec![]).caused_by(request("k-1", "b"))).await;
    assert_eq!(h.kettles.caused(&request("k-1", "b")).await.unwrap(), Some(id(1)));
    assert_eq!(h.kettles.caused(&request("k-2", "b")).await.unwrap(), None);
}

/// A message belongs to an aggregate that `caused` does not know: only `save` tells.
pub async fn a_message_is_not_found_by_its_cause(h: &Harness) {
    h.stored(Change::insert(a_kettle(1), vec![]).caused_by(message("m-1"))).await;
    assert_eq!(h.kettles.caused(&message("m-1")).await.unwrap(), None);
}

/// The same key with another body is a mistake of the caller's, and is told so everywhere.
pub async fn a_request_with_another_body_is_refused(h: &Harness) {
    h.stored(Change::insert(a_kettle(1), vec![]).caused_by(request("k-1", "b"))).await;
    let other = Change::insert(a_kettle(2), vec![]).caused_by(request("k-1", "other"));
    let error = h.save(other).await.unwrap_err();
    assert!(matches!(error, RepositoryError::CauseReused));
    assert_eq!(error.kind(), ErrorKind::Mismatch);
    assert!(matches!(h.kettles.caused(&request("k-1", "other")).await, Err(RepositoryError::CauseReused)));
    assert_eq!(h.kettles.find(&id(2)).await.unwrap(), None);
}

/// Keys belong to a caller and a route.
pub async fn another_caller_may_use_the_same_key(h: &Harness) {
    h.stored(Change::insert(a_kettle(1), vec![]).caused_by(request("k-1", "b"))).await;
    let other = |caller: &str, route: &str| Cause::Request {
        caller: caller.into(),
        route: route.into(),
        key: "k-1".into(),
        body_hash: "other".into(),
    };
    h.stored(Change::insert(a_kettle(2), vec![]).caused_by(other("bob", "POST /kettles"))).await;
    h.stored(Change::insert(a_kettle(3), vec![]).caused_by(other("ada", "POST /pots"))).await;
}

/// A repeated update whose version moved, by itself or by others, is a duplicate.
pub async fn a_duplicate_is_told_before_a_conflict(h: &Harness) {
    let version = h.insert(&a_kettle(1)).await;
    h.stored(boil(version, 1, message("m-1"))).await;
    assert_eq!(h.save(boil(version, 1, message("m-1"))).await.unwrap(), duplicate(1));
}

/// A repeated insert whose unique values it took itself is a duplicate.
pub async fn a_duplicate_is_told_before_a_taken_value(h: &Harness) {
    h.stored(Change::insert(a_kettle(1), vec![]).caused_by(request("k-1", "b"))).await;
    let again = Kettle { serial: "serial 1".into(), ..a_kettle(2) };
    assert_eq!(h.save(Change::insert(again, vec![]).caused_by(request("k-1", "b"))).await.unwrap(), duplicate(1));
}

/// So is one with the same id.
pub async fn a_duplicate_insert_is_told_before_the_taken_id(h: &Harness) {
    h.stored(Change::insert(a_kettle(1), vec![]).caused_by(message("m-1"))).await;
    assert_eq!(h.save(Change::insert(a_kettle(1), vec![]).caused_by(message("m-1"))).await.unwrap(), duplicate(1));
}

/// And a repeated delete of what is gone.
pub async fn a_duplicate_delete_is_told(h: &Harness) {
    let version = h.insert(&a_kettle(1)).await;
    let delete = || Change::delete(version, a_kettle(1), vec![KettleEvent::Scrapped]).caused_by(message("m-1"));
    h.stored(delete()).await;
    assert_eq!(h.save(delete()).await.unwrap(), duplicate(1));
    assert_eq!(h.outbox.waiting().await.unwrap(), 1);
}

/// What was made and deleted is not made again by the message that made it.
pub async fn a_cause_outlives_its_aggregate(h: &Harness) {
    let insert = || Change::insert(a_kettle(1), vec![]).caused_by(message("m-1"));
    let version = h.stored(insert()).await;
    h.stored(Change::delete(version, a_kettle(1), vec![])).await;
    assert_eq!(h.save(insert()).await.unwrap(), duplicate(1));
    assert_eq!(h.kettles.find(&id(1)).await.unwrap(), None);
}

/// A change that was refused may be tried again with the same cause.
pub async fn a_refused_change_does_not_use_up_its_cause(h: &Harness) {
    let version = h.insert(&a_kettle(1)).await;
    assert!(h.save(boil(version + 5, 1, message("m-1"))).await.is_err());
    let copy = Kettle { serial: "serial 1".into(), ..a_kettle(2) };
    assert!(h.save(Change::insert(copy, vec![]).caused_by(request("k-1", "b"))).await.is_err());
    assert_eq!(h.kettles.caused(&request("k-1", "b")).await.unwrap(), None);
    h.stored(boil(version, 1, message("m-1"))).await;
    h.stored(Change::insert(a_kettle(2), vec![]).caused_by(request("k-1", "b"))).await;
}

/// An effect may be a whole body, a key whatever a client makes up.
pub async fn a_cause_may_be_very_long(h: &Harness) {
    let long = "x".repeat(5000);
    let version = h.insert(&a_kettle(1)).await;
    let version = h.stored(boil(version, 1, message(&long))).await;
    assert_eq!(h.save(boil(version, 1, message(&long))).await.unwrap(), duplicate(1));
    let version = h.stored(boil(version, 1, message(&format!("{long}y")))).await;
    h.stored(Change::insert(a_kettle(2), vec![]).caused_by(request(&long, "b"))).await;
    assert_eq!(h.kettles.caused(&request(&long, "b")).await.unwrap(), Some(id(2)));
    assert_eq!(version, 3);
}

/// Others choose what a message says; a cause is remembered whatever is in it.
pub async fn a_cause_may_have_nul(h: &Harness) {
    let version = h.insert(&a_kettle(1)).await;
    let version = h.stored(boil(version, 1, message("order \0"))).await;
    assert_eq!(h.save(boil(version, 1, message("order \0"))).await.unwrap(), duplicate(1));
    h.stored(boil(version, 1, message("order \0\0"))).await;
    h.stored(Change::insert(a_kettle(2), vec![]).caused_by(request("k\0", "b"))).await;
    assert_eq!(h.kettles.caused(&request("k\0", "b")).await.unwrap(), Some(id(2)));
}
