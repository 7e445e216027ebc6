//! A broker, a virtual host of this process, and what tests say to them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use jobapp_amqp::{AmqpBus, AmqpConfig, QueueType};
use jobapp_contracts::bus::{Bus, Probe, Running, in_time};
use jobapp_kernel::{
    Exchange, ExchangeKind, Message, MessageId, Publisher, Queue, Subscriber, Subscription, Timestamp,
};
use jobapp_test_servers::{Kind, Server, shared};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, Connection, ConnectionProperties};
use tokio::sync::OnceCell;

/// The address of the shared broker, in a virtual host that only this process has.
pub(crate) async fn address() -> String {
    static HOST: OnceCell<String> = OnceCell::const_new();
    let server = shared(Kind::RabbitMq).await;
    let host = HOST.get_or_init(|| async { virtual_host(&server).await }).await;
    within(server.url(), host)
}

/// An address with a virtual host.
pub(crate) fn within(url: &str, host: &str) -> String {
    format!("{}/{host}", url.trim_end_matches('/'))
}

async fn virtual_host(server: &Server) -> String {
    let host = format!("amqp-{}", uuid::Uuid::new_v4());
    let api = server.api().expect("the broker has an API").trim_end_matches('/').to_owned();
    let user = reqwest::Url::parse(&api).unwrap().username().to_owned();
    let client = reqwest::Client::new();
    let rights = serde_json::json!({"configure": ".*", "write": ".*", "read": ".*"});
    for (path, body) in
        [(format!("vhosts/{host}"), serde_json::json!({})), (format!("permissions/{host}/{user}"), rights)]
    {
        let answer = client.put(format!("{api}/api/{path}")).json(&body).send().await.unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
    }
    host
}

/// Settings for tests: what waits in vain does not wait long.
pub(crate) fn config(address: &str) -> AmqpConfig {
    let mut config = AmqpConfig::new(address).unwrap().named("test");
    config.pauses = (Duration::from_millis(20), Duration::from_millis(200));
    config
}

/// A bus on the shared broker.
pub(crate) async fn a_bus(queue_type: QueueType) -> AmqpBus {
    AmqpBus::open(config(&address().await).of_type(queue_type)).await.unwrap()
}

/// The same as the suites take it.
pub(crate) fn of(bus: AmqpBus) -> Bus {
    Bus { shortest_retry: Duration::from_secs(1), ..Bus::of(Arc::new(bus)) }
}

/// A name nobody else has, on any broker.
pub(crate) fn unique(name: &str) -> &'static str {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    Box::leak(format!("{name}-{}-{number}", std::process::id()).into_boxed_str())
}

/// A queue of its own exchange.
pub(crate) fn a_queue() -> Queue {
    let exchange = Exchange { name: unique("exchange"), kind: ExchangeKind::Direct };
    Queue { name: unique("queue"), exchange, routing_key: "a-key" }
}

/// A message for a queue.
pub(crate) fn message(queue: Queue, body: &str) -> Message {
    Message {
        id: Some(MessageId(format!("{}-{body}", queue.name))),
        kind: "a-kind".to_owned(),
        exchange: queue.exchange.name.to_owned(),
        routing_key: queue.routing_key.to_owned(),
        timestamp: Timestamp::from_millis(1_795_486_542_123).unwrap(),
        headers: BTreeMap::from([("x-version".to_owned(), "7".to_owned())]),
        body: body.as_bytes().to_vec(),
    }
}

/// Starts a consumer.
pub(crate) fn consume(bus: &AmqpBus, subscription: Subscription, probe: &Arc<Probe>) -> Running {
    let subscriber: Arc<dyn Subscriber> = Arc::new(bus.clone());
    Running::start(&subscriber, subscription, probe)
}

/// Publishes until it is taken, as a relay does.
pub(crate) async fn publish_until_taken(bus: &AmqpBus, message: &Message) {
    let taken = async {
        while bus.publish_one(message).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    in_long("a message to be taken", taken).await;
}

/// Waits for something, also when a broker has to start in between.
pub(crate) async fn in_long<T>(what: &str, waiting: impl Future<Output = T>) -> T {
    match tokio::time::timeout(Duration::from_secs(120), waiting).await {
        Ok(value) => value,
        Err(_) => panic!("waited in vain for {what}"),
    }
}

/// Waits until something is so.
pub(crate) async fn until(what: &str, mut so: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !so().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    in_long(what, waiting).await;
}

/// Waits until a probe was given all of these, in any order and however often.
pub(crate) async fn until_seen(probe: &Probe, expected: &[String]) {
    until("all messages to come", async || {
        let seen = probe.distinct_bodies();
        expected.iter().all(|body| seen.contains(body))
    })
    .await;
}

/// A foreign client of the shared broker.
pub(crate) async fn a_foreign_channel() -> (Connection, Channel) {
    let address = address().await;
    let connecting = Connection::connect(&address, ConnectionProperties::default());
    let connection = in_time("a foreign client to connect", connecting).await.unwrap();
    let channel = connection.create_channel().await.unwrap();
    (connection, channel)
}

/// Headers of texts.
pub(crate) fn headers(texts: &[(&str, &str)]) -> FieldTable {
    let mut table = FieldTable::default();
    for (name, text) in texts {
        table.insert((*name).into(), AMQPValue::LongString((*text).into()));
    }
    table
}
