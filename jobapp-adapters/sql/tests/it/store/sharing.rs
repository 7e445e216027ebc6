//! Stores of several services in one database.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jobapp_contracts::Harness;
use jobapp_contracts::fixture::{Kettle, KettleEvent, a_kettle, id};
use jobapp_contracts::leases::Desk;
use jobapp_kernel::{Cause, Change, MessageId, Repository, Saved, Timestamp};
use jobapp_sql::{Namespace, Seal, SqlConfig, SqlStore};
use sea_orm::{ConnectionTrait, Statement};
use tempfile::TempDir;

use super::{file_in, harness_of};

const LONG: Duration = Duration::from_secs(60);

fn config(folder: &Path, namespace: &str) -> SqlConfig {
    SqlConfig::file(file_in(folder)).namespace(Namespace::new(namespace).unwrap())
}

async fn open(folder: &Path, namespace: &str) -> SqlStore {
    SqlStore::open(config(folder, namespace)).await.unwrap()
}

async fn boil(kettles: &dyn Repository<Kettle>, number: u64) -> Saved {
    let change = Change::insert(a_kettle(number), vec![KettleEvent::Boiled { times: 1 }]);
    kettles.save(change.caused_by(Cause::message("kettles", format!("{number}")))).await.unwrap()
}

mod in_a_namespace {
    use super::*;

    /// A store beside that of another service, which has kettles and events too.
    async fn beside_another() -> Harness {
        let folder = TempDir::new().unwrap();
        let other = open(folder.path(), "other").await;
        let kettles = other.register::<Kettle>().await.unwrap();
        for number in 1..=3 {
            assert_eq!(boil(&*kettles, number).await, Saved::Stored(1));
        }
        assert_eq!(other.sequence().next("kettles", 1000).await.unwrap(), 1000);
        harness_of(open(folder.path(), "own").await, "own_kettle", None, Some(Arc::new(folder))).await
    }

    async fn desk() -> Desk {
        let folder = TempDir::new().unwrap();
        let other = open(folder.path(), "other").await.leases();
        for name in ["sweep", "prune", "round 0", "round 1"] {
            assert!(other.take(name, "z", LONG).await.unwrap());
        }
        let [leases, elsewhere] =
            [open(folder.path(), "own").await.leases(), open(folder.path(), "own").await.leases()];
        Desk { leases, elsewhere, keep: Arc::new(folder) }
    }

    jobapp_contracts::repository!(beside_another());
    jobapp_contracts::leases!(desk());
}

#[tokio::test]
async fn nobody_is_given_the_events_of_another_service() {
    let folder = TempDir::new().unwrap();
    let [order, auth] = [open(folder.path(), "order").await, open(folder.path(), "auth").await];
    let kettles = order.register::<Kettle>().await.unwrap();
    assert_eq!(boil(&*kettles, 1).await, Saved::Stored(1));
    assert_eq!(auth.outbox().lease("auth", LONG, 10).await.unwrap(), []);
    assert_eq!((auth.outbox().waiting().await.unwrap(), order.outbox().waiting().await.unwrap()), (0, 1));
    let entries = order.outbox().lease("order", LONG, 10).await.unwrap();
    assert_eq!(entries.len(), 1);
    let ids: Vec<MessageId> = entries.iter().map(|entry| entry.id.clone()).collect();
    auth.outbox().clear("order", &ids).await.unwrap();
    assert_eq!(order.outbox().waiting().await.unwrap(), 1);
}

#[tokio::test]
async fn services_with_aggregates_and_causes_of_the_same_name_do_not_meet() {
    let folder = TempDir::new().unwrap();
    let [chat, gig] = [open(folder.path(), "chat").await, open(folder.path(), "gig").await];
    let [of_chat, of_gig] = [chat.register::<Kettle>().await.unwrap(), gig.register::<Kettle>().await.unwrap()];
    assert_eq!(boil(&*of_chat, 1).await, Saved::Stored(1));
    assert_eq!(of_gig.find(&id(1)).await.unwrap(), None);
    assert_eq!(boil(&*of_gig, 1).await, Saved::Stored(1), "neither its id nor its cause is taken");
    assert!(matches!(boil(&*of_gig, 1).await, Saved::Duplicate { .. }));
    let in_centuries = Timestamp::EPOCH.plus(Duration::from_secs(10_000_000_000));
    assert_eq!(chat.prune(in_centuries).await.unwrap(), 1);
    assert!(matches!(boil(&*of_gig, 1).await, Saved::Duplicate { .. }), "each forgets its own causes");
}

#[tokio::test]
async fn each_outbox_is_sealed_by_itself() {
    let folder = TempDir::new().unwrap();
    let (clear, seal) = (open(folder.path(), "clear").await, Seal::new([7; Seal::KEY_BYTES]));
    assert_eq!(boil(&*clear.register::<Kettle>().await.unwrap(), 1).await, Saved::Stored(1));
    for _ in 0..2 {
        let sealed = SqlStore::open(config(folder.path(), "sealed").sealed(seal.clone())).await.unwrap();
        sealed.close().await.unwrap();
    }
    SqlStore::open(config(folder.path(), "sealed")).await.unwrap_err();
    let entries = open(folder.path(), "clear").await.outbox().lease("relay", LONG, 10).await.unwrap();
    assert_eq!(entries[0].event, serde_json::to_value(KettleEvent::Boiled { times: 1 }).unwrap());
}

/// The tables of a database that is a store's own are called as they always were.
#[tokio::test]
async fn a_file_of_an_earlier_program_is_used_as_it_is() {
    let folder = TempDir::new().unwrap();
    let store = SqlStore::open(SqlConfig::file(file_in(folder.path()))).await.unwrap();
    assert_eq!(boil(&*store.register::<Kettle>().await.unwrap(), 1).await, Saved::Stored(1));
    assert_eq!(store.sequence().next("kettles", 7).await.unwrap(), 7);
    let backend = store.database().get_database_backend();
    let sql = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'kettle__%' AND name NOT LIKE 'sqlite_%'";
    let rows = store.database().query_all_raw(Statement::from_string(backend, sql)).await.unwrap();
    let mut tables: Vec<String> = rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect();
    tables.sort_unstable();
    let known = [
        "jobapp_inbox",
        "jobapp_keys",
        "jobapp_leases",
        "jobapp_outbox",
        "jobapp_outbox_held",
        "jobapp_outbox_leases",
        "jobapp_sequences",
        "kettle",
    ];
    assert_eq!(tables, known);
    // Earlier programs knew of no leases, and had none of an outbox in tables of their own.
    for unknown in ["jobapp_leases", "jobapp_outbox_held", "jobapp_outbox_leases"] {
        store.database().execute_unprepared(&format!("DROP TABLE {unknown}")).await.unwrap();
    }
    store.close().await.unwrap();

    let store = SqlStore::open(SqlConfig::file(file_in(folder.path()))).await.unwrap();
    let kettles = store.register::<Kettle>().await.unwrap();
    assert!(kettles.find(&id(1)).await.unwrap().is_some());
    assert!(matches!(boil(&*kettles, 1).await, Saved::Duplicate { .. }));
    assert_eq!(store.outbox().lease("relay", LONG, 10).await.unwrap().len(), 1);
    assert_eq!(store.sequence().next("kettles", 7).await.unwrap(), 8);
    assert!(store.leases().take("sweep", "a", LONG).await.unwrap());
}
