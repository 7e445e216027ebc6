//! Keys that are declared later.

use std::error::Error;

use jobapp_contracts::fixture::{Kettle, id};
use jobapp_contracts::rekeyed::{Bare, Keyed, OneEach, OneTagEach, Owned, fill, kettle, listed};
use jobapp_kernel::{Bounds, Change, ObjectId, PageRequest};
use jobapp_sqlite::{OpenError, SqliteConfig, SqliteStore};
use tempfile::TempDir;

use super::file_in;

async fn memory_with_bare(count: u64) -> SqliteStore {
    let store = SqliteStore::open(SqliteConfig::memory()).await.unwrap();
    let bare = store.register::<Bare>().await.unwrap();
    fill(&*bare, count).await;
    store
}

#[tokio::test]
async fn new_keys_of_every_sort_are_filled_from_what_is_stored() {
    let store = memory_with_bare(450).await;
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

#[tokio::test]
async fn a_new_unique_key_is_a_constraint() {
    let store = memory_with_bare(2).await;
    let kettles = store.register::<Keyed>().await.unwrap();
    let copy = Keyed(Kettle { serial: "serial 1".into(), ..kettle(3) });
    assert_eq!(kettles.save(Change::insert(copy, vec![])).await.unwrap_err().taken_key(), Some("serial"));
    let copy = Keyed(Kettle { parts: vec!["lid 2".into()], ..kettle(3) });
    assert_eq!(kettles.save(Change::insert(copy, vec![])).await.unwrap_err().taken_key(), Some("part"));
    kettles.save(Change::insert(Keyed(kettle(3)), vec![])).await.unwrap().version().unwrap();
}

#[tokio::test]
async fn a_new_unique_key_that_does_not_hold_is_refused_and_changes_nothing() {
    let store = memory_with_bare(5).await;
    let error = store.register::<OneEach>().await.err().unwrap();
    assert!(matches!(error, OpenError::NotUnique { aggregate: "kettle", key: "owner", .. }), "{error:?}");
    let error = store.register::<OneTagEach>().await.err().unwrap();
    assert!(error.to_string().contains("kettle"), "{error:?}");
    let bare = store.register::<Bare>().await.unwrap();
    bare.save(Change::insert(Bare(kettle(6)), vec![])).await.unwrap().version().unwrap();
    assert_eq!(bare.scan(None, 100).await.unwrap().len(), 6);
}

#[tokio::test]
async fn a_stored_value_that_cannot_be_read_stops_the_migration_and_is_named() {
    let store = memory_with_bare(3).await;
    store.run_statements("UPDATE kettle SET state = '{}' WHERE version = 1").await.unwrap();
    let error = store.register::<Keyed>().await.err().unwrap();
    assert!(matches!(error, OpenError::Migrate { aggregate: "kettle", .. }), "{error:?}");
    assert!(error.source().unwrap().to_string().contains(&id(1).to_string()), "{:?}", error.source());
}

#[tokio::test]
async fn a_key_that_is_declared_otherwise_is_made_anew() {
    let store = memory_with_bare(1).await;
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

#[tokio::test]
async fn a_key_that_is_no_longer_declared_constrains_nothing() {
    let store = memory_with_bare(0).await;
    let keyed = store.register::<Keyed>().await.unwrap();
    keyed.save(Change::insert(Keyed(kettle(1)), vec![])).await.unwrap().version().unwrap();
    let owned = store.register::<Owned>().await.unwrap();
    for number in 2..=3 {
        let copy = Owned(Kettle { id: id(number), ..kettle(1) });
        owned.save(Change::insert(copy, vec![])).await.unwrap().version().unwrap();
    }
    assert_eq!(listed(&*owned, Owned::OWNER, "owner 1").await.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn stores_that_are_opened_together_migrate_once() {
    let folder = TempDir::new().unwrap();
    let path = file_in(folder.path());
    let store = SqliteStore::open(SqliteConfig::file(&path)).await.unwrap();
    let bare = store.register::<Bare>().await.unwrap();
    fill(&*bare, 50).await;
    let opening = (0..4).map(|_| {
        let path = path.clone();
        tokio::spawn(async move { SqliteStore::open(SqliteConfig::file(path)).await?.register::<Keyed>().await })
    });
    for opened in futures::future::join_all(opening).await {
        let kettles = opened.unwrap().unwrap();
        assert_eq!(listed(&*kettles, Keyed::TAG, "all").await.len(), 50);
    }
}
