//! Log lines on a real Elasticsearch: all of them, once, or counted; and as what the template says.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jobapp_elastic::{ElasticConfig, LogCounts, LogLimits, LogLines, LogShipper};
use jobapp_test_servers::{Kind, own, proxied};
use reqwest::Method;
use serde_json::{Value, json};

use crate::place::{Place, until};

fn ship(place: &Place, url: &str, limits: LogLimits) -> LogShipper {
    let mut config = ElasticConfig::from_url(url).unwrap();
    config.logs.clone_from(&place.index);
    LogShipper::start(&config, "here/1", limits).unwrap()
}

/// Impatient.
fn limits() -> LogLimits {
    LogLimits {
        gather: Duration::from_millis(20),
        patience: Duration::from_secs(2),
        pause: (Duration::from_millis(20), Duration::from_millis(200)),
        last: Duration::from_secs(30),
        ..LogLimits::default()
    }
}

fn line(rest: &Value) -> String {
    let rest = rest.to_string();
    format!("{{\"timestamp\":\"2026-12-01T10:00:00.123456Z\",{}\n", &rest[1..])
}

fn numbered(number: usize) -> String {
    line(
        &json!({"level": "INFO", "service": "gig", "target": "here", "message": format!("line {number}"), "n": number}),
    )
}

/// How many lines there are that this query finds.
async fn found(place: &Place, query: Value) -> u64 {
    place.ask(Method::POST, &format!("/{}-*/_refresh", place.index), &Value::Null).await;
    let path = format!("/{}-*/_count", place.index);
    place.ask(Method::POST, &path, &json!({"query": query})).await["count"].as_u64().unwrap()
}

/// Every line there is, as a number: sorted, so that one that is there twice is seen.
async fn numbers(place: &Place) -> Vec<u64> {
    place.ask(Method::POST, &format!("/{}-*/_refresh", place.index), &Value::Null).await;
    let path = format!("/{}-*/_search", place.index);
    let body = json!({"size": 10_000, "_source": ["n"], "query": {"match_all": {}}});
    let answer = place.ask(Method::POST, &path, &body).await;
    let hits = answer["hits"]["hits"].as_array().unwrap();
    let mut numbers: Vec<u64> = hits.iter().map(|hit| hit["_source"]["n"].as_u64().unwrap()).collect();
    numbers.sort_unstable();
    numbers
}

async fn until_settled(lines: &LogLines, count: u64) -> LogCounts {
    until("every line is answered for", async || {
        let counts = lines.counts();
        counts.waiting == 0 && counts.shipped + counts.lost() >= count
    })
    .await;
    lines.counts()
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_are_found_by_what_they_say_and_whatever_libraries_say_is_kept() {
    let place = Place::fresh().await;
    let shipper = ship(&place, place.server.url(), limits());
    let lines = shipper.lines();
    (0..5000).for_each(|number| lines.take(numbered(number).as_bytes()));
    let of_a_request = json!({
        "level": "WARN", "service": "order", "target": "access", "message": "answered slowly", "request_id": "r-1",
        "status": 503, "ms": 1203.5, "n": 5000, "span": {"name": "handle", "queue": "order-queue", "attempt": 2},
        "spans": [{"name": "handle"}], "something": {"of": "a library"},
    });
    lines.take(line(&of_a_request).as_bytes());
    lines.take(line(&json!({"message": "a text for a number", "status": "ok", "ms": "soon", "n": 5001})).as_bytes());
    // An object is no text.
    lines.take(line(&json!({"message": {"no": "text"}, "n": 5002})).as_bytes());
    let counts = until_settled(&lines, 5003).await;
    assert_eq!(counts, LogCounts { shipped: 5002, lost_refused: 1, ..LogCounts::default() });
    assert_eq!(numbers(&place).await, (0..5002).collect::<Vec<u64>>());
    for query in [
        json!({"term": {"request_id": "r-1"}}),
        json!({"term": {"span.queue": "order-queue"}}),
        json!({"range": {"status": {"gte": 500}}}),
        json!({"range": {"ms": {"gt": 1000}}}),
        json!({"match": {"message": "slowly"}}),
        json!({"bool": {"filter": [{"term": {"service": "order"}}, {"term": {"instance": "here/1"}},
            {"range": {"timestamp": {"gte": "2026-12-01T10:00:00Z", "lt": "2026-12-01T10:00:01Z"}}}]}}),
    ] {
        assert_eq!(found(&place, query.clone()).await, 1, "{query}");
    }
    let path = format!("/{}-2026.12.01/_mapping", place.index);
    let mapping = place.ask(Method::GET, &path, &Value::Null).await;
    let properties = &mapping[format!("{}-2026.12.01", place.index)]["mappings"]["properties"];
    assert_eq!(properties["timestamp"]["type"], "date");
    assert!(properties.get("n").is_none() && properties.get("something").is_none(), "no line makes a field: {mapping}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_logged_while_the_network_is_away_is_there_once_or_counted() {
    let place = Place::fresh().await;
    let proxy = proxied(&place.server).await;
    let shipper = ship(&place, proxy.url(), LogLimits { lines_waiting: 1000, lines_at_once: 100, ..limits() });
    let lines = shipper.lines();
    let mut count = 0;
    let mut log = |more: usize| {
        (count..count + more).for_each(|number| lines.take(numbered(number).as_bytes()));
        count += more;
    };
    log(300);
    until("some are there", async || lines.counts().shipped >= 300).await;
    proxy.cut().await;
    log(500);
    until("they wait", async || lines.counts().waiting > 0).await;
    proxy.restore().await;
    until("they are there", async || lines.counts().shipped == 800).await;
    proxy.blackhole().await;
    log(3000);
    until("some are lost", async || lines.counts().lost_full >= 1900).await;
    proxy.restore().await;
    let counts = until_settled(&lines, 3800).await;
    assert_eq!(counts.shipped + counts.lost_full, 3800, "{counts:?}");
    let there = numbers(&place).await;
    assert_eq!(there.len() as u64, counts.shipped);
    assert!(there.windows(2).all(|two| two[0] < two[1]), "one is there twice");
    assert_eq!(there.last(), Some(&3799), "the newest is there");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_under_load_has_every_line_once_that_was_not_counted_as_lost() {
    let server = own(Kind::Elasticsearch).await;
    let place = Place::on(server.clone());
    let limits = LogLimits { lines_waiting: 3000, lines_at_once: 50, gather: Duration::from_millis(1), ..limits() };
    let shipper = ship(&place, place.server.url(), limits);
    let lines = shipper.lines();
    let is_over = Arc::new(AtomicBool::new(false));
    let (over, logging) = (Arc::clone(&is_over), lines.clone());
    // As long as it takes, but no more than one page of a search holds.
    let load = tokio::spawn(async move {
        let mut count = 0;
        while !over.load(Ordering::SeqCst) && count < 9000 {
            (count..count + 10).for_each(|number| logging.take(numbered(number).as_bytes()));
            count += 10;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        count as u64
    });
    until("some are there", async || lines.counts().shipped > 200).await;
    server.kill().await;
    until("some wait", async || lines.counts().waiting > 100).await;
    server.start().await;
    let before = lines.counts().shipped;
    until("it takes lines again", async || lines.counts().shipped > before).await;
    is_over.store(true, Ordering::SeqCst);
    let count = load.await.unwrap();
    let counts = until_settled(&lines, count).await;
    drop(shipper);
    assert_eq!(counts.shipped + counts.lost(), count, "{counts:?}");
    let there = numbers(&place).await;
    assert_eq!(there.len() as u64, counts.shipped, "{counts:?}");
    assert!(there.windows(2).all(|two| two[0] < two[1]), "one is there twice");
}
