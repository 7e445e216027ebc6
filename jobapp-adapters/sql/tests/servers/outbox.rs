//! Leases of an outbox that several processes have.

use std::sync::Arc;
use std::time::Duration;

use jobapp_contracts::fixture::{Kettle, KettleEvent, a_kettle, id};
use jobapp_kernel::{Change, MessageId, OutboxEntry};
use jobapp_sql::SqlStore;
use jobapp_test_servers::Kind;
use sea_orm::{ConnectionTrait, Statement};

use crate::cuts::until;
use crate::place::{Place, config};

const LONG: Duration = Duration::from_secs(600);
/// A time that is over at once.
const OVER: Duration = Duration::from_millis(1);

async fn boil(store: &SqlStore, numbers: impl Iterator<Item = u64>) {
    let kettles = store.register::<Kettle>().await.unwrap();
    for number in numbers {
        let change = Change::insert(a_kettle(number), vec![KettleEvent::Boiled { times: 1 }]);
        kettles.save(change).await.unwrap().version().unwrap();
    }
}

fn ids(entries: &[OutboxEntry]) -> Vec<MessageId> {
    entries.iter().map(|entry| entry.id.clone()).collect()
}

/// Two processes with one outbox, of which one has lost its lease of the only entry to the other.
async fn one_that_came_too_late(kind: Kind) -> (Arc<Place>, [SqlStore; 2], Vec<OutboxEntry>) {
    let place = Place::on_shared(kind).await;
    let (late, other) = (place.open().await, place.open().await);
    boil(&late, 1..=1).await;
    let entries = late.outbox().lease("late", OVER, 10).await.unwrap();
    assert_eq!(entries.len(), 1);
    until("the lease is over", async || other.outbox().lease("other", LONG, 10).await.unwrap() == entries).await;
    (place, [late, other], entries)
}

/// It must not take away what another is about to publish.
async fn who_lost_a_lease_clears_nothing(kind: Kind) {
    let (_place, [late, other], entries) = one_that_came_too_late(kind).await;
    late.outbox().clear("late", &ids(&entries)).await.unwrap();
    assert_eq!(other.outbox().waiting().await.unwrap(), 1);
    other.outbox().clear("other", &ids(&entries)).await.unwrap();
    assert_eq!(other.outbox().waiting().await.unwrap(), 0);
}

/// Nor hold it back.
async fn who_lost_a_lease_holds_nothing_back(kind: Kind) {
    let (_place, [late, other], entries) = one_that_came_too_late(kind).await;
    late.outbox().hold_back("late", &[(entries[0].id.clone(), LONG)]).await.unwrap();
    assert_eq!(other.outbox().stuck().await.unwrap(), 0);
    assert_eq!(other.outbox().lease("other", LONG, 10).await.unwrap(), entries);
}

/// A lease is of the process that was given it.
async fn a_process_clears_nothing_of_another(kind: Kind) {
    let place = Place::on_shared(kind).await;
    let (one, other) = (place.open().await, place.open().await);
    boil(&one, 1..=3).await;
    let entries = one.outbox().lease("one", LONG, 2).await.unwrap();
    assert_eq!(other.outbox().lease("other", LONG, 2).await.unwrap().len(), 1);
    other.outbox().clear("other", &ids(&entries)).await.unwrap();
    assert_eq!(other.outbox().waiting().await.unwrap(), 3);
    one.outbox().clear("one", &ids(&entries)).await.unwrap();
    assert_eq!(other.outbox().waiting().await.unwrap(), 1);
}

/// Names of processes that are gone are not kept for ever, nor is what was held back and went.
async fn what_is_over_leaves_nothing_behind(kind: Kind) {
    let place = Place::on_shared(kind).await;
    let store = place.open().await;
    let outbox = store.outbox();
    boil(&store, 1..=2).await;
    let entries = outbox.lease("gone", LONG, 1).await.unwrap();
    outbox.hold_back("gone", &[(entries[0].id.clone(), OVER)]).await.unwrap();
    assert_eq!(outbox.stuck().await.unwrap(), 1);
    outbox.lease("gone", OVER, 1).await.unwrap();
    until("everything is free", async || outbox.lease("here", LONG, 10).await.unwrap().len() == 2).await;
    let rows = async |table: &str| place.number(&format!("SELECT COUNT(*) FROM {}.{table}", place.name)).await;
    assert_eq!((rows("jobapp_outbox_leases").await, rows("jobapp_outbox_held").await), (1, 0));
    assert_eq!(outbox.stuck().await.unwrap(), 0);
}

/// However much waits, and however much of it is leased to others.
#[tokio::test(flavor = "multi_thread")]
async fn a_lease_on_mysql_reads_little_more_than_it_hands_out() {
    const WAITING: u64 = 600;
    let place = Place::on_shared(Kind::MySql).await;
    let mut url = place.url();
    // One connection, so that its session counts what the store did.
    url.set_query(Some("connections=1"));
    let store = SqlStore::open(config(&url)).await.unwrap();
    boil(&store, 1..=WAITING).await;
    let read = async || {
        let database = store.database();
        let question = "SHOW SESSION STATUS LIKE 'Handler_read%'";
        let question = Statement::from_string(database.get_database_backend(), question);
        let rows = database.query_all_raw(question).await.unwrap();
        rows.iter().map(|row| row.try_get_by_index::<String>(1).unwrap().parse::<u64>().unwrap()).sum::<u64>()
    };
    assert_eq!(store.outbox().lease("one", LONG, 100).await.unwrap().len(), 100);
    // Looking at the count counts too.
    let (first, before) = (read().await, read().await);
    let entries = store.outbox().lease("other", LONG, 100).await.unwrap();
    store.outbox().clear("other", &ids(&entries)).await.unwrap();
    let rows = read().await - before - (before - first);
    assert_eq!(entries[0].aggregate_id, id(101).to_string());
    // Of each entry that is passed by, leased or cleared: itself, whether it is leased to others, whether it is held back.
    assert!((100..=1000).contains(&rows), "{rows} rows were read");
}

on!(postgres, Kind::Postgres,
    who_lost_a_lease_clears_nothing
    who_lost_a_lease_holds_nothing_back
    a_process_clears_nothing_of_another
    what_is_over_leaves_nothing_behind
);
on!(mysql, Kind::MySql,
    who_lost_a_lease_clears_nothing
    who_lost_a_lease_holds_nothing_back
    a_process_clears_nothing_of_another
    what_is_over_leaves_nothing_behind
);
