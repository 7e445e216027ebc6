//! Databases in trouble: full, damaged, gone.

use std::io::{Seek, SeekFrom, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use jobapp_contracts::fixture::{Kettle, a_kettle};
use jobapp_kernel::Change;
use jobapp_sql::{Fault, SqlConfig, SqlStore};
use sea_orm::ConnectionTrait;
use tempfile::TempDir;

use super::file_in;

/// A closed database of many pages.
async fn with_many_kettles(folder: &Path) {
    let store = SqlStore::open(SqlConfig::file(file_in(folder))).await.unwrap();
    let kettles = store.register::<Kettle>().await.unwrap();
    for number in 1..=60 {
        let kettle = Kettle { note: "n".repeat(2_000), ..a_kettle(number) };
        kettles.save(Change::insert(kettle, vec![])).await.unwrap().version().unwrap();
    }
    store.close().await.unwrap();
}

/// Overwrites some pages in the middle of a file.
fn damage(path: &Path) {
    let mut file = std::fs::OpenOptions::new().write(true).open(path).unwrap();
    let middle = file.metadata().unwrap().len() / 2 / 4096 * 4096;
    file.seek(SeekFrom::Start(middle)).unwrap();
    file.write_all(&[0xa5; 3 * 4096]).unwrap();
}

async fn limit_pages(store: &SqlStore, pages: u32) {
    store.database().execute_unprepared(&format!("PRAGMA max_page_count = {pages}")).await.unwrap();
}

#[tokio::test]
async fn a_full_disk_is_told_until_a_large_write_would_succeed() {
    let folder = TempDir::new().unwrap();
    let store = SqlStore::open(SqlConfig::file(file_in(folder.path()))).await.unwrap();
    let kettles = store.register::<Kettle>().await.unwrap();
    assert_eq!(store.fault().await, None);
    limit_pages(&store, 1).await;
    let big = Kettle { note: "x".repeat(1_000_000), ..a_kettle(2) };
    kettles.save(Change::insert(big.clone(), vec![])).await.unwrap_err();
    // The connection that met the limit may have been replaced by another one.
    limit_pages(&store, 1).await;
    for _ in 0..3 {
        assert_eq!(store.fault().await, Some(Fault::Full));
    }
    limit_pages(&store, 1_000_000).await;
    tokio::time::timeout(Duration::from_secs(20), async {
        while store.fault().await.is_some() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("it passes");
    kettles.save(Change::insert(big, vec![])).await.unwrap().version().unwrap();
}

#[tokio::test]
async fn what_is_refused_for_other_reasons_is_no_trouble() {
    let store = SqlStore::open(SqlConfig::memory()).await.unwrap();
    let kettles = store.register::<Kettle>().await.unwrap();
    kettles.save(Change::insert(a_kettle(1), vec![])).await.unwrap().version().unwrap();
    kettles.save(Change::insert(a_kettle(1), vec![])).await.unwrap_err();
    assert_eq!(store.fault().await, None);
}

#[tokio::test]
async fn a_file_that_is_removed_while_it_is_open_is_told() {
    let folder = TempDir::new().unwrap();
    let store = SqlStore::open(SqlConfig::file(file_in(folder.path()))).await.unwrap();
    assert_eq!(store.fault().await, None);
    std::fs::rename(file_in(folder.path()), folder.path().join("aside.db")).unwrap();
    assert_eq!(store.fault().await, Some(Fault::Gone));
    std::fs::copy(folder.path().join("aside.db"), file_in(folder.path())).unwrap();
    assert_eq!(store.fault().await, Some(Fault::Gone), "another file is not the one that is open");
    std::fs::rename(folder.path().join("aside.db"), file_in(folder.path())).unwrap();
    assert_eq!(store.fault().await, None);
}

#[tokio::test]
async fn a_damaged_file_is_told_from_a_full_disk_and_from_a_missing_right() {
    let folder = TempDir::new().unwrap();
    let path = file_in(folder.path());
    for content in ["this is no database, and long enough to be looked at ".repeat(20), "x".repeat(4096)] {
        std::fs::write(&path, content).unwrap();
        let error = SqlStore::open(SqlConfig::file(&path)).await.unwrap_err();
        assert_eq!(error.fault(), Some(Fault::Damaged), "{error:?}");
        let text = error.to_string();
        assert!(text.contains("damaged") && text.contains(path.to_str().unwrap()) && !text.contains("full"), "{text}");
    }
    let error = SqlStore::open(SqlConfig::file(folder.path())).await.unwrap_err();
    assert_eq!(error.fault(), Some(Fault::Unopenable), "{error:?}");
}

#[tokio::test]
async fn damage_that_is_met_while_it_runs_is_told() {
    let folder = TempDir::new().unwrap();
    with_many_kettles(folder.path()).await;
    let store = SqlStore::open(SqlConfig::file(file_in(folder.path()))).await.unwrap();
    let kettles = store.register::<Kettle>().await.unwrap();
    damage(&file_in(folder.path()));
    kettles.scan(None, 1_000).await.unwrap_err();
    assert_eq!(store.fault().await, Some(Fault::Damaged));
    assert_eq!(store.fault().await, Some(Fault::Damaged), "it does not pass");
}

#[tokio::test]
async fn new_files_are_for_their_owner_whatever_the_mask() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("deep").join("kettles.db");
    let store = SqlStore::open(SqlConfig::file(&path)).await.unwrap();
    let kettles = store.register::<Kettle>().await.unwrap();
    kettles.save(Change::insert(a_kettle(1), vec![])).await.unwrap().version().unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(path.parent().unwrap()), 0o700);
    for rest in ["", "-wal", "-shm"] {
        assert_eq!(mode(Path::new(&format!("{}{rest}", path.display()))), 0o600, "{rest}");
    }
}

#[tokio::test]
async fn what_another_writer_is_in_the_way_of_is_tried_again() {
    let folder = TempDir::new().unwrap();
    let store = SqlStore::open(SqlConfig::file(file_in(folder.path()))).await.unwrap();
    let kettles = store.register::<Kettle>().await.unwrap();
    // From now on the database says at once that it is busy, as another one says that it ended a deadlock.
    store.database().execute_unprepared("PRAGMA busy_timeout = 0").await.unwrap();
    let other = rusqlite::Connection::open(file_in(folder.path())).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let (sequence, leases) = (store.sequence(), store.leases());
    let working = tokio::spawn(async move {
        let saved = kettles.save(Change::insert(a_kettle(1), vec![])).await.unwrap();
        let number = sequence.next("kettles", 1).await.unwrap();
        (saved.version(), number, leases.take("sweep", "a", Duration::from_secs(1)).await.unwrap())
    });
    for _ in 0..20 {
        tokio::time::sleep(Duration::from_millis(10)).await;
        assert!(!working.is_finished());
    }
    other.execute_batch("COMMIT").unwrap();
    assert_eq!(working.await.unwrap(), (Some(1), 1, true));
}
