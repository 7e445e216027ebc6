//! What passes a watched port is counted, and what it says makes no series.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jobapp_contracts::fixture::{Kettle, KettleEvent, a_kettle};
use jobapp_kernel::{Change, Delivery, Exchange, ExchangeKind, Message, MessageId, Outcome, Queue, Subscription};
use jobapp_kernel::{Clock, Handler};
use jobapp_memory::{MemoryBus, MemoryStore};
use jobapp_metrics::Metrics;

use super::Now;

const EXCHANGE: Exchange = Exchange { name: "kettles", kind: ExchangeKind::Direct };
const QUEUE: Queue = Queue { name: "hot", exchange: EXCHANGE, routing_key: "boiled" };

fn message(id: u32, routing_key: &str, body: &str) -> Message {
    Message {
        id: Some(MessageId(format!("kettle/{id}"))),
        kind: format!("kind {id}"),
        exchange: EXCHANGE.name.to_owned(),
        routing_key: routing_key.to_owned(),
        timestamp: Now.now(),
        headers: BTreeMap::new(),
        body: body.as_bytes().to_vec(),
    }
}

/// Says of a message what its body says.
struct Obedient;

#[async_trait::async_trait]
impl Handler for Obedient {
    async fn handle(&self, delivery: &Delivery) -> Outcome {
        match delivery.message.body.as_slice() {
            b"dead" => Outcome::dead("it was"),
            b"later" if delivery.attempt == 0 => Outcome::failed(0, "not yet"),
            _ => Outcome::Done,
        }
    }
}

async fn until(metrics: &Metrics, line: &str) -> String {
    let found = tokio::time::timeout(Duration::from_secs(10), async {
        loop {
            let page = metrics.page().await.unwrap();
            if page.lines().any(|known| known == line) {
                return page;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    match found.await {
        Ok(page) => page,
        Err(_) => panic!("{line} never came:\n{}", metrics.page().await.unwrap()),
    }
}

#[tokio::test]
async fn messages_are_counted_on_their_way_in_and_out() {
    let (bus, metrics) = (Arc::new(MemoryBus::new()), Metrics::new());
    let subscriber = metrics.subscriber("kitchen", bus.clone(), Arc::new(Now));
    let publisher = metrics.publisher("kitchen", bus, Arc::new(Now));
    subscriber.declare(&[QUEUE]).await.unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let wish = Subscription::to(QUEUE);
    let consuming = tokio::spawn(async move {
        let stop = Box::pin(async move { stopped.await.unwrap_or_default() });
        subscriber.consume(wish, Arc::new(Obedient), stop).await
    });
    let messages = [message(1, "boiled", "done"), message(2, "boiled", "dead"), message(3, "spilled", "")];
    let answers = publisher.publish(&messages).await;
    assert_eq!(answers.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, true, false]);
    assert!(publisher.publish_one(&message(4, "boiled", "later")).await.is_ok());
    let queue = "queue=\"hot\",service=\"kitchen\"";
    let outcome = |outcome: &str| format!("outcome=\"{outcome}\",{queue}");
    until(&metrics, &format!("jobapp_consumer_deliveries_total{{{}}} 2", outcome("done"))).await;
    let page = metrics.page().await.unwrap();
    for line in [
        format!("jobapp_consumer_deliveries_total{{{}}} 1", outcome("dead")),
        format!("jobapp_consumer_deliveries_total{{{}}} 1", outcome("refused")),
        format!("jobapp_consumer_deliveries_total{{{}}} 0", outcome("postponed")),
        format!("jobapp_consumer_taken_total{{{queue}}} 4"),
        format!("jobapp_consumer_lag_seconds_count{{{queue}}} 2"),
        "jobapp_relay_messages_total{outcome=\"published\",service=\"kitchen\"} 3".to_owned(),
        "jobapp_relay_messages_total{outcome=\"unroutable\",service=\"kitchen\"} 1".to_owned(),
        "jobapp_relay_lag_seconds_count{service=\"kitchen\"} 3".to_owned(),
    ] {
        assert!(page.lines().any(|known| known == line), "{line} is not in\n{page}");
    }
    drop(stop);
    consuming.await.unwrap().unwrap();
}

#[tokio::test]
async fn an_event_is_counted_once_it_is_published_and_one_without_a_name_as_another() {
    let (store, metrics) = (MemoryStore::new(), Metrics::new());
    let outbox = metrics.outbox("kitchen", store.outbox());
    let kettles = store.repository::<Kettle>();
    for number in 0..3 {
        let boiled = Change::insert(a_kettle(number), vec![KettleEvent::Boiled { times: 1 }]);
        assert!(kettles.save(boiled).await.unwrap().version().is_some());
    }
    let count = async || {
        let page = metrics.page().await.unwrap();
        let line =
            page.lines().find(|line| line.starts_with("jobapp_events_total{event=\"other\"")).unwrap().to_owned();
        line.rsplit_once(' ').unwrap().1.to_owned()
    };
    let leased = outbox.lease("a", Duration::from_secs(60), 9).await.unwrap();
    assert_eq!((leased.len(), count().await.as_str()), (3, "0"));
    outbox.hold_back("a", &[(leased[2].id.clone(), Duration::ZERO)]).await.unwrap();
    let published: Vec<MessageId> = leased[..2].iter().map(|entry| entry.id.clone()).collect();
    outbox.clear("a", &published).await.unwrap();
    outbox.clear("a", &published).await.unwrap();
    assert_eq!(count().await, "2");
}

#[tokio::test]
async fn ten_thousand_messages_of_other_kinds_and_ids_make_no_series() {
    let (bus, metrics) = (Arc::new(MemoryBus::new()), Metrics::new());
    let publisher = metrics.publisher("kitchen", bus, Arc::new(Now));
    let series = async || metrics.page().await.unwrap().lines().filter(|line| line.starts_with("jobapp_")).count();
    let before = series().await;
    for id in 0..10_000 {
        assert!(publisher.publish_one(&message(id, &format!("key {id}"), "")).await.is_err());
    }
    assert_eq!(series().await, before);
}
