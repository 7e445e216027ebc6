//! Causes: where they are remembered, and for how long.

use std::time::Duration;

use jobapp_contracts::fixture::{Kettle, KettleEvent, a_kettle, id};
use jobapp_kernel::{Cause, Change, Saved, Timestamp};
use mongodb::Collection;
use mongodb::bson::{Document, doc};

use crate::place::{LONG, Place, documents};

fn request(number: u64) -> Cause {
    Cause::Request {
        caller: "ada".into(),
        route: "PUT /kettles".into(),
        key: format!("{number}"),
        body_hash: "b".into(),
    }
}

fn message(number: u64) -> Cause {
    Cause::message("kettles", format!("m-{number}"))
}

/// A document keeps its newest causes; the others are remembered elsewhere, and each is known all the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_document_does_not_grow_with_its_causes() {
    const CAUSES: u64 = 150;
    let place = Place::on_shared().await;
    let kettles = place.open().await.register::<Kettle>().await.unwrap();
    kettles.save(Change::insert(a_kettle(1), vec![])).await.unwrap().version().unwrap();
    let change = |number: u64| {
        let cause = if number.is_multiple_of(3) { request(number) } else { message(number) };
        Change::update(number, a_kettle(1), vec![]).caused_by(cause)
    };
    for number in 1..=CAUSES {
        assert_eq!(kettles.save(change(number)).await.unwrap(), Saved::Stored(number + 1));
    }
    let own: Collection<Document> = place.database().await.collection("kettle");
    let kept = documents(&own).await[0].get_array("inbox").unwrap().len();
    assert!((1..=65).contains(&kept), "{kept}");
    for number in 1..=CAUSES {
        assert_eq!(kettles.save(change(number)).await.unwrap(), Saved::Duplicate { id: id(1).to_string() }, "{number}");
    }
    assert_eq!(kettles.caused(&request(3)).await.unwrap(), Some(id(1)));
    assert_eq!(kettles.caused(&request(CAUSES)).await.unwrap(), Some(id(1)));
}

/// What is left of a deleted aggregate goes a day later; its causes stay for a month.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_of_the_deleted_goes_and_its_causes_stay() {
    let place = Place::on_shared().await;
    let store = place.open().await;
    let kettles = store.register::<Kettle>().await.unwrap();
    let insert = || Change::insert(a_kettle(1), vec![]).caused_by(message(1));
    kettles.save(insert()).await.unwrap().version().unwrap();
    let delete = Change::delete(1, a_kettle(1), vec![KettleEvent::Scrapped]);
    kettles.save(delete.clone()).await.unwrap().version().unwrap();
    let own: Collection<Document> = place.database().await.collection("kettle");
    let now = Timestamp::from_millis(mongodb::bson::DateTime::now().timestamp_millis()).unwrap();
    let after = |days: u64| now.plus(Duration::from_secs(days * 24 * 60 * 60 + 60));
    assert_eq!(store.prune(after(2)).await.unwrap(), 0);
    assert_eq!(documents(&own).await.len(), 1, "its event waits");
    let entries = store.outbox().lease("relay", LONG, 10).await.unwrap();
    store.outbox().clear("relay", &[entries[0].id.clone()]).await.unwrap();
    assert_eq!(store.prune(now).await.unwrap(), 0);
    assert_eq!(documents(&own).await.len(), 1, "somebody may still be about to write it");
    assert_eq!(store.prune(after(2)).await.unwrap(), 0);
    assert_eq!(documents(&own).await, []);
    assert_eq!(kettles.save(insert()).await.unwrap(), Saved::Duplicate { id: id(1).to_string() });
    assert_eq!(store.prune(after(33)).await.unwrap(), 1);
    assert_eq!(kettles.save(insert()).await.unwrap(), Saved::Stored(1));
}

/// An aggregate may come again before what was left of it is gone.
#[tokio::test(flavor = "multi_thread")]
async fn the_deleted_comes_again() {
    let place = Place::on_shared().await;
    let store = place.open().await;
    let kettles = store.register::<Kettle>().await.unwrap();
    for _ in 0..2 {
        let kettle = Kettle { parts: vec!["lid".into()], ..a_kettle(1) };
        assert_eq!(kettles.save(Change::insert(kettle.clone(), vec![])).await.unwrap(), Saved::Stored(1));
        assert_eq!(kettles.find_by(Kettle::PART, "lid".into()).await.unwrap().unwrap().value, kettle);
        assert_eq!(kettles.save(Change::delete(1, kettle, vec![])).await.unwrap(), Saved::Stored(2));
    }
    assert_eq!(kettles.find_by(Kettle::PART, "lid".into()).await.unwrap(), None);
    let own: Collection<Document> = place.database().await.collection("kettle");
    let left = documents(&own).await;
    assert_eq!(left.len(), 1);
    assert!(!left[0].contains_key("state"), "nothing of what it was is left");
}
