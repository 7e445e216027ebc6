//! How many events a second go from an outbox to the confirm of the broker, on each database, next to publishing the same messages with
//! the same client and nothing else. `cargo xtask bench relay`.
//!
//! Everything shares the processors of this machine, so it is told, too, what each event costs of them and whom: that is what decides
//! how many there are a second.
#![expect(clippy::print_stdout, reason = "it prints figures")]

mod processors;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use async_trait::async_trait;
use futures::{StreamExt, TryStreamExt};
use jobapp_kernel::{
    Aggregate, Change, Exchange, ExchangeKind, InvalidState, Key, Message, MessageId, ObjectId, PublishError,
    Publisher, Queue, Timestamp,
};
use jobapp_platform::{Address, Bus, Store};
use jobapp_runtime::Relay;
use jobapp_test_servers::{Kind, own};
use tokio_util::sync::CancellationToken;

use self::processors::Used;

const EXCHANGE: Exchange = Exchange { name: "bench", kind: ExchangeKind::Fanout };
const QUEUE: Queue = Queue { name: "bench-queue", exchange: EXCHANGE, routing_key: "" };
/// What an event of a marketplace weighs, about.
const BODY: usize = 400;
/// How many messages are given to the client at once where nothing else is done: as many as a relay gives it.
const AT_ONCE: usize = 256;
/// By how many at the same time: as many as a relay has leases.
const PUBLISHERS: usize = 2;
/// How many values the events are of, which take turns, each change raising one: as people use a marketplace.
const VALUES: usize = 2_000;
/// How many changes are stored at the same time.
const WRITERS: usize = 32;

/// A thing that events are of.
#[derive(Clone)]
struct Kettle(ObjectId);

impl Aggregate for Kettle {
    const NAME: &'static str = "kettle";
    type Id = ObjectId;
    type Event = String;
    type State = ObjectId;

    fn id(&self) -> &ObjectId {
        &self.0
    }

    fn keys() -> &'static [Key<Self>] {
        &[]
    }

    fn to_state(&self) -> ObjectId {
        self.0
    }

    fn from_state(id: ObjectId) -> Result<Self, InvalidState> {
        Ok(Self(id))
    }
}

fn message(id: &str, body: &str) -> Message {
    Message {
        id: Some(MessageId(id.to_owned())),
        kind: "boiled".to_owned(),
        exchange: EXCHANGE.name.to_owned(),
        routing_key: String::new(),
        timestamp: Timestamp::EPOCH,
        headers: BTreeMap::new(),
        body: body.as_bytes().to_vec(),
    }
}

/// The same with what a relay adds.
fn relayed_message(kettle: ObjectId, body: &str) -> Message {
    let headers = [
        ("x-aggregate", Kettle::NAME.to_owned()),
        ("x-aggregate-id", kettle.to_string()),
        ("x-version", "1".to_owned()),
    ];
    Message {
        headers: headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        timestamp: Timestamp::from_millis(1_700_000_000_123).unwrap_or(Timestamp::EPOCH),
        ..message(&format!("{}/{kettle}/1/0#0", Kettle::NAME), body)
    }
}

/// What came of a round.
#[derive(Clone)]
struct Rate {
    a_second: f64,
    /// What each event used of the processors.
    used: Used,
}

impl Rate {
    async fn of(events: usize, work: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<Self> {
        let (before, begun) = (Used::now()?, Instant::now());
        work.await?;
        let took = begun.elapsed();
        Ok(Self { a_second: events as f64 / took.as_secs_f64(), used: Used::now()?.since(&before, events) })
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let events: usize = std::env::args().nth(1).map_or(Ok(20_000), |text| text.parse())?;
    let (rabbitmq, postgres, mysql) = tokio::join!(own(Kind::RabbitMq), own(Kind::Postgres), own(Kind::MySql));
    let bus = Bus::open(&Address::parse("the broker", rabbitmq.url()), None).await?;
    bus.subscriber().declare(&[QUEUE]).await?;
    let publisher = bus.publisher();
    let folder = tempfile::tempdir()?;
    let stores = [
        ("sqlite", format!("sqlite:{}", folder.path().join("bench.db").display())),
        ("postgres", postgres.url().to_owned()),
        ("mysql", mysql.url().to_owned()),
    ];
    println!("{events} events of {BODY} bytes, of {VALUES} values in turn; by turns, three rounds each");
    let only: Vec<String> = std::env::args().skip(2).collect();
    for (name, address) in stores.into_iter().filter(|(name, _)| only.is_empty() || only.iter().any(|one| one == name))
    {
        let store = Store::open(&Address::parse("the database", &address), None).await?;
        let mut rounds = Vec::new();
        for _ in 0..3 {
            fill(&store, events).await?;
            let raw = Rate::of(events, raw(&*publisher, events)).await?;
            let relayed = Rate::of(events, relayed(&store, &publisher, events)).await?;
            rounds.push((relayed, raw));
        }
        rounds.sort_by(|(a, _), (b, _)| a.a_second.total_cmp(&b.a_second));
        let (relayed, raw) = &rounds[rounds.len() / 2];
        println!(
            "{name:<10} {:>8.0} a second; published alone {:>8.0}; {:.2} of it (goal 0.8)",
            relayed.a_second,
            raw.a_second,
            relayed.a_second / raw.a_second
        );
        println!("{:<10} each {}", "", relayed.used);
        println!("{:<10} alone {}", "", raw.used);
        store.close().await?;
    }
    bus.close().await;
    Ok(())
}

/// Stores so many events, one after the other of each value.
async fn fill(store: &Store, events: usize) -> anyhow::Result<()> {
    let kettles = store.repository::<Kettle>().await?;
    let ids: Vec<ObjectId> = (0..VALUES.min(events)).map(|_| ObjectId::from_bytes(rand::random())).collect();
    for version in 0..events.div_ceil(ids.len()) as u64 {
        let left = events - version as usize * ids.len();
        let saves = ids.iter().take(left).map(|id| {
            let events = vec!["x".repeat(BODY)];
            kettles.save(match version {
                0 => Change::insert(Kettle(*id), events),
                version => Change::update(version, Kettle(*id), events),
            })
        });
        let mut saves = futures::stream::iter(saves).buffer_unordered(WRITERS);
        while let Some(saved) = saves.try_next().await? {
            ensure!(saved.version() == Some(version + 1), "a value has another version than {}", version + 1);
        }
    }
    ensure!(store.outbox().waiting().await? >= events as u64, "the outbox is not filled");
    Ok(())
}

/// Publishes as many messages with nothing behind them.
async fn raw(publisher: &dyn Publisher, events: usize) -> anyhow::Result<()> {
    let body = "x".repeat(BODY);
    let messages: Vec<Message> =
        (0..AT_ONCE).map(|_| relayed_message(ObjectId::from_bytes(rand::random()), &body)).collect();
    let publishing = (0..events.div_ceil(AT_ONCE)).map(|_| publisher.publish(&messages));
    let mut publishing = futures::stream::iter(publishing).buffer_unordered(PUBLISHERS);
    while let Some(answers) = publishing.next().await {
        answers.into_iter().collect::<Result<Vec<()>, _>>()?;
    }
    Ok(())
}

/// Counts what the broker confirms. Asking the outbox how much is left would be work for the database.
struct Counting {
    publisher: Arc<dyn Publisher>,
    confirmed: AtomicUsize,
}

#[async_trait]
impl Publisher for Counting {
    async fn publish(&self, messages: &[Message]) -> Vec<Result<(), PublishError>> {
        let answers = self.publisher.publish(messages).await;
        self.confirmed.fetch_add(answers.iter().filter(|answer| answer.is_ok()).count(), Ordering::Relaxed);
        answers
    }
}

/// Has a relay publish the outbox, which holds so many events.
async fn relayed(store: &Store, publisher: &Arc<dyn Publisher>, events: usize) -> anyhow::Result<()> {
    let counting = Arc::new(Counting { publisher: Arc::clone(publisher), confirmed: AtomicUsize::new(0) });
    let relay = Relay::new("bench", store.outbox(), Arc::clone(&counting) as Arc<dyn Publisher>, |entry| {
        Ok(vec![message(&entry.id.0, entry.event.as_str().unwrap_or_default())])
    });
    let (stop, begun) = (CancellationToken::new(), Instant::now());
    let stopped = stop.clone();
    let running = tokio::spawn(async move { relay.run(stopped).await });
    let deadline = Duration::from_secs(300);
    while counting.confirmed.load(Ordering::Relaxed) < events || store.outbox().waiting().await? > 0 {
        ensure!(begun.elapsed() < deadline, "the outbox is not empty after {deadline:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    stop.cancel();
    running.await.context("the relay panicked")
}
