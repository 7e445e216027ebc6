//! Every question is answered by an index.

use jobapp_contracts::fixture::{Kettle, KettleEvent, a_kettle, id};
use jobapp_kernel::{Aggregate, Bounds, Change, Cursor, KeyValue, PageRequest};
use jobapp_sql::SqlStore;
use jobapp_test_servers::Kind;
use sea_orm::{ConnectionTrait, Statement};

use crate::cuts::until;
use crate::place::{Place, config};

const KETTLES: u64 = 200;

/// A store with one connection, so that what its session counts is what the store did.
async fn with_kettles(place: &Place, setting: Option<(&str, &str)>) -> SqlStore {
    let mut url = place.url();
    let rest: Vec<(String, String)> =
        url.query_pairs().into_owned().filter(|(name, _)| name != "connections").collect();
    url.query_pairs_mut().clear().extend_pairs(rest).append_pair("connections", "1");
    if let Some((name, value)) = setting {
        url.query_pairs_mut().append_pair(name, value);
    }
    let store = SqlStore::open(config(&url)).await.unwrap();
    let kettles = store.register::<Kettle>().await.unwrap();
    for number in 1..=KETTLES {
        let kettle = Kettle {
            owner: format!("owner {}", number % 20),
            tags: vec![format!("tag {}", number % 20), "all".into()],
            parts: vec![format!("lid {number}")],
            nickname: Some(format!("nick {number}")),
            ..a_kettle(number)
        };
        kettles.save(Change::insert(kettle, vec![KettleEvent::Boiled { times: 1 }])).await.unwrap().version().unwrap();
    }
    store
}

/// Asks everything that a repository can be asked.
async fn ask_everything(store: &SqlStore) {
    let kettles = store.register::<Kettle>().await.unwrap();
    kettles.find(&id(7)).await.unwrap().unwrap();
    kettles.find_many(&[id(7), id(8), id(9)]).await.unwrap();
    kettles.scan(Some(&id(7)), 10).await.unwrap();
    let cursor = |sort: KeyValue| Some(Cursor { sort, id: id(7).to_string() });
    for key in Kettle::keys() {
        let (value, next) = match key.name {
            "serial" => ("serial 7".into(), "serial 70".into()),
            "nickname" => ("nick 7".into(), "nick 70".into()),
            "owner" => ("owner 7".into(), "owner 70".into()),
            "tag" => ("tag 7".into(), "tag 70".into()),
            "part" => ("lid 7".into(), "lid 70".into()),
            _ => (KeyValue::Int(7), KeyValue::Int(9)),
        };
        kettles.find_by(*key, value.clone()).await.unwrap();
        for page in [PageRequest::first(10), PageRequest::newest(10)] {
            kettles.list(*key, value.clone(), page.clone()).await.unwrap();
            kettles.list(*key, value.clone(), page.clone().after(cursor(7.into()))).await.unwrap();
            let bounds = || Bounds { from: Some(value.clone()), until: Some(next.clone()) };
            kettles.range(*key, bounds(), page.clone()).await.unwrap();
            kettles.range(*key, bounds(), page.after(cursor(value.clone()))).await.unwrap();
        }
    }
    kettles
        .save(Change::update(1, a_kettle(7), vec![KettleEvent::Boiled { times: 2 }]))
        .await
        .unwrap()
        .version()
        .unwrap();
    kettles.save(Change::delete(1, a_kettle(8), vec![])).await.unwrap().version().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn mysql_reads_no_table_from_end_to_end() {
    let place = Place::on_shared(Kind::MySql).await;
    let store = with_kettles(&place, None).await;
    store
        .database()
        .execute_unprepared("ANALYZE TABLE kettle, kettle__tag, kettle__part, kettle__voltage")
        .await
        .unwrap();
    // Rows that were read because they came next in a table, not in an index.
    let scanned = async || {
        let status = "SHOW SESSION STATUS LIKE 'Handler_read_rnd_next'";
        let database = store.database();
        let question = Statement::from_string(database.get_database_backend(), status);
        let row = database.query_one_raw(question).await.unwrap().unwrap();
        row.try_get_by_index::<String>(1).unwrap().parse::<u64>().unwrap()
    };
    // Looking at the count counts too.
    let (first, before) = (scanned().await, scanned().await);
    ask_everything(&store).await;
    let rows = scanned().await - before - (before - first);
    assert_eq!(rows, 0, "rows of tables were read one after the other");
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_reads_no_table_from_end_to_end() {
    let place = Place::on_shared(Kind::Postgres).await;
    // With so few rows it would read whole tables all the same, if it may.
    let store = with_kettles(&place, Some(("options[enable_seqscan]", "off"))).await;
    store.database().execute_unprepared("ANALYZE").await.unwrap();
    let counted = |what: &str| {
        format!(
            "SELECT coalesce(sum({what}), 0)::bigint FROM pg_stat_user_tables \
             WHERE schemaname = '{}' AND relname LIKE 'kettle%'",
            place.name
        )
    };
    store.close().await.unwrap();
    let (scans, looks) = (counted("seq_scan"), counted("idx_scan"));
    let store = reopened(&place).await;
    let counts = async || (place.number(&scans).await, place.number(&looks).await);
    // What the first session has counted arrives with its end.
    until("the count is still", async || {
        let before = counts().await;
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        before == counts().await
    })
    .await;
    let (scans_before, looks_before) = counts().await;
    ask_everything(&store).await;
    store.close().await.unwrap();
    until("the session's counts have arrived", async || place.number(&looks).await > looks_before + 50).await;
    assert_eq!(place.number(&scans).await, scans_before, "whole tables were read");
}

async fn reopened(place: &Place) -> SqlStore {
    let mut url = place.url();
    url.query_pairs_mut().append_pair("options[enable_seqscan]", "off");
    SqlStore::open(config(&url)).await.unwrap()
}
