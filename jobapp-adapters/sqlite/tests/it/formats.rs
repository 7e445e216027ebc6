//! The files are those of `jobapp-sql`.

use std::time::Duration;

use jobapp_contracts::fixture::{Kettle, KettleEvent, a_kettle, id};
use jobapp_kernel::{Cause, Change, PageRequest, Saved};
use jobapp_sql::{SqlConfig, SqlStore};
use jobapp_sqlite::{SqliteConfig, SqliteStore};
use tempfile::TempDir;

fn bought(number: u32) -> Change<Kettle> {
    let kettle = Kettle { tags: vec!["red".to_owned(), format!("tag {number}")], ..a_kettle(number.into()) };
    Change::insert(kettle, vec![KettleEvent::Boiled { times: number }]).caused_by(Cause::message("queue", "effect"))
}

#[tokio::test]
async fn either_store_goes_on_with_what_the_other_wrote() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("kettles.db");
    let older = SqlStore::open(SqlConfig::file(&path)).await.unwrap();
    let kettles = older.register::<Kettle>().await.unwrap();
    assert_eq!(kettles.save(bought(1)).await.unwrap(), Saved::Stored(1));
    assert_eq!(older.sequence().next("numbers", 7).await.unwrap(), 7);
    older.close().await.unwrap();

    let newer = SqliteStore::open(SqliteConfig::file(&path)).await.unwrap();
    let kettles = newer.register::<Kettle>().await.unwrap();
    assert!(matches!(kettles.save(bought(1)).await.unwrap(), Saved::Duplicate { .. }), "the cause is remembered");
    let stored = kettles.find_by(Kettle::SERIAL, a_kettle(1).serial.into()).await.unwrap().unwrap();
    let changed = Change::update(stored.version, stored.value, vec![KettleEvent::Scrapped]);
    assert_eq!(kettles.save(changed).await.unwrap(), Saved::Stored(2));
    assert_eq!(kettles.save(bought(2)).await.unwrap(), Saved::Stored(1));
    assert_eq!(newer.sequence().next("numbers", 7).await.unwrap(), 8);
    newer.close().await;

    let older = SqlStore::open(SqlConfig::file(&path)).await.unwrap();
    let kettles = older.register::<Kettle>().await.unwrap();
    let red = kettles.list(Kettle::TAG, "red".into(), PageRequest::first(10)).await.unwrap().items;
    assert_eq!(red.iter().map(|one| (one.value.id, one.version)).collect::<Vec<_>>(), [(id(1), 2), (id(2), 1)]);
    assert_eq!(older.sequence().next("numbers", 7).await.unwrap(), 9);
    let entries = older.outbox().lease("a relay", Duration::from_secs(30), 10).await.unwrap();
    let of: Vec<(String, u64)> = entries.into_iter().map(|entry| (entry.aggregate_id, entry.version)).collect();
    assert_eq!(of, [(id(1).to_string(), 1), (id(1).to_string(), 2), (id(2).to_string(), 1)]);
}
