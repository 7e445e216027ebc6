//! The program on servers: PostgreSQL and RabbitMQ, and what an import reads and writes.

#[path = "../../../import/tests/shared/checks.rs"]
#[allow(dead_code, reason = "each test target uses a part of it")]
mod checks;
#[path = "../../../import/tests/shared/database.rs"]
#[allow(dead_code, reason = "each test target uses a part of it")]
mod database;
mod import;
#[path = "../../../import/tests/shared/town.rs"]
#[allow(dead_code, reason = "each test target uses a part of it")]
mod town;

use std::collections::{BTreeMap, BTreeSet};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use jobapp_kernel::{Delivery, Handler, Message, MessageId, Outcome, QueueLength, Subscription, Timestamp};
use jobapp_platform::{Address, Bus};
use jobapp_test_servers::{Kind, OwnServer, own};
use jobapp_wire::queues;
use parking_lot::Mutex;
use serde_json::Value;

const QUEUE: jobapp_kernel::Queue = queues::ORDER_REVIEW;

/// A broker and a database of a test's own.
struct World {
    broker: OwnServer,
    database: OwnServer,
    bus: Bus,
}

struct Ended {
    code: i32,
    stdout: String,
    stderr: String,
}

impl World {
    async fn new() -> Self {
        let (broker, database) = tokio::join!(own(Kind::RabbitMq), own(Kind::Postgres));
        let bus = Bus::open(&Address::parse("RABBITMQ_ENDPOINT", broker.url()), None).await.unwrap();
        bus.subscriber().declare(&queues::ALL).await.unwrap();
        Self { broker, database, bus }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_jobapp-ctl"));
        command.args(arguments).env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.env("RABBITMQ_ENDPOINT", self.broker.url());
        command.env("DATABASE_URL", self.database.url()).env("MYSQL_DB", self.database.url());
        command
    }

    async fn run(&self, arguments: &[&str]) -> Ended {
        let mut command = self.command(arguments);
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Ended { code: output.status.code().unwrap(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    async fn json(&self, arguments: &[&str], code: i32) -> Value {
        let Ended { code: ended, stdout, stderr } = self.run(arguments).await;
        assert_eq!(ended, code, "{arguments:?}: {stdout} {stderr}");
        serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {stdout} {stderr}"))
    }

    /// Waits until the queue has come to this. The broker counts a moment later than it stores.
    async fn comes_to(&self, what: &str, is_so: impl Fn(QueueLength) -> bool) {
        let counting = async {
            while !is_so(self.bus.queues().length(QUEUE.name).await.unwrap().unwrap()) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        assert!(tokio::time::timeout(Duration::from_secs(60), counting).await.is_ok(), "waited in vain for {what}");
    }

    async fn publish(&self, count: usize) {
        let messages: Vec<Message> = (0..count).map(message).collect();
        for answer in self.bus.publisher().publish(&messages).await {
            answer.unwrap();
        }
    }

    /// Handles what is in the queue until it has come to this.
    async fn handle(&self, handler: Arc<dyn Handler>, what: &str, is_so: impl Fn(QueueLength) -> bool) {
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let subscriber = self.bus.subscriber();
        let stopped = Box::pin(async move { drop(stopped.await) });
        let subscription = Subscription::to(QUEUE).commuting();
        let consuming = tokio::spawn(async move { subscriber.consume(subscription, handler, stopped).await });
        self.comes_to(what, is_so).await;
        drop(stop);
        consuming.await.unwrap().unwrap();
    }
}

fn message(number: usize) -> Message {
    Message {
        id: Some(MessageId(format!("m-{number}"))),
        kind: "a-kind".to_owned(),
        exchange: QUEUE.exchange.name.to_owned(),
        routing_key: QUEUE.routing_key.to_owned(),
        timestamp: Timestamp::EPOCH,
        headers: BTreeMap::new(),
        body: b"{}".to_vec(),
    }
}

struct Hopeless;

#[async_trait::async_trait]
impl Handler for Hopeless {
    async fn handle(&self, _: &Delivery) -> Outcome {
        Outcome::dead("the moon is wrong")
    }
}

#[derive(Default)]
struct Remembering(Mutex<BTreeSet<String>>);

#[async_trait::async_trait]
impl Handler for Remembering {
    async fn handle(&self, delivery: &Delivery) -> Outcome {
        self.0.lock().insert(delivery.message.id.as_ref().unwrap().to_string());
        Outcome::Done
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn stores_and_queues_of_servers_are_told_and_one_that_is_away_hides_no_other() {
    let world = World::new().await;
    let plan = world.json(&["migrate", "--plan", "--json"], 0).await;
    assert_eq!(plan["stores"].as_array().unwrap().len(), 6);
    assert_eq!(world.json(&["status", "--json"], 1).await["services"][0]["layout"]["state"], "none");
    world.json(&["migrate", "--json"], 0).await;
    let plan = world.json(&["migrate", "--plan", "--json"], 0).await;
    assert!(plan["stores"].as_array().unwrap().iter().all(|store| store["steps"] == serde_json::json!([])), "{plan}");

    world.publish(2).await;
    world.comes_to("two messages", |length| length.waiting == 2).await;
    let status = world.json(&["status", "--json"], 1).await;
    let services = status["services"].as_array().unwrap();
    assert!(
        services.iter().all(|one| one["layout"]["state"] == "current" && one["outbox"]["waiting"] == 0),
        "{status}"
    );
    let queue = status["bus"]["queues"].as_array().unwrap().iter().find(|one| one["queue"] == QUEUE.name).unwrap();
    assert_eq!((&queue["waiting"], &queue["consumers"], &queue["inFlight"]), (&2.into(), &0.into(), &Value::Null));
    assert!(status["wrong"].to_string().contains("nobody consumes from order-review-queue"), "{status}");
    assert!(status["search"]["trouble"].as_str().unwrap().contains("ELASTIC_SEARCH_URL"), "{status}");

    world.bus.close().await;
    world.broker.stop().await;
    let status = world.json(&["status", "--json"], 1).await;
    assert!(status["bus"]["trouble"].is_string() && status["bus"]["queues"] == serde_json::json!([]), "{status}");
    assert_eq!(status["services"][5]["layout"]["state"], "current");
    let password = world.broker.url().split('@').next().unwrap().rsplit(':').next().unwrap().to_owned();
    assert!(!status["bus"].to_string().contains(&format!(":{password}@")), "{status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_of_a_broker_are_replayed_and_a_killed_replay_loses_none() {
    const LETTERS: usize = 60;
    let world = World::new().await;
    world.publish(LETTERS).await;
    world.handle(Arc::new(Hopeless), "all to die", |length| length.dead == LETTERS as u64).await;
    let listed = world.json(&["dead-letters", "list", "--json"], 0).await;
    let letters = listed["deadLetters"].as_array().unwrap();
    assert_eq!((letters.len(), letters[0]["reason"].as_str()), (LETTERS, Some("the moon is wrong")));
    let id = letters[0]["id"].as_str().unwrap();
    let shown = world.json(&["dead-letters", "show", QUEUE.name, id, "--json"], 0).await;
    assert_eq!(shown["messageId"], letters[0]["messageId"]);
    assert_eq!(world.json(&["dead-letters", "replay", QUEUE.name, id, "--json"], 0).await["replayed"][0]["id"], id);
    assert_eq!(world.run(&["dead-letters", "replay", QUEUE.name, id]).await.code, 1);

    let mut replaying = world.command(&["dead-letters", "replay", QUEUE.name, "--all", "--yes"]).spawn().unwrap();
    world.comes_to("some to be back", |length| length.waiting > 5).await;
    replaying.kill().unwrap();
    replaying.wait().unwrap();
    // What it had in its hands comes back when the broker has noticed.
    world.comes_to("the letters to be back", |length| length.waiting + length.dead >= LETTERS as u64).await;
    world.json(&["dead-letters", "replay", "--all", "--yes", "--json"], 0).await;
    let seen = Arc::new(Remembering::default());
    world.handle(Arc::clone(&seen) as _, "all to be handled", |length| length.waiting == 0 && length.dead == 0).await;
    let expected: BTreeSet<String> = (0..LETTERS).map(|number| format!("m-{number}")).collect();
    assert_eq!(*seen.0.lock(), expected);
    world.bus.close().await;
}
