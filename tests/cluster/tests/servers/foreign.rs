//! Messages that nobody here sent: what cannot be read, what has no id, and what programs of the existing system send.

use anyhow::{Context, ensure};
use jobapp_cluster::Plan;
use jobapp_wire::queues;
use serde_json::{Value, json};

use crate::people::{Person, mail_address};
use crate::world::{World, cluster, until};

/// The broker's own API, which is what a foreign program stands for.
struct Broker {
    api: String,
    http: reqwest::Client,
}

impl Broker {
    fn of(world: &World) -> Self {
        let api = world.servers().rabbitmq.api().unwrap().to_owned();
        Self { api, http: reqwest::Client::new() }
    }

    async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let answer = self.http.post(format!("{}/api/{path}", self.api)).json(body).send().await?;
        Ok(answer.error_for_status()?.json().await?)
    }

    /// Puts a message into an exchange; the properties are as the existing system sends them, which is none, unless said.
    async fn publish(&self, exchange: &str, key: &str, body: &str, properties: Value) {
        let exchange = if exchange.is_empty() { "amq.default" } else { exchange };
        let message =
            json!({ "properties": properties, "routing_key": key, "payload": body, "payload_encoding": "string" });
        let told = self.post(&format!("exchanges/%2F/{exchange}/publish"), &message).await.unwrap();
        assert_eq!(told["routed"], true, "{exchange} {key}");
    }

    /// The messages that wait in a queue. They stay.
    async fn waiting(&self, queue: &str) -> anyhow::Result<Vec<Value>> {
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

/// Ids are missing, dates are JavaScript's, numbers are texts.
#[tokio::test(flavor = "multi_thread")]
async fn programs_of_the_existing_system_are_understood() {
    let world =
        cluster(Plan { settings: vec![(None, "JOBAPP_AMQP_QUEUE_TYPE", "classic".to_owned())], ..Plan::default() });
    let world = world.await;
    let broker = Broker::of(&world);
    let iria = Person::sign_up(world.url(), "Iria").await.unwrap();
    until(async || iria.buyer().await).await;
    let seller = iria.sell().await.unwrap();

    let buyer = json!({ "type": "auth", "username": "Foreign", "email": "foreign@example.org", "country": "Portugal",
        "profilePicture": "https://img.example.org/p/1.png", "createdAt": 1_795_488_054_644_i64 });
    broker.publish("jobber-buyer-update", "user-buyer", &buyer.to_string(), json!({})).await;
    until(async || {
        let found = iria.client.get("/buyer/Foreign").await?;
        ensure!(found["buyer"]["username"] == "Foreign", "{found}");
        Ok(())
    })
    .await;

    let work = [
        json!({ "type": "create-order", "sellerId": seller, "ongoingJobs": 1 }),
        json!({ "type": "create-order", "sellerId": seller, "ongoingJobs": "1" }),
        json!({ "type": "approve-order", "sellerId": seller, "buyerId": "66f0c0ffee0000000000b001", "ongoingJobs": -1,
            "completedJobs": 1, "totalEarnings": 32,
            "recentDelivery": "Tue Nov 24 2026 10:15:42 GMT+0000 (Coordinated Universal Time)" }),
        json!({ "type": "update-gig-count", "gigSellerId": seller, "count": 1 }),
    ];
    for message in work {
        broker.publish("jobber-seller-update", "user-seller", &message.to_string(), json!({})).await;
    }
    until(async || {
        let found = iria.client.get(&format!("/seller/id/{seller}")).await?;
        let found = &found["seller"];
        let counted = (&found["ongoingJobs"], &found["completedJobs"], &found["totalEarnings"], &found["totalGigs"]);
        ensure!(counted == (&json!(1), &json!(1), &json!(32), &json!(1)), "{counted:?}");
        let delivered = found["recentDelivery"].as_str().unwrap_or_default();
        ensure!(delivered.starts_with("2026-11-24T10:15:42"), "{delivered}");
        Ok(())
    })
    .await;

    let gig = until(async || iria.publish(&seller, "I will do logos").await).await;
    let review = json!({ "type": "buyer-review", "gigId": gig, "reviewerId": "66f0c0ffee0000000000b001", "sellerId": seller,
        "orderId": "JO12345678901", "review": "Quick.", "rating": "5",
        "createdAt": "Tue Nov 24 2026 10:15:42 GMT+0000 (Coordinated Universal Time)" });
    let rating = json!({ "type": "updateGig", "gigReview": review.to_string() });
    broker.publish("jobber-update-gig", "update-gig", &rating.to_string(), json!({})).await;
    until(async || {
        let found = iria.client.get(&format!("/gig/{gig}")).await?;
        ensure!(found["gig"]["ratingSum"] == 5, "{found}");
        Ok(())
    })
    .await;

    let mail = json!({ "template": "verifyEmail", "receiverEmail": mail_address("Foreign"),
        "verifyLink": "http://localhost:3000/confirm_email?v_token=abc" });
    broker.publish("jobber-email-notification", "auth-email", &mail.to_string(), json!({})).await;
    let foreign = Person { name: "Foreign".to_owned(), ..iria.clone() };
    until(async || {
        let mails = foreign.mails().await?;
        ensure!(mails == ["verifyEmail"], "{mails:?}");
        Ok(())
    })
    .await;
    for queue in ["user-buyer-queue", "user-seller-queue", "auth-email-queue", "gig-update-queue"] {
        assert_eq!(broker.waiting(&format!("{queue}.dead")).await.unwrap(), Vec::<Value>::new(), "{queue}");
    }
}
