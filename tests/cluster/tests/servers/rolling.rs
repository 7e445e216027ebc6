//! Every program is replaced while people are busy, two of each, one after the other, as a rolling update does.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, ensure};
use jobapp_client::Client;
use jobapp_cluster::{Cluster, Plan};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use crate::agent::{Agent, Heard, Opening};
use crate::people::{PICTURE, Person, mail_address, session_of};
use crate::world::{cluster, until};

/// How long a program serves on: longer than gateways keep connections that nobody uses.
const DRAIN: &str = "6";
/// How often the balancer asks gateways whether they are ready.
const LOOK: Duration = Duration::from_millis(200);

/// Gives connections to gateways that say they are ready, as a balancer or the network of a Kubernetes cluster does.
struct Balancer {
    url: String,
    tasks: JoinSet<()>,
}

impl Balancer {
    async fn before(gateways: Vec<String>) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://localhost:{}", listener.local_addr()?.port());
        let ready = Arc::new(Mutex::new(gateways.clone()));
        let mut tasks = JoinSet::new();
        let seen = Arc::clone(&ready);
        tasks.spawn(async move {
            let http = reqwest::Client::new();
            loop {
                let mut now = Vec::new();
                for gateway in &gateways {
                    let answer = http.get(format!("{gateway}/readyz")).timeout(LOOK).send().await;
                    if answer.is_ok_and(|answer| answer.status().is_success()) {
                        now.push(gateway.clone());
                    }
                }
                *seen.lock() = now;
                tokio::time::sleep(LOOK).await;
            }
        });
        tasks.spawn(async move {
            let next = AtomicUsize::new(0);
            let mut passing = JoinSet::new();
            while let Ok((mut client, _)) = listener.accept().await {
                let ready = ready.lock().clone();
                let start = next.fetch_add(1, Ordering::Relaxed);
                passing.spawn(async move {
                    for index in 0..ready.len() {
                        let gateway = &ready[(start + index) % ready.len()];
                        let address = gateway.trim_start_matches("http://");
                        if let Ok(mut there) = TcpStream::connect(address).await {
                            // Either side may end it; the client tells if that was too early.
                            drop(tokio::io::copy_bidirectional(&mut client, &mut there).await);
                            return;
                        }
                    }
                });
            }
        });
        Ok(Self { url, tasks })
    }
}

/// What came of everything that somebody did over and over: what it left behind, or why it failed.
type Came = Vec<Result<String, String>>;

/// Does something over and over, with a pause after each time, until it is told to stop.
fn over_and_over<F>(
    stop: &Arc<AtomicBool>,
    pause: Duration,
    what: impl Fn(usize) -> F + Send + 'static,
) -> JoinHandle<Came>
where
    F: Future<Output = anyhow::Result<String>> + Send + 'static,
{
    let stop = Arc::clone(stop);
    tokio::spawn(async move {
        let mut came = Came::new();
        while !stop.load(Ordering::Relaxed) {
            came.push(what(came.len()).await.map_err(|error| format!("{error:#}")));
            tokio::time::sleep(pause).await;
        }
        came
    })
}

/// What was left behind, where nothing failed.
async fn all_of(what: &str, doing: JoinHandle<Came>) -> Vec<String> {
    let came = doing.await.unwrap();
    let failed: Vec<&String> = came.iter().filter_map(|one| one.as_ref().err()).collect();
    assert!(failed.is_empty(), "{} of {} {what}: {failed:#?}", failed.len(), came.len());
    assert!(came.len() > 20, "only {} {what}", came.len());
    came.into_iter().filter_map(Result::ok).collect()
}

/// A buyer and a seller who know each other.
struct Two {
    buyer: Person,
    buyer_id: String,
    seller: Person,
    seller_id: String,
    gig: Value,
}

impl Two {
    async fn meet(base: &str) -> anyhow::Result<Self> {
        let (buyer, seller) = (Person::sign_up(base, "Marta").await?, Person::sign_up(base, "Iria").await?);
        let known = until(async || buyer.buyer().await).await;
        let buyer_id = known["_id"].as_str().context("a buyer without an id")?.to_owned();
        until(async || seller.buyer().await).await;
        let seller_id = seller.sell().await?;
        let gig = until(async || seller.publish(&seller_id, "I will make logo sketches").await).await;
        let gig = seller.client.get(&format!("/gig/{gig}")).await?["gig"].clone();
        let two = Self { buyer, buyer_id, seller, seller_id, gig };
        // Services hear of each other's people later.
        until(async || write(two.buyer.client.clone(), two.message("hello")).await).await;
        until(async || order(two.buyer.client.clone(), two.order("JO00000000")).await).await;
        Ok(two)
    }

    fn message(&self, words: &str) -> Value {
        json!({ "conversationId": "123456789012345", "hasConversationId": false, "body": words, "gigId": self.gig["id"],
            "sellerId": self.seller_id, "buyerId": self.buyer_id, "senderUsername": self.buyer.name,
            "senderPicture": PICTURE, "receiverUsername": self.seller.name, "receiverPicture": PICTURE, "isRead": false,
            "hasOffer": false })
    }

    fn order(&self, number: &str) -> Value {
        let (now, due) = ("2026-11-24T09:00:00.000Z", "2035-12-01T09:00:00.000Z");
        let gig = &self.gig;
        json!({ "offer": { "gigTitle": gig["title"], "price": 40, "description": "Three drafts", "deliveryInDays": 3,
                "oldDeliveryDate": due, "newDeliveryDate": due, "accepted": true, "cancelled": false },
            "gigId": gig["id"], "sellerId": self.seller_id, "sellerUsername": self.seller.name,
            "sellerEmail": mail_address(&self.seller.name), "sellerImage": gig["profilePicture"],
            "gigCoverImage": gig["coverImage"], "gigMainTitle": gig["title"], "gigBasicTitle": gig["basicTitle"],
            "gigBasicDescription": gig["basicDescription"], "buyerId": self.buyer_id, "buyerUsername": self.buyer.name,
            "buyerEmail": mail_address(&self.buyer.name), "buyerImage": "https://img.example.org/a.png",
            "status": "in progress", "orderId": number, "invoiceId": "JI12345678901", "quantity": 1, "price": 40,
            "requirements": "Blue tones", "dateOrdered": now,
            "events": { "placeOrder": now, "requirements": now, "orderStarted": now } })
    }
}

/// Sends a message: its words.
async fn write(client: Client, message: Value) -> anyhow::Result<String> {
    client.post("/message", message.clone()).await?;
    Ok(message["body"].as_str().context("no words")?.to_owned())
}

/// Pays and orders: the order's number.
async fn order(client: Client, mut order: Value) -> anyhow::Result<String> {
    let paid = client.post("/order/create-payment-intent", json!({ "price": 40 })).await?;
    order["paymentIntent"] = paid["paymentIntentId"].clone();
    client.post("/order", order.clone()).await?;
    Ok(order["orderId"].as_str().context("no number")?.to_owned())
}

/// No request fails, nothing that was answered is lost or comes twice, and sockets go on where they were.
#[tokio::test(flavor = "multi_thread")]
async fn a_rolling_restart_fails_no_request_and_loses_no_event() {
    let settings =
        vec![(None, "JOBAPP_DRAIN_SECONDS", DRAIN.to_owned()), (None, "JOBAPP_RATE_LIMITS", "off".to_owned())];
    let world = cluster(Plan { each: 2, settings, ..Plan::default() }).await;
    let balancer = Balancer::before(world.gateways()).await.unwrap();
    let two = Arc::new(Two::meet(&balancer.url).await.unwrap());

    let agent = Agent::start().await;
    let cookie = session_of(&balancer.url, &two.seller.name).await.unwrap();
    let opening = Opening { cookie: Some(cookie), insistent: true, ..Opening::default() };
    let mut tab = agent.joined("iria", &balancer.url, opening).await;
    tab.until_online(&["Iria"]).await;

    let stop = Arc::new(AtomicBool::new(false));
    let messages = over_and_over(&stop, Duration::from_millis(400), {
        let two = Arc::clone(&two);
        move |number| write(two.buyer.client.clone(), two.message(&format!("message {number}")))
    });
    let orders = over_and_over(&stop, Duration::from_millis(1500), {
        let two = Arc::clone(&two);
        move |number| order(two.buyer.client.clone(), two.order(&format!("JO1{number:07}")))
    });
    let gigs = over_and_over(&stop, Duration::from_millis(500), {
        let two = Arc::clone(&two);
        move |number| {
            let two = Arc::clone(&two);
            async move { two.seller.publish(&two.seller_id, &format!("I will do wood carving {number}")).await }
        }
    });
    let reads = over_and_over(&stop, Duration::from_millis(50), {
        let two = Arc::clone(&two);
        move |_| {
            let two = Arc::clone(&two);
            async move {
                let client = &two.buyer.client;
                client.get("/auth/currentuser").await?;
                client.get("/buyer/username").await?;
                client.get(&format!("/gig/{}", two.gig["id"].as_str().unwrap_or_default())).await?;
                client.get("/auth/search/gig/0/10/forward?query=carving").await?;
                client.get(&format!("/order/buyer/{}", two.buyer_id)).await?;
                client.get(&format!("/review/seller/{}", two.seller_id)).await?;
                Ok(String::new())
            }
        }
    });

    let ended = replaced(&world).await;
    stop.store(true, Ordering::Relaxed);
    let messages = all_of("messages", messages).await;
    let orders = all_of("orders", orders).await;
    let gigs = all_of("gigs", gigs).await;
    all_of("reads", reads).await;
    assert_eq!(ended, Vec::<String>::new(), "every program ends as it should");

    until(async || nothing_is_lost(&two, &messages, &orders, gigs.len()).await).await;
    let mut heard = Vec::new();
    while heard.last() != messages.last() {
        match tab.next_but_pings().await {
            Heard::Event { args } if args[0] == "message received" => {
                heard.push(args[1]["body"].as_str().unwrap_or_default().to_owned());
            }
            Heard::Connect { recovered, .. } => assert!(recovered, "a socket that goes on heard everything meanwhile"),
            _ => {}
        }
    }
    assert_eq!(heard, messages, "each once, in order");
    drop(balancer.tasks);
}

/// Stops and starts every process: those that did not end as they should, with the end of their log.
async fn replaced(world: &Cluster) -> Vec<String> {
    let mut badly = Vec::new();
    for process in world.processes() {
        let well = tokio::task::block_in_place(|| process.stop()).unwrap();
        if !well {
            let log = process.log();
            let last: Vec<&str> = log.lines().rev().take(5).collect();
            badly.push(format!("{}: {last:#?}", process.service()));
        }
        process.start().unwrap();
        process.ready().await.unwrap();
        // The balancer hears of it.
        tokio::time::sleep(LOOK * 5).await;
    }
    badly
}

/// Everything that was answered is there, once, and so is what follows from it.
async fn nothing_is_lost(two: &Two, messages: &[String], orders: &[String], gigs: usize) -> anyhow::Result<()> {
    let client = &two.buyer.client;
    let conversation = client.get(&format!("/message/{}/{}", two.buyer.name, two.seller.name)).await?;
    let id = conversation["conversations"][0]["conversationId"].as_str().context("no conversation")?;
    let stored = client.get(&format!("/message/{id}")).await?;
    let stored = stored["messages"].as_array().context("no messages")?;
    let words: Vec<&str> = stored.iter().skip(1).filter_map(|message| message["body"].as_str()).collect();
    ensure!(words == *messages, "{} messages instead of {}", words.len(), messages.len());

    let stored = client.get(&format!("/order/buyer/{}", two.buyer_id)).await?;
    let mut numbers: Vec<&str> = stored["orders"]
        .as_array()
        .context("no orders")?
        .iter()
        .filter_map(|order| order["orderId"].as_str())
        .collect();
    numbers.sort_unstable();
    let wanted: Vec<&str> = std::iter::once("JO00000000").chain(orders.iter().map(String::as_str)).collect();
    ensure!(numbers == wanted, "{} orders instead of {}", numbers.len(), wanted.len());

    let seller = client.get(&format!("/seller/id/{}", two.seller_id)).await?;
    let (working, offered) = (&seller["seller"]["ongoingJobs"], &seller["seller"]["totalGigs"]);
    ensure!(*working == wanted.len(), "{working} jobs are counted instead of {}", wanted.len());
    ensure!(*offered == gigs + 1, "{offered} gigs are counted instead of {}", gigs + 1);
    let found = crate::people::search(client, "carving").await?;
    ensure!(found == gigs as u64, "{found} gigs are found instead of {gigs}");
    let notices = two.seller.client.get(&format!("/order/notification/{}", two.seller.name)).await?;
    let notices = notices["notifications"].as_array().context("no notices")?.len();
    // The last 200 are told.
    ensure!(notices == wanted.len().min(200), "{notices} notices instead of {}", wanted.len());
    Ok(())
}
