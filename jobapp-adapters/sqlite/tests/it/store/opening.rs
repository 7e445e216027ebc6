//! Opening a store, and closing it.

use std::collections::BTreeMap;
use std::error::Error;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::Duration;

use jobapp_contracts::fixture::{Kettle, KettleEvent, a_kettle, at};
use jobapp_kernel::{Cause, Change, ErrorKind, FixedClock, Kinded, Saved};
use jobapp_sqlite::{OpenError, SqliteConfig, SqliteStore};
use tempfile::TempDir;

use super::file_in;

#[tokio::test]
async fn a_missing_folder_is_made() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("deep/down/kettles.db");
    SqliteStore::open(SqliteConfig::file(&path)).await.unwrap();
    assert!(path.exists());
}

#[tokio::test]
async fn characters_of_urls_are_fine_in_a_path() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("a b?mode=memory&x=%20#1.db");
    let store = SqliteStore::open(SqliteConfig::file(&path)).await.unwrap();
    store.register::<Kettle>().await.unwrap();
    assert!(path.exists());
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_is_named() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "no folder").unwrap();
    let error = SqliteStore::open(SqliteConfig::file(file.join("sub/kettles.db"))).await.unwrap_err();
    assert!(matches!(error, OpenError::Folder { .. }), "{error:?}");
    assert!(error.to_string().contains(&*file.join("sub").to_string_lossy()), "{error}");
}

#[tokio::test]
async fn a_file_that_is_no_database_is_named() {
    let folder = TempDir::new().unwrap();
    let path = file_in(folder.path());
    std::fs::write(&path, "this is no database, and long enough to be looked at ".repeat(20)).unwrap();
    let error = SqliteStore::open(SqliteConfig::file(&path)).await.unwrap_err();
    assert!(error.to_string().contains(&*path.to_string_lossy()), "{error}");
    assert!(error.source().unwrap().to_string().contains("not a database"), "{:?}", error.source());
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_is_named() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("locked/kettles.db");
    let locked = path.parent().unwrap();
    std::fs::create_dir(locked).unwrap();
    std::fs::set_permissions(locked, PermissionsExt::from_mode(0o500)).unwrap();
    let may_write_anywhere = std::fs::write(locked.join("probe"), "").is_ok();
    let opened = SqliteStore::open(SqliteConfig::file(&path)).await;
    std::fs::set_permissions(locked, PermissionsExt::from_mode(0o700)).unwrap();
    // Nothing is forbidden to a superuser.
    if !may_write_anywhere {
        let error = opened.unwrap_err();
        assert!(error.to_string().contains(&*path.to_string_lossy()), "{error}");
    }
}

#[tokio::test]
async fn files_are_written_ahead_and_flushed_at_every_commit() {
    let folder = TempDir::new().unwrap();
    let store = SqliteStore::open(SqliteConfig::file(file_in(folder.path()))).await.unwrap();
    for (name, value) in [("journal_mode", "wal"), ("synchronous", "2"), ("mmap_size", "0"), ("cache_size", "-1024")] {
        assert_eq!(store.pragma(name).await.unwrap(), value, "{name}");
    }
}

#[tokio::test]
async fn a_closed_store_is_unavailable() {
    let folder = TempDir::new().unwrap();
    let store = SqliteStore::open(SqliteConfig::file(file_in(folder.path()))).await.unwrap();
    let kettles = store.register::<Kettle>().await.unwrap();
    store.close().await;
    let error = kettles.save(Change::insert(a_kettle(1), vec![])).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.source().is_some());
    assert_eq!(kettles.find(&a_kettle(1).id).await.unwrap_err().kind(), ErrorKind::Unavailable);
}

#[tokio::test]
async fn a_database_that_turns_read_only_is_unavailable() {
    let store = SqliteStore::open(SqliteConfig::memory()).await.unwrap();
    let kettles = store.register::<Kettle>().await.unwrap();
    store.run_statements("PRAGMA query_only = ON").await.unwrap();
    let error = kettles.save(Change::insert(a_kettle(1), vec![])).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.source().unwrap().to_string().contains("readonly"), "{:?}", error.source());
}

#[tokio::test]
async fn a_damaged_outbox_entry_is_handed_out_as_unreadable_and_the_others_as_they_are() {
    let store = SqliteStore::open(SqliteConfig::memory()).await.unwrap();
    let kettles = store.register::<Kettle>().await.unwrap();
    for number in 1..=6 {
        let kettle = a_kettle(number);
        let event = KettleEvent::Bought { owner: kettle.owner.clone() };
        kettles.save(Change::insert(kettle, vec![event])).await.unwrap().version().unwrap();
    }
    let damages =
        ["event = 'no JSON'", "event = x'ff'", "headers = '[]'", "version = -1", "recorded_at = 9223372036854775807"];
    for (seq, damage) in (1..).zip(damages) {
        let sql = format!("UPDATE jobapp_outbox SET {damage} WHERE seq = {seq}");
        store.run_statements(sql).await.unwrap();
    }
    let entries = store.outbox().lease("a relay", Duration::from_secs(30), 10).await.unwrap();
    let readable: Vec<bool> = entries.iter().map(|entry| entry.why_unreadable().is_none()).collect();
    assert_eq!(readable, [false, false, false, false, false, true]);
    let owners: Vec<String> = entries.iter().map(|entry| entry.aggregate_id.clone()).collect();
    assert_eq!(owners, (1..=6).map(|number| a_kettle(number).id.to_string()).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_full_disk_is_unavailable_and_loses_nothing() {
    let folder = TempDir::new().unwrap();
    let store = SqliteStore::open(SqliteConfig::file(file_in(folder.path()))).await.unwrap();
    let kettles = store.register::<Kettle>().await.unwrap();
    kettles.save(Change::insert(a_kettle(1), vec![])).await.unwrap().version().unwrap();
    // As full as can be: the file may not grow by a page.
    store.run_statements("PRAGMA max_page_count = 1").await.unwrap();
    let big = Kettle { note: "x".repeat(1_000_000), ..a_kettle(2) };
    let error = kettles.save(Change::insert(big.clone(), vec![KettleEvent::Scrapped])).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.source().unwrap().to_string().contains("full"), "{:?}", error.source());
    assert_eq!(kettles.find(&a_kettle(1).id).await.unwrap().unwrap().value, a_kettle(1));
    assert_eq!(store.outbox().waiting().await.unwrap(), 0);
    store.run_statements("PRAGMA max_page_count = 1000000").await.unwrap();
    assert_eq!(kettles.save(Change::insert(big, vec![])).await.unwrap(), Saved::Stored(1));
}

#[tokio::test]
async fn what_is_confirmed_after_a_full_disk_is_there_for_others() {
    let folder = TempDir::new().unwrap();
    let store = SqliteStore::open(SqliteConfig::file(file_in(folder.path()))).await.unwrap();
    let kettles = store.register::<Kettle>().await.unwrap();
    kettles.save(Change::insert(a_kettle(1), vec![])).await.unwrap().version().unwrap();
    store.run_statements("PRAGMA max_page_count = 1").await.unwrap();
    let big = Kettle { note: "x".repeat(1_000_000), ..a_kettle(2) };
    kettles.save(Change::insert(big, vec![])).await.unwrap_err();
    // An ordinary refusal in between: it rolls back, too.
    let error = kettles.save(Change::insert(a_kettle(1), vec![])).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Taken);
    kettles.save(Change::insert(a_kettle(3), vec![])).await.unwrap().version().unwrap();
    let other = SqliteStore::open(SqliteConfig::file(file_in(folder.path()))).await.unwrap();
    let others = other.register::<Kettle>().await.unwrap();
    assert_eq!(others.find(&a_kettle(3).id).await.unwrap().unwrap().value, a_kettle(3));
}

#[tokio::test]
async fn entries_carry_the_headers_and_the_instant_of_their_change() {
    let clock = Arc::new(FixedClock::at(at(7)));
    let headers = || BTreeMap::from([("x-request-id".to_owned(), "r-1".to_owned())]);
    let config = SqliteConfig::memory().clock(clock).headers(Arc::new(headers));
    let store = SqliteStore::open(config).await.unwrap();
    let kettles = store.register::<Kettle>().await.unwrap();
    kettles.save(Change::insert(a_kettle(1), vec![KettleEvent::Scrapped])).await.unwrap().version().unwrap();
    let entries = store.outbox().lease("relay", Duration::from_secs(1), 10).await.unwrap();
    assert_eq!(entries[0].headers, headers());
    assert_eq!(entries[0].recorded_at, at(7));
}

#[tokio::test]
async fn old_causes_are_forgotten_and_young_ones_are_not() {
    let clock = Arc::new(FixedClock::at(at(0)));
    let store = SqliteStore::open(SqliteConfig::memory().clock(clock.clone())).await.unwrap();
    let kettles = store.register::<Kettle>().await.unwrap();
    let insert =
        |number| Change::insert(a_kettle(number), vec![]).caused_by(Cause::message("kettles", format!("{number}")));
    for number in 1..=1200 {
        kettles.save(insert(number)).await.unwrap().version().unwrap();
    }
    clock.advance(Duration::from_secs(60));
    kettles.save(insert(2000)).await.unwrap().version().unwrap();
    let thirty_days = Duration::from_secs(30 * 24 * 60 * 60);
    assert_eq!(store.prune(at(0).plus(thirty_days)).await.unwrap(), 0);
    assert_eq!(store.prune(at(1).plus(thirty_days)).await.unwrap(), 1200);
    assert!(matches!(kettles.save(insert(2000)).await.unwrap(), Saved::Duplicate { .. }));
    assert!(kettles.save(insert(1)).await.is_err(), "forgotten, so it is an insert of a taken id");
}
