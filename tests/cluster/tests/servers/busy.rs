//! Two people who do business over and over, and what must be there of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, ensure};
use jobapp_client::Client;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::people::{PICTURE, Person, mail_address};
use crate::world::until;

/// The order by which they find out that services know of each other's people.
const FIRST_ORDER: &str = "JO00000000";

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

/// Two people at work: they write, order, publish and look around until they are told to stop.
pub(crate) struct Busy {
    stop: Arc<AtomicBool>,
    messages: JoinHandle<Came>,
    orders: JoinHandle<Came>,
    gigs: JoinHandle<Came>,
    reads: JoinHandle<Came>,
}

/// What they did, all of it answered.
pub(crate) struct Done {
    /// The words of the messages, in order.
    pub(crate) messages: Vec<String>,
    /// The numbers of the orders.
    pub(crate) orders: Vec<String>,
    /// The ids of the gigs.
    pub(crate) gigs: Vec<String>,
}

impl Busy {
    pub(crate) fn begin(two: &Arc<Two>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let messages = over_and_over(&stop, Duration::from_millis(400), {
            let two = Arc::clone(two);
            move |number| write(two.buyer.client.clone(), two.message(&format!("message {number}")))
        });
        let orders = over_and_over(&stop, Duration::from_millis(1500), {
            let two = Arc::clone(two);
            move |number| order(two.buyer.client.clone(), two.order(&format!("JO1{number:07}")))
        });
        let gigs = over_and_over(&stop, Duration::from_millis(500), {
            let two = Arc::clone(two);
            move |number| {
                let two = Arc::clone(&two);
                async move { two.seller.publish(&two.seller_id, &format!("I will do wood carving {number}")).await }
            }
        });
        let reads = over_and_over(&stop, Duration::from_millis(50), {
            let two = Arc::clone(two);
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
        Self { stop, messages, orders, gigs, reads }
    }

    /// Lets them finish. Fails when anything they asked for failed.
    pub(crate) async fn end(self) -> Done {
        self.stop.store(true, Ordering::Relaxed);
        let done = Done {
            messages: all_of("messages", self.messages).await,
            orders: all_of("orders", self.orders).await,
            gigs: all_of("gigs", self.gigs).await,
        };
        all_of("reads", self.reads).await;
        done
    }
}

/// A buyer and a seller who know each other.
pub(crate) struct Two {
    pub(crate) buyer: Person,
    pub(crate) buyer_id: String,
    pub(crate) seller: Person,
    pub(crate) seller_id: String,
    pub(crate) gig: Value,
}

impl Two {
    pub(crate) async fn meet(base: &str) -> anyhow::Result<Self> {
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
        until(async || order(two.buyer.client.clone(), two.order(FIRST_ORDER)).await).await;
        Ok(two)
    }

    pub(crate) fn message(&self, words: &str) -> Value {
        json!({ "conversationId": "123456789012345", "hasConversationId": false, "body": words, "gigId": self.gig["id"],
            "sellerId": self.seller_id, "buyerId": self.buyer_id, "senderUsername": self.buyer.name,
            "senderPicture": PICTURE, "receiverUsername": self.seller.name, "receiverPicture": PICTURE, "isRead": false,
            "hasOffer": false })
    }

    pub(crate) fn order(&self, number: &str) -> Value {
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

    /// Whether everything that was answered is there, once, and so is what follows from it.
    pub(crate) async fn has_all_of(&self, done: &Done) -> anyhow::Result<()> {
        let there = self.all().await?;
        let (messages, wanted) = (there.messages.len(), done.messages.len());
        ensure!(there.messages == done.messages, "{messages} messages instead of {wanted}");
        ensure!(there.orders == done.orders, "{} orders instead of {}", there.orders.len(), done.orders.len());
        ensure!(there.gigs.len() == done.gigs.len(), "{} gigs instead of {}", there.gigs.len(), done.gigs.len());
        Ok(())
    }

    /// Everything that is stored, whatever follows from it.
    pub(crate) async fn stored(&self) -> anyhow::Result<Done> {
        let client = &self.buyer.client;
        let conversation = client.get(&format!("/message/{}/{}", self.buyer.name, self.seller.name)).await?;
        let words = |message: &Value| message["body"].as_str().map(str::to_owned);
        let messages = conversation["messages"].as_array().context("no messages")?;
        // The first is from before they were busy.
        let messages: Vec<String> = messages.iter().skip(1).filter_map(words).collect();

        let stored = client.get(&format!("/order/buyer/{}", self.buyer_id)).await?;
        let stored = stored["orders"].as_array().context("no orders")?;
        let mut orders: Vec<String> =
            stored.iter().filter_map(|order| order["orderId"].as_str().map(str::to_owned)).collect();
        orders.sort_unstable();
        ensure!(orders.first().is_some_and(|first| first == FIRST_ORDER), "{:?}", orders.first());
        orders.remove(0);
        let stored = client.get(&format!("/gig/seller/{}", self.seller_id)).await?;
        let stored = stored["gigs"].as_array().context("no gigs")?;
        let gigs: Vec<String> = stored.iter().filter_map(|gig| gig["id"].as_str().map(str::to_owned)).collect();
        let gigs: Vec<String> = gigs.into_iter().filter(|gig| self.gig["id"] != gig.as_str()).collect();
        Ok(Done { messages, orders, gigs })
    }

    /// Everything that is stored, once what follows from it is there, too: it is counted, found and told.
    pub(crate) async fn all(&self) -> anyhow::Result<Done> {
        let stored = self.stored().await?;
        let (gigs, orders) = (stored.gigs.len() + 1, stored.orders.len() + 1);
        let client = &self.buyer.client;
        let seller = client.get(&format!("/seller/id/{}", self.seller_id)).await?;
        let (working, offered) = (&seller["seller"]["ongoingJobs"], &seller["seller"]["totalGigs"]);
        ensure!(*working == orders, "{working} jobs are counted instead of {orders}");
        ensure!(*offered == gigs, "{offered} gigs are counted instead of {gigs}");
        let notices = self.seller.client.get(&format!("/order/notification/{}", self.seller.name)).await?;
        let notices = notices["notifications"].as_array().context("no notices")?.len();
        // The last 200 are told.
        ensure!(notices == orders.min(200), "{notices} notices instead of {orders}");
        let found = crate::people::search(client, "carving").await?;
        ensure!(found + 1 == gigs as u64, "{found} gigs are found instead of {}", gigs - 1);
        Ok(stored)
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
    let intent = paid["paymentIntentId"].as_str().context("no payment")?;
    client.call(Method::POST, &format!("/_dev/payments/{intent}/confirm"), Some(json!({}))).await?;
    order["paymentIntent"] = json!(intent);
    client.post("/order", order.clone()).await?;
    Ok(order["orderId"].as_str().context("no number")?.to_owned())
}
