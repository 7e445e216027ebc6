//! Keys that are declared later.

use std::error::Error;
use std::sync::Arc;

use jobapp_contracts::fixture::{Kettle, id};
use jobapp_contracts::rekeyed::{Bare, Keyed, OneEach, OneTagEach, Owned, fill, kettle, listed};
use jobapp_kernel::{Bounds, Change, ObjectId, PageRequest};
use jobapp_mongo::{MongoStore, MongoStoreError};
use mongodb::bson::{Document, doc};

use crate::place::{Place, documents};

async fn with_bare(store: &MongoStore, count: u64) {
    let bare = store.register::<Bare>().await.unwrap();
    fill(&*bare, count).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn new_keys_of_every_sort_are_filled_from_what_is_stored() {
    let place = Place::on_shared().await;
    let store = &place.open().await;
    with_bare(store, 450).await;
    let kettles = store.register::<Keyed>().await.unwrap();
    let by_serial = kettles.find_by(Keyed::SERIAL, "serial 7".into()).await.unwrap().unwrap();
    assert_eq!((by_serial.value.0, by_serial.version), (kettle(7), 1));
    assert_eq!(kettles.find_by(Keyed::NICKNAME, "nick 8".into()).await.unwrap().unwrap().value.0, kettle(8));
    assert_eq!(kettles.find_by(Keyed::PART, "spout 450".into()).await.unwrap().unwrap().value.0, kettle(450));
    let of_owner: Vec<ObjectId> = (1..=450).rev().filter(|number| number % 3 == 1).map(id).collect();
    assert_eq!(listed(&*kettles, Keyed::OWNER, "owner 1").await, of_owner, "by age");
    assert_eq!(listed(&*kettles, Keyed::TAG, "all").await.len(), 450);
    let bounds = Bounds { from: Some(449.into()), until: None };
    assert_eq!(kettles.range(Keyed::PRICE, bounds, PageRequest::first(9)).await.unwrap().items.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_unique_key_is_a_constraint() {
    let place = Place::on_shared().await;
    let store = &place.open().await;
    with_bare(store, 2).await;
    let kettles = store.register::<Keyed>().await.unwrap();
    let copy = Keyed(Kettle { serial: "serial 1".into(), ..kettle(3) });
    assert_eq!(kettles.save(Change::insert(copy, vec![])).await.unwrap_err().taken_key(), Some("serial"));
    let copy = Keyed(Kettle { parts: vec!["lid 2".into()], ..kettle(3) });
    assert_eq!(kettles.save(Change::insert(copy, vec![])).await.unwrap_err().taken_key(), Some("part"));
    kettles.save(Change::insert(Keyed(kettle(3)), vec![])).await.unwrap().version().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_unique_key_that_does_not_hold_is_refused_and_changes_nothing() {
    let place = Place::on_shared().await;
    let store = &place.open().await;
    with_bare(store, 5).await;
    let error = store.register::<OneEach>().await.err().unwrap();
    assert!(matches!(error, MongoStoreError::NotUnique { aggregate: "kettle", key: "owner" }), "{error:?}");
    let error = store.register::<OneTagEach>().await.err().unwrap();
    assert!(error.to_string().contains("kettle"), "{error:?}");
    let bare = store.register::<Bare>().await.unwrap();
    bare.save(Change::insert(Bare(kettle(6)), vec![])).await.unwrap().version().unwrap();
    assert_eq!(bare.scan(None, 100).await.unwrap().len(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stored_value_that_cannot_be_read_stops_the_migration_and_is_named() {
    let place = Place::on_shared().await;
    let store = &place.open().await;
    with_bare(store, 3).await;
    let kettles = store.database().collection::<Document>("kettle");
    kettles.update_many(doc! {"version": 1}, doc! {"$set": {"state": "{}"}}).await.unwrap();
    let error = store.register::<Keyed>().await.err().unwrap();
    assert!(matches!(error, MongoStoreError::Migrate { aggregate: "kettle", .. }), "{error:?}");
    assert!(error.source().unwrap().to_string().contains(&id(1).to_string()), "{:?}", error.source());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_declared_otherwise_is_made_anew() {
    let place = Place::on_shared().await;
    let store = &place.open().await;
    with_bare(store, 1).await;
    store.register::<Owned>().await.unwrap();
    let unique = store.register::<OneEach>().await.unwrap();
    assert!(unique.find_by(OneEach::OWNER, "owner 1".into()).await.unwrap().is_some());
    let second = OneEach(Kettle { owner: "owner 1".into(), ..kettle(2) });
    assert_eq!(unique.save(Change::insert(second, vec![])).await.unwrap_err().taken_key(), Some("owner"));
    let shared = store.register::<Owned>().await.unwrap();
    let second = Owned(Kettle { owner: "owner 1".into(), ..kettle(2) });
    shared.save(Change::insert(second, vec![])).await.unwrap().version().unwrap();
    assert_eq!(listed(&*shared, Owned::OWNER, "owner 1").await, [id(2), id(1)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_no_longer_declared_constrains_nothing() {
    let place = Place::on_shared().await;
    let store = &place.open().await;
    with_bare(store, 0).await;
    let keyed = store.register::<Keyed>().await.unwrap();
    keyed.save(Change::insert(Keyed(kettle(1)), vec![])).await.unwrap().version().unwrap();
    let owned = store.register::<Owned>().await.unwrap();
    for number in 2..=3 {
        let copy = Owned(Kettle { id: id(number), ..kettle(1) });
        owned.save(Change::insert(copy, vec![])).await.unwrap().version().unwrap();
    }
    assert_eq!(listed(&*owned, Owned::OWNER, "owner 1").await.len(), 3);
}

/// However many processes find at once that a key is missing, one adds it and the others find it.
#[tokio::test(flavor = "multi_thread")]
async fn stores_that_are_opened_together_migrate_once() {
    let place = Place::on_shared().await;
    with_bare(&place.open().await, 50).await;
    let registering = (0..4).map(|_| {
        let place = Arc::clone(&place);
        tokio::spawn(async move {
            let kettles = place.open().await.register::<Keyed>().await.unwrap();
            listed(&*kettles, Keyed::TAG, "all").await.len()
        })
    });
    for found in futures::future::join_all(registering).await {
        assert_eq!(found.unwrap(), 50);
    }
}

/// A process that was there before keeps working while another adds keys.
#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_runs_outlives_the_migration_of_another() {
    let place = Place::on_shared().await;
    let store = place.open().await;
    with_bare(&store, 1).await;
    let bare = store.register::<Bare>().await.unwrap();
    let keyed = place.open().await.register::<Keyed>().await.unwrap();
    assert_eq!(listed(&*keyed, Keyed::TAG, "all").await, [id(1)]);
    bare.save(Change::update(1, Bare(kettle(1)), vec![])).await.unwrap().version().unwrap();
    bare.save(Change::insert(Bare(kettle(2)), vec![])).await.unwrap().version().unwrap();
    assert_eq!(bare.find(&id(1)).await.unwrap().unwrap().version, 2);
    bare.save(Change::delete(2, Bare(kettle(1)), vec![])).await.unwrap().version().unwrap();
    assert_eq!(listed(&*keyed, Keyed::TAG, "all").await, [], "what it deletes is gone from keys it does not know");
    let heir = Keyed(Kettle { id: id(3), ..kettle(1) });
    keyed.save(Change::insert(heir, vec![])).await.unwrap().version().unwrap();
}

/// What a process that died in a migration has left is made anew by the next.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_migration_left_half_done_is_made_anew() {
    let place = Place::on_shared().await;
    let store = place.open().await;
    with_bare(&store, 5).await;
    let database = place.database().await;
    let left = doc! {"$set": {"k_serial": "half done", "k_owner": 7, "k_tag": ["all", "none"], "s_tag": 0_i64}};
    database.collection::<Document>("kettle").update_many(doc! {}, left).await.unwrap();
    let claims = database.collection::<Document>("jobapp_claims");
    claims.insert_one(doc! {"_id": "kettle/serial/half done", "owner": id(1).to_string()}).await.unwrap();
    claims.insert_one(doc! {"_id": "kettle/serial/serial 3", "owner": id(1).to_string()}).await.unwrap();
    let keyed = place.open().await.register::<Keyed>().await.unwrap();
    for number in 1..=5 {
        let serial = kettle(number).serial;
        assert_eq!(keyed.find_by(Keyed::SERIAL, serial.into()).await.unwrap().unwrap().value.0, kettle(number));
    }
    assert_eq!(keyed.find_by(Keyed::SERIAL, "half done".into()).await.unwrap(), None);
    assert_eq!(listed(&*keyed, Keyed::TAG, "all").await.len(), 5);
    assert_eq!(listed(&*keyed, Keyed::TAG, "none").await, []);
}

/// A migration that fails leaves nothing of the new keys: the old program goes on, and a better one migrates.
#[tokio::test(flavor = "multi_thread")]
async fn a_migration_that_fails_can_be_done_again() {
    let place = Place::on_shared().await;
    let store = place.open().await;
    with_bare(&store, 3).await;
    let kettles = place.database().await.collection::<Document>("kettle");
    let last = doc! {"_id": id(3).to_string()};
    kettles.update_one(last.clone(), doc! {"$set": {"state": "{}"}}).await.unwrap();
    assert!(store.register::<Keyed>().await.is_err());
    let left: Vec<String> = documents(&kettles).await.iter().flat_map(|kettle| kettle.keys().cloned()).collect();
    assert!(!left.iter().any(|field| field.starts_with("k_")), "{left:?}");
    assert_eq!(documents(&place.database().await.collection("jobapp_claims")).await, []);
    let bare = store.register::<Bare>().await.unwrap();
    bare.save(Change::insert(Bare(kettle(4)), vec![])).await.unwrap().version().unwrap();
    kettles.delete_one(last).await.unwrap();
    let owned = store.register::<Owned>().await.unwrap();
    assert_eq!(listed(&*owned, Owned::OWNER, "owner 1").await, [id(4), id(1)]);
}
