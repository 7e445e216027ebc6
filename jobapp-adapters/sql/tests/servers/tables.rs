//! What is in the tables, and how they change.

use jobapp_contracts::fixture::{Kettle, KettleEvent, a_kettle, id};
use jobapp_contracts::rekeyed::{Bare, Keyed, Owned, kettle, listed};
use jobapp_kernel::{Bounds, Change, PageRequest};
use jobapp_test_servers::Kind;
use sea_orm::ConnectionTrait;

use crate::place::Place;

/// Longer than MySQL's TEXT.
const LONG: usize = 300_000;

async fn long_states_and_events_are_kept_whole(kind: Kind) {
    let place = Place::on_shared(kind).await;
    let store = place.open().await;
    let kettles = store.register::<Kettle>().await.unwrap();
    // A character outside the basic plane takes four bytes.
    let long = Kettle { note: "🫖".repeat(LONG / 4), ..a_kettle(1) };
    let event = KettleEvent::Bought { owner: "o".repeat(LONG) };
    kettles.save(Change::insert(long.clone(), vec![event.clone()])).await.unwrap().version().unwrap();
    assert_eq!(kettles.find(&id(1)).await.unwrap().unwrap().value, long);
    let entries = store.outbox().lease("relay", std::time::Duration::from_secs(60), 1).await.unwrap();
    assert_eq!(entries[0].event, serde_json::to_value(&event).unwrap());
}

/// What collations take for the same, or sort otherwise, is told apart and in the order of its bytes.
async fn keys_are_compared_bytewise(kind: Kind) {
    let place = Place::on_shared(kind).await;
    let kettles = place.open().await.register::<Kettle>().await.unwrap();
    let mut serials = [
        "a", "A", "a ", " a", "á", "a\u{301}", "ss", "ß", "SS", "ﬁ", "fi", "🫖", "z", "Z", "_", "%", "\\", "'", "1",
        "01",
    ];
    for (number, serial) in (1..).zip(serials) {
        let kettle = Kettle { serial: serial.into(), owner: "o".into(), ..a_kettle(number) };
        kettles.save(Change::insert(kettle, vec![])).await.unwrap().version().unwrap();
    }
    for (number, serial) in (1..).zip(serials) {
        let found = kettles.find_by(Kettle::SERIAL, serial.into()).await.unwrap().unwrap();
        assert_eq!(found.value.id, id(number), "{serial:?}");
    }
    serials.sort_unstable();
    let mut page = PageRequest::first(3);
    let mut ordered = Vec::new();
    loop {
        let found = kettles.range(Kettle::SERIAL, Bounds { from: None, until: None }, page.clone()).await.unwrap();
        ordered.extend(found.items.into_iter().map(|stored| stored.value.serial));
        let Some(next) = found.next else { break };
        page = page.after(Some(next));
    }
    assert_eq!(ordered, serials);
}

/// A process that was there before keeps working while another adds keys: it names the columns it wants.
async fn a_store_that_runs_outlives_the_migration_of_another(kind: Kind) {
    let place = Place::on_shared(kind).await;
    let store = place.open().await;
    let bare = store.register::<Bare>().await.unwrap();
    bare.save(Change::insert(Bare(kettle(1)), vec![])).await.unwrap().version().unwrap();
    bare.find(&id(1)).await.unwrap().unwrap();
    bare.scan(None, 10).await.unwrap();
    let keyed = place.open().await.register::<Keyed>().await.unwrap();
    assert_eq!(listed(&*keyed, Keyed::TAG, "all").await, [id(1)]);
    bare.save(Change::update(1, Bare(kettle(1)), vec![])).await.unwrap().version().unwrap();
    bare.save(Change::insert(Bare(kettle(2)), vec![])).await.unwrap().version().unwrap();
    assert_eq!(bare.find(&id(1)).await.unwrap().unwrap().version, 2);
    assert_eq!(bare.scan(None, 10).await.unwrap().len(), 2);
}

/// MySQL commits at each change of a table: what a process that died in a migration has left is made anew by the next.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_migration_left_half_done_is_made_anew_on_mysql() {
    let place = Place::on_shared(Kind::MySql).await;
    let store = place.open().await;
    let bare = store.register::<Bare>().await.unwrap();
    for number in 1..=5 {
        bare.save(Change::insert(Bare(kettle(number)), vec![])).await.unwrap().version().unwrap();
    }
    for left in [
        "ALTER TABLE kettle ADD COLUMN k_serial VARBINARY(191), ADD COLUMN s_serial BIGINT NOT NULL DEFAULT 0",
        "UPDATE kettle SET k_serial = 'half done'",
        "ALTER TABLE kettle ADD COLUMN k_owner BIGINT",
        "CREATE INDEX by_kettle__owner ON kettle (k_owner)",
        "CREATE TABLE kettle__tag (id VARBINARY(191) NOT NULL, value VARBINARY(191) NOT NULL)",
        "INSERT INTO kettle__tag VALUES ('x', 'all')",
    ] {
        store.database().execute_unprepared(left).await.unwrap();
    }
    let keyed = place.open().await.register::<Keyed>().await.unwrap();
    for number in 1..=5 {
        let serial = kettle(number).serial;
        assert_eq!(keyed.find_by(Keyed::SERIAL, serial.into()).await.unwrap().unwrap().value.0, kettle(number));
    }
    assert_eq!(listed(&*keyed, Keyed::TAG, "all").await.len(), 5);
}

/// A migration that fails leaves the table such that the old program goes on and a better one migrates it.
async fn a_migration_that_fails_can_be_done_again(kind: Kind) {
    let place = Place::on_shared(kind).await;
    let store = place.open().await;
    let bare = store.register::<Bare>().await.unwrap();
    for number in 1..=3 {
        bare.save(Change::insert(Bare(kettle(number)), vec![])).await.unwrap().version().unwrap();
    }
    let spoil = "UPDATE kettle SET state = '{}', version = 7 WHERE id = (SELECT id FROM (SELECT MAX(id) AS id FROM kettle) last)";
    store.database().execute_unprepared(spoil).await.unwrap();
    assert!(store.register::<Keyed>().await.is_err());
    bare.save(Change::insert(Bare(kettle(4)), vec![])).await.unwrap().version().unwrap();
    store.database().execute_unprepared("DELETE FROM kettle WHERE version = 7").await.unwrap();
    let owned = store.register::<Owned>().await.unwrap();
    assert_eq!(listed(&*owned, Owned::OWNER, "owner 1").await, [id(4), id(1)]);
}

on!(postgres, Kind::Postgres,
    long_states_and_events_are_kept_whole
    keys_are_compared_bytewise
    a_store_that_runs_outlives_the_migration_of_another
    a_migration_that_fails_can_be_done_again
);
on!(mysql, Kind::MySql,
    long_states_and_events_are_kept_whole
    keys_are_compared_bytewise
    a_store_that_runs_outlives_the_migration_of_another
    a_migration_that_fails_can_be_done_again
);
