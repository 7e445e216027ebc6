//! A store whose outbox is sealed.

use std::path::Path;
use std::time::Duration;

use jobapp_contracts::Harness;
use jobapp_contracts::fixture::{Kettle, KettleEvent, a_kettle};
use jobapp_kernel::{Change, Outbox};
use jobapp_sqlite::{Seal, SqliteConfig, SqliteStore};
use tempfile::TempDir;

use super::{file_in, harness};

const SECRET: &str = "reset_password?token=5eed5eed";

fn seal() -> Seal {
    Seal::new([7; Seal::KEY_BYTES])
}

fn config(folder: &Path) -> SqliteConfig {
    SqliteConfig::file(file_in(folder))
}

mod every_promise {
    use super::*;

    async fn sealed() -> Harness {
        harness(SqliteConfig::memory().sealed(seal()), None, None).await
    }

    jobapp_contracts::repository!(sealed());
}

async fn say(store: &SqliteStore, number: u64) {
    let kettles = store.register::<Kettle>().await.unwrap();
    let event = KettleEvent::Bought { owner: format!("{SECRET}{number}") };
    kettles.save(Change::insert(a_kettle(number), vec![event])).await.unwrap().version().unwrap();
}

async fn leased(outbox: &dyn Outbox) -> Vec<String> {
    let entries = outbox.lease("a relay", Duration::from_secs(30), 100).await.unwrap();
    entries.iter().map(|entry| entry.event.to_string()).collect()
}

/// The files of the folder that hold the secret.
fn telling(folder: &Path) -> Vec<String> {
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let tells = |path: &std::path::PathBuf| {
        std::fs::read(path).unwrap().windows(SECRET.len()).any(|window| window == SECRET.as_bytes())
    };
    files.filter(tells).map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect()
}

#[tokio::test]
async fn no_file_of_a_sealed_store_tells_what_is_in_its_events() {
    let folder = TempDir::new().unwrap();
    let store = SqliteStore::open(config(folder.path()).sealed(seal())).await.unwrap();
    say(&store, 1).await;
    assert_eq!(telling(folder.path()), Vec::<String>::new());
    assert!(leased(&*store.outbox()).await[0].contains(SECRET));
    store.close().await;
    assert_eq!(telling(folder.path()), Vec::<String>::new());
}

#[tokio::test]
async fn what_was_in_clear_is_sealed_and_overwritten_once_there_is_a_key() {
    let folder = TempDir::new().unwrap();
    let store = SqliteStore::open(config(folder.path())).await.unwrap();
    for number in 1..=40 {
        say(&store, number).await;
    }
    assert_ne!(telling(folder.path()), Vec::<String>::new(), "or the search is blind");
    // Half of them are gone, but what they were made of is still in the file.
    let entries = store.outbox().lease("a relay", Duration::from_secs(30), 20).await.unwrap();
    store.outbox().clear("a relay", &entries.iter().map(|entry| entry.id.clone()).collect::<Vec<_>>()).await.unwrap();
    drop(store);

    let store = SqliteStore::open(config(folder.path()).sealed(seal())).await.unwrap();
    assert_eq!(telling(folder.path()), Vec::<String>::new());
    let events = leased(&*store.outbox()).await;
    assert!(events.len() == 20 && events.iter().all(|event| event.contains(SECRET)), "{events:?}");
    store.close().await;
}

#[tokio::test]
async fn a_sealed_store_is_not_opened_without_its_key_and_says_so() {
    let folder = TempDir::new().unwrap();
    SqliteStore::open(config(folder.path()).sealed(seal())).await.unwrap().close().await;
    let error = SqliteStore::open(config(folder.path())).await.unwrap_err();
    assert!(format!("{error:?}").contains("no key was given"), "{error:?}");
}

#[tokio::test]
async fn with_another_key_an_entry_is_unreadable_and_the_values_are_not() {
    let folder = TempDir::new().unwrap();
    let store = SqliteStore::open(config(folder.path()).sealed(seal())).await.unwrap();
    say(&store, 1).await;
    store.close().await;
    let store = SqliteStore::open(config(folder.path()).sealed(Seal::new([8; Seal::KEY_BYTES]))).await.unwrap();
    let kettles = store.register::<Kettle>().await.unwrap();
    assert_eq!(kettles.find(&a_kettle(1).id).await.unwrap().unwrap().value, a_kettle(1));
    let entries = store.outbox().lease("a relay", Duration::from_secs(30), 100).await.unwrap();
    assert!(entries[0].why_unreadable().is_some_and(|why| why.contains("another key")), "{entries:?}");
}

#[tokio::test]
async fn a_sealed_event_cannot_be_moved_to_another_entry() {
    let store = SqliteStore::open(SqliteConfig::memory().sealed(seal())).await.unwrap();
    say(&store, 1).await;
    say(&store, 2).await;
    let moved = "UPDATE jobapp_outbox SET event = (SELECT event FROM jobapp_outbox WHERE seq = 1) WHERE seq = 2";
    store.run_statements(moved).await.unwrap();
    let entries = store.outbox().lease("a relay", Duration::from_secs(30), 100).await.unwrap();
    let readable: Vec<bool> = entries.iter().map(|entry| entry.why_unreadable().is_none()).collect();
    assert_eq!(readable, [true, false]);
}
