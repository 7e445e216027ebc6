//! Messages that nobody here sent, and nobody can read.

use anyhow::{Context, ensure};
use jobapp_cluster::Plan;
use jobapp_wire::queues;
use serde_json::{Value, json};

use crate::people::Person;
use crate::world::{World, cluster, until};

/// The broker's own API.
pub(crate) struct Broker {
    api: String,
    http: reqwest::Client,
}

impl Broker {
    pub(crate) fn of(world: &World) -> Self {
        let api = world.servers().rabbitmq.api().unwrap().to_owned();
        Self { api, http: reqwest::Client::new() }
    }

    async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let answer = self.http.post(format!("{}/api/{path}", self.api)).json(body).send().await?;
        Ok(answer.error_for_status()?.json().await?)
    }

    /// Puts a message into an exchange.
    async fn publish(&self, exchange: &str, key: &str, body: &str, properties: Value) {
        let exchange = if exchange.is_empty() { "amq.default" } else { exchange };
        let message =
            json!({ "properties": properties, "routing_key": key, "payload": body, "payload_encoding": "string" });
        let told = self.post(&format!("exchanges/%2F/{exchange}/publish"), &message).await.unwrap();
        assert_eq!(told["routed"], true, "{exchange} {key}");
    }

    /// The messages that wait in a queue. They stay.
    pub(crate) async fn waiting(&self, queue: &str) -> anyhow::Result<Vec<Value>> {
        let question = json!({ "count": 100, "ackmode": "ack_requeue_true", "encoding": "auto" });
        let found = self.post(&format!("queues/%2F/{queue}/get"), &question).await?;
        found.as_array().cloned().context("no list of messages")
    }
}

/// Each is set aside with its reason, and the queue goes on.
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_is_set_aside_in_every_queue() {
    // Those of samples are consumed only where samples can be made.
    let settings = vec![(None, "JOBAPP_SEED_ROUTES", "true".to_owned())];
    let world = cluster(Plan { settings, ..Plan::default() }).await;
    let broker = Broker::of(&world);
    let poison = ["{", "", "null", "[]", "\"text\"", "{\"type\":7,\"event\":[]}"];
    for queue in queues::ALL {
        for (index, body) in poison.iter().enumerate() {
            broker.publish("", queue.name, body, json!({ "message_id": format!("poison-{index}") })).await;
        }
    }
    for queue in queues::ALL {
        let dead = format!("{}.dead", queue.name);
        until(async || {
            let (dead, waiting) = (broker.waiting(&dead).await?, broker.waiting(queue.name).await?);
            // Some bodies say something in some queues, or nothing that matters: those are done. None stays.
            ensure!(waiting.is_empty(), "{} has {} messages", queue.name, waiting.len());
            ensure!(dead.len() >= 2, "{} has only {} dead letters", queue.name, dead.len());
            let reasons = dead.iter().all(|letter| letter["properties"]["headers"].to_string().len() > 10);
            ensure!(reasons, "a dead letter without a reason: {dead:?}");
            Ok(())
        })
        .await;
    }
    // Every queue is still consumed: people do business.
    let iria = Person::sign_up(world.url(), "Iria").await.unwrap();
    until(async || iria.buyer().await).await;
    until(async || {
        let mails = iria.mails().await?;
        ensure!(mails == ["verifyEmail"], "{mails:?}");
        Ok(())
    })
    .await;
    world.ready().await.unwrap();
}
