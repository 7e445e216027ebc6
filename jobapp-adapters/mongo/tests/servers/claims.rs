//! Claims that a crash has left, and those of many at once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::join_all;
use jobapp_contracts::fixture::{Kettle, KettleEvent, a_kettle, id};
use jobapp_kernel::{Cause, Change, PageRequest, Repository, RepositoryError, Saved};
use mongodb::Collection;
use mongodb::bson::oid::ObjectId;
use mongodb::bson::{Document, doc};

use crate::place::{Place, documents};

/// Kettles, and the claims on what they have.
async fn kettles(place: &Place) -> (Arc<dyn Repository<Kettle>>, Collection<Document>) {
    let kettles = place.open().await.register::<Kettle>().await.unwrap();
    (kettles, place.database().await.collection("jobapp_claims"))
}

/// A claim such as a process makes that then dies.
async fn left(claims: &Collection<Document>, claim: &str, owner: u64, mark: ObjectId) {
    claims.insert_one(doc! {"_id": claim, "owner": id(owner).to_string(), "mark": mark}).await.unwrap();
}

/// A mark as of long ago.
fn old() -> ObjectId {
    ObjectId::from_bytes([0, 0, 0, 7, 1, 1, 1, 1, 1, 1, 1, 1])
}

fn request(number: u64) -> Cause {
    Cause::Request {
        caller: "ada".into(),
        route: "POST /kettles".into(),
        key: format!("{number}"),
        body_hash: "b".into(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_crash_left_claimed_is_taken_over() {
    let place = Place::on_shared().await;
    let (kettles, claims) = kettles(&place).await;
    kettles.save(Change::insert(a_kettle(7), vec![])).await.unwrap().version().unwrap();
    // Its owner never came to be, is there and has another serial number, or is the one that asks.
    left(&claims, "kettle/serial/serial 1", 99, old()).await;
    left(&claims, "kettle/serial/serial 2", 7, old()).await;
    left(&claims, "kettle/serial/serial 3", 3, ObjectId::new()).await;
    let begun = Instant::now();
    for number in 1..=3 {
        assert_eq!(kettles.save(Change::insert(a_kettle(number), vec![])).await.unwrap(), Saved::Stored(1));
    }
    assert!(begun.elapsed() < Duration::from_secs(1), "nobody waits for what is old or one's own");
    for number in 1..=3 {
        let copy = Kettle { serial: format!("serial {number}"), ..a_kettle(50 + number) };
        assert_eq!(kettles.save(Change::insert(copy, vec![])).await.unwrap_err().taken_key(), Some("serial"));
    }
    assert_eq!(kettles.scan(None, 100).await.unwrap().len(), 4, "who holds the place of a claim's owner is nobody");
    assert_eq!(kettles.save(Change::insert(a_kettle(99), vec![])).await.unwrap(), Saved::Stored(1), "nor in its way");
}

/// Whoever claimed something just now may be about to write: it is waited for, and then passed over.
#[tokio::test(flavor = "multi_thread")]
async fn a_claim_of_just_now_keeps_nobody_for_long() {
    let place = Place::on_shared().await;
    let (kettles, claims) = kettles(&place).await;
    left(&claims, "kettle/part/lid", 99, ObjectId::new()).await;
    let kettle = Kettle { parts: vec!["lid".into()], ..a_kettle(1) };
    assert_eq!(kettles.save(Change::insert(kettle, vec![])).await.unwrap(), Saved::Stored(1));
}

/// The owner of a claim that was taken over from it cannot write what it was about to.
#[tokio::test(flavor = "multi_thread")]
async fn who_is_passed_over_begins_anew() {
    let place = Place::on_shared().await;
    let (kettles, claims) = kettles(&place).await;
    kettles.save(Change::insert(a_kettle(1), vec![])).await.unwrap().version().unwrap();
    let own = place.database().await.collection::<Document>("kettle");
    let before = documents(&own).await[0].get_object_id("stamp").unwrap();
    left(&claims, "kettle/nickname/Bubbles", 1, old()).await;
    let bubbles = |number| Kettle { nickname: Some("Bubbles".into()), ..a_kettle(number) };
    assert_eq!(kettles.save(Change::insert(bubbles(2), vec![])).await.unwrap(), Saved::Stored(1));
    assert_ne!(documents(&own).await[0].get_object_id("stamp").unwrap(), before, "a write that counts on it fails");
    let told = kettles.save(Change::update(1, bubbles(1), vec![])).await.unwrap_err();
    assert_eq!(told.taken_key(), Some("nickname"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_a_crash_left_claimed_is_made() {
    let place = Place::on_shared().await;
    let (kettles, _) = kettles(&place).await;
    let inbox: Collection<Document> = place.database().await.collection("jobapp_inbox");
    let claim = doc! {"_id": "r|kettle|ada|POST /kettles|1", "owner": id(99).to_string(), "mark": old(), "hash": "c"};
    inbox.insert_one(claim).await.unwrap();
    assert_eq!(kettles.caused(&request(1)).await.unwrap(), None);
    let insert = |number| Change::insert(a_kettle(number), vec![]).caused_by(request(1));
    assert_eq!(kettles.save(insert(1)).await.unwrap(), Saved::Stored(1));
    assert_eq!(kettles.save(insert(2)).await.unwrap(), Saved::Duplicate { id: id(1).to_string() });
    assert_eq!(kettles.caused(&request(1)).await.unwrap(), Some(id(1)));
}

/// What came to nothing claims nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_refused_change_gives_back_what_it_claimed() {
    let place = Place::on_shared().await;
    let (kettles, claims) = kettles(&place).await;
    let with_lid = |number| Kettle { parts: vec!["lid".into()], ..a_kettle(number) };
    kettles.save(Change::insert(with_lid(1), vec![])).await.unwrap().version().unwrap();
    let before = documents(&claims).await;
    let refused = Change::insert(Kettle { serial: "a".into(), nickname: Some("b".into()), ..with_lid(2) }, vec![]);
    assert_eq!(kettles.save(refused.caused_by(request(1))).await.unwrap_err().taken_key(), Some("part"));
    assert_eq!(documents(&claims).await, before);
    assert_eq!(documents(&place.database().await.collection("jobapp_inbox")).await, []);
    let version = kettles.save(Change::update(1, a_kettle(1), vec![])).await.unwrap().version().unwrap();
    kettles.save(Change::delete(version, a_kettle(1), vec![])).await.unwrap().version().unwrap();
    assert_eq!(documents(&claims).await, [], "what is given up is free at once");
}

/// Several handles move unique values between kettles, as fast as they can and all at once: in the end each value is had by one,
/// and every claim says whose it is.
#[tokio::test(flavor = "multi_thread")]
async fn values_that_move_are_had_by_one_each() {
    const KETTLES: u64 = 4;
    const ROUNDS: u64 = 25;
    let place = Place::on_shared().await;
    let (first, claims) = kettles(&place).await;
    let mut handles = vec![first];
    for _ in 0..2 {
        handles.push(place.open().await.register::<Kettle>().await.unwrap());
    }
    for number in 1..=KETTLES {
        handles[0].save(Change::insert(a_kettle(number), vec![])).await.unwrap().version().unwrap();
    }
    let moving = handles.iter().enumerate().map(|(handle, kettles)| {
        let kettles = Arc::clone(kettles);
        tokio::spawn(async move {
            for round in 0..ROUNDS {
                let number = 1 + (round + handle as u64) % KETTLES;
                let stored = kettles.find(&id(number)).await.unwrap().unwrap();
                let nickname = (round % 3 != 2).then(|| format!("nick {}", round % 2));
                let parts = vec![format!("part {}", (round + handle as u64) % 3)];
                let kettle = Kettle { nickname, parts, ..stored.value };
                let events = vec![KettleEvent::Boiled { times: 1 }];
                match kettles.save(Change::update(stored.version, kettle, events)).await {
                    Ok(_) | Err(RepositoryError::Conflict { .. } | RepositoryError::Taken { .. }) => {}
                    Err(other) => panic!("{other:?}"),
                }
            }
        })
    });
    for moved in join_all(moving).await {
        moved.unwrap();
    }
    let kettles = &handles[0];
    let mut had = Vec::new();
    for stored in kettles.scan(None, 100).await.unwrap() {
        let kettle = stored.value;
        let owner = kettle.id.to_string();
        had.push((format!("kettle/serial/{}", kettle.serial), owner.clone()));
        had.extend(kettle.nickname.map(|nickname| (format!("kettle/nickname/{nickname}"), owner.clone())));
        had.extend(kettle.parts.into_iter().map(|part| (format!("kettle/part/{part}"), owner.clone())));
    }
    had.sort_unstable();
    let mut claimed: Vec<(String, String)> = documents(&claims)
        .await
        .iter()
        .map(|claim| (claim.get_str("_id").unwrap().to_owned(), claim.get_str("owner").unwrap().to_owned()))
        .collect();
    // One that nobody has may be left where two were about to have the same; it is in nobody's way.
    claimed.retain(|claim| had.contains(claim));
    assert_eq!(claimed, had, "each value is claimed by who has it");
    for part in 0..3 {
        let page = kettles.list(Kettle::PART, format!("part {part}").into(), PageRequest::first(9)).await.unwrap();
        assert!(page.items.len() <= 1, "{:?}", page.items);
    }
}
