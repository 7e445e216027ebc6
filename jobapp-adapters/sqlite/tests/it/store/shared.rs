//! Writes that wait at the same time share a commit.

use std::time::{Duration, Instant};

use futures::future::join_all;
use jobapp_contracts::fixture::{Kettle, KettleEvent, a_kettle, id};
use jobapp_kernel::{Change, RepositoryError, Saved};
use jobapp_sqlite::{SqliteConfig, SqliteStore};
use tempfile::TempDir;

use super::file_in;

/// Keeps the writer busy while others come to wait for it.
const LONG: &str = "CREATE TABLE counted_up AS
    WITH RECURSIVE counted(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < 1000000)
    SELECT max(n) FROM counted";

fn one(number: u64) -> Change<Kettle> {
    Change::insert(a_kettle(number), vec![KettleEvent::Boiled { times: 1 }])
}

#[tokio::test]
async fn many_saves_share_a_commit() {
    let folder = TempDir::new().unwrap();
    let store = SqliteStore::open(SqliteConfig::file(file_in(folder.path()))).await.unwrap();
    let kettles = store.register::<Kettle>().await.unwrap();
    let before = store.commits();
    // On one thread: all of them are asked for before the first is answered.
    let (busy, saved) = tokio::join!(store.run_statements(LONG), join_all((1..=200).map(|n| kettles.save(one(n)))));
    busy.unwrap();
    assert!(saved.into_iter().all(|saved| saved.unwrap() == Saved::Stored(1)));
    assert_eq!(store.outbox().waiting().await.unwrap(), 200);
    let commits = store.commits() - before;
    assert!(commits <= 3, "{commits} commits");
}

#[tokio::test]
async fn who_saves_twice_waits_for_the_disk_once_unless_others_would_hear_of_the_first() {
    let folder = TempDir::new().unwrap();
    let store = SqliteStore::open(SqliteConfig::file(file_in(folder.path()))).await.unwrap();
    let kettles = store.register::<Kettle>().await.unwrap();
    let quiet = |number| Change::insert(a_kettle(number), vec![]);
    let before = store.waits();
    assert_eq!(kettles.save(quiet(1).before_another()).await.unwrap(), Saved::Stored(1));
    assert_eq!(store.waits() - before, 0);
    assert_eq!(kettles.save(quiet(2)).await.unwrap(), Saved::Stored(1));
    assert_eq!(store.waits() - before, 1);
    assert_eq!(kettles.save(one(3).before_another()).await.unwrap(), Saved::Stored(1));
    assert_eq!(store.waits() - before, 2, "its event may be relayed at once");
}

#[tokio::test]
async fn who_is_in_no_hurry_waits_for_others_unless_the_store_is_idle() {
    let folder = TempDir::new().unwrap();
    let config = SqliteConfig::file(file_in(folder.path())).patient(|| true);
    let store = SqliteStore::open(config).await.unwrap();
    let kettles = store.register::<Kettle>().await.unwrap();
    let begun = Instant::now();
    for number in 1..=11 {
        assert_eq!(kettles.save(one(number)).await.unwrap(), Saved::Stored(1));
    }
    assert!(begun.elapsed() >= Duration::from_millis(50), "each but the first was kept for 5 ms");
}

#[tokio::test]
async fn a_refused_save_harms_none_that_shares_its_commit() {
    let folder = TempDir::new().unwrap();
    let store = SqliteStore::open(SqliteConfig::file(file_in(folder.path()))).await.unwrap();
    let kettles = store.register::<Kettle>().await.unwrap();
    let twin = Change::insert(Kettle { serial: a_kettle(1).serial, ..a_kettle(2) }, vec![KettleEvent::Scrapped]);
    let stale = Change::update(7, a_kettle(1), vec![KettleEvent::Scrapped]);
    let saves = [one(1), twin, one(3), stale, one(4)].map(|change| kettles.save(change));
    let (busy, saved) = tokio::join!(store.run_statements(LONG), join_all(saves));
    busy.unwrap();
    let [first, twin, third, stale, fourth] = &saved[..] else { panic!("five") };
    assert!(matches!((first, third, fourth), (Ok(_), Ok(_), Ok(_))), "{saved:?}");
    assert!(matches!(twin, Err(RepositoryError::Taken { key: "serial", .. })), "{twin:?}");
    assert!(matches!(stale, Err(RepositoryError::Conflict { .. })), "{stale:?}");
    let entries = store.outbox().lease("a relay", Duration::from_secs(30), 10).await.unwrap();
    let of: Vec<String> = entries.into_iter().map(|entry| entry.aggregate_id).collect();
    assert_eq!(of, [1, 3, 4].map(|number| id(number).to_string()), "the refused ones left nothing");
}

#[tokio::test]
async fn whoever_stops_waiting_takes_nothing_back() {
    let folder = TempDir::new().unwrap();
    let store = SqliteStore::open(SqliteConfig::file(file_in(folder.path()))).await.unwrap();
    let kettles = store.register::<Kettle>().await.unwrap();
    let mut saving = Box::pin(kettles.save(one(1)));
    // Asked for once, and then forgotten.
    assert!(futures::poll!(&mut saving).is_pending());
    drop(saving);
    assert_eq!(kettles.save(one(2)).await.unwrap(), Saved::Stored(1));
    assert_eq!(kettles.scan(None, 10).await.unwrap().len(), 2);
    tokio::time::timeout(Duration::from_secs(20), store.outbox().changed()).await.expect("the relay is told");
    assert_eq!(store.outbox().waiting().await.unwrap(), 2);
}
