//! The service on memory adapters: requests in, messages out and in again.

mod at_once;
mod cancelling;
mod lifecycle;
mod messages;
mod payments;
mod placing;
mod reading;
mod waiting;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use futures::FutureExt;
use http::{Request, StatusCode, header};
use http_body_util::BodyExt;
use jobapp_directory::{CardUpdate, Directory};
use jobapp_http::{GatewayTokens, TokenKeys, UserClaims, UserTokens};
use jobapp_kernel::{Clock, Delivery, FixedClock, Message, MessageId, Outcome, SequenceIds, Timestamp};
use jobapp_media::MemoryMedia;
use jobapp_memory::MemoryStore;
use jobapp_order_service::{OrderConfig, OrderPorts, OrderService};
use jobapp_orders::{Order, OrderEvent, Orders, Webhook};
use jobapp_payments::FakePayments;
use jobapp_platform::{Service, Shared};
use secrecy::SecretString;
use serde_json::{Value, json};
use tower::ServiceExt;

const GIG: &str = "66f0c0ffee00000000009001";
const SELLER: &str = "66f0c0ffee0000000000a001";
const BUYER: &str = "66f0c0ffee0000000000b001";
const OTHER_BUYER: &str = "66f0c0ffee0000000000b002";

/// The marketplace as the order service sees it: Iria sells a gig, Marta and Otto buy.
struct World {
    store: MemoryStore,
    clock: Arc<FixedClock>,
    payments: FakePayments,
    media: Arc<MemoryMedia>,
    service: OrderService,
    orders: Orders,
    directory: Arc<Directory>,
    /// Every message that was published, oldest first.
    published: Mutex<Vec<Message>>,
    /// How often each message is delivered.
    deliveries: u32,
}

/// An answer: its status and its body.
#[derive(Debug)]
struct Answer(StatusCode, Value);

impl Answer {
    #[track_caller]
    fn must_be(self, status: u16) -> Value {
        assert_eq!(self.0.as_u16(), status, "{}", self.1);
        if status >= 400 {
            assert_eq!((&self.1["statusCode"], &self.1["status"]), (&json!(status), &json!("error")), "{}", self.1);
        }
        self.1
    }

    #[track_caller]
    fn says(self, status: u16, message: &str) {
        assert_eq!(self.must_be(status)["message"], message);
    }
}

fn keys(secret: &str) -> TokenKeys {
    TokenKeys::single(&SecretString::from(secret.to_owned()))
}

impl World {
    /// Nothing is known of anybody.
    fn empty() -> Self {
        let clock = Arc::new(FixedClock::at("2026-11-24T10:00:00Z".parse().unwrap()));
        let store = MemoryStore::with(Arc::clone(&clock) as Arc<dyn Clock>, None);
        let payments = FakePayments::new(store.repository(), Arc::clone(&clock) as Arc<dyn Clock>);
        let media = Arc::new(MemoryMedia::default());
        let shared = Shared {
            clock: Arc::clone(&clock) as _,
            ids: Arc::new(SequenceIds::default()),
            media: Arc::clone(&media) as _,
            gateway_tokens: GatewayTokens::new(keys("gateway")),
            user_tokens: UserTokens::new(keys("users"), 900),
            ..Shared::in_memory()
        };
        // A store in memory is there at once.
        let ports = OrderPorts::open(&store.clone().into(), &shared, Arc::new(payments.clone())).now_or_never();
        let ports = ports.unwrap().unwrap();
        let directory = Arc::new(ports.directory.clone());
        let orders = Orders::new(ports.orders.clone(), OrderConfig::default().patience);
        let service = OrderService::new(ports, OrderConfig::default());
        payments.set_webhook(Arc::new(service.clone()) as Arc<dyn Webhook>);
        Self {
            store,
            clock,
            payments,
            media,
            service,
            orders,
            directory,
            published: Mutex::new(Vec::new()),
            deliveries: 1,
        }
    }

    /// Everybody and the gig, for 40.00, are known.
    async fn new() -> Self {
        let world = Self::empty();
        world.know("Iria", "66f0c0ffee0000000000b009", Some(SELLER)).await;
        world.know("Marta", BUYER, None).await;
        world.know("Otto", OTHER_BUYER, None).await;
        world.gig(40.0, 1).await;
        world
    }

    async fn know(&self, name: &str, buyer: &str, seller: Option<&str>) {
        let email = format!("{}@example.org", name.to_lowercase());
        let (picture, country) = (format!("{name}.png"), "Portugal".to_owned());
        let update = CardUpdate::Buyer {
            buyer_id: buyer.parse().unwrap(),
            email: email.clone(),
            picture: picture.clone(),
            country: country.clone(),
        };
        self.directory.apply(name, update, 1).await.unwrap();
        if let Some(seller) = seller {
            let seller_id = seller.parse().unwrap();
            let (full_name, oneliner) = (name.to_owned(), "I draw".to_owned());
            let update = CardUpdate::Seller { seller_id, email, picture, country, full_name, oneliner };
            self.directory.apply(name, update, 1).await.unwrap();
        }
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn later(&self, hours: u64) {
        self.clock.advance(Duration::from_secs(hours * 3600));
    }

    /// Tells that the gig costs this from now on.
    async fn gig(&self, price: f64, version: u64) {
        let gig = gig_document(price);
        self.tell("order-gig-queue", version, json!({"type": "gig-saved", "gig": gig, "at": self.now()})).await;
    }

    /// Whoever keeps the gigs answers what an order asked: the gig costs this, or there is none.
    async fn gig_answered(&self, order: &Value, price: Option<f64>, version: u64) {
        let gig = price.map(gig_document);
        let told = json!({"type": "gig-told", "gigId": GIG, "orderId": order, "gig": gig, "version": version, "at": self.now()});
        self.tell("order-told-queue", version, told).await;
    }

    /// Whoever keeps the offers answers what an order asked.
    async fn offers_answered(&self, order: &Value, offers: &[Value]) {
        let offers: Vec<_> = offers.iter().map(|offer| json!({"version": 1, "offer": offer})).collect();
        self.tell("order-told-queue", 1, json!({"type": "offers-told", "orderId": order, "offers": offers})).await;
    }

    /// Tells of an offer of Iria's to Marta.
    async fn offer(&self, message: &str, price: f64, version: u64, accepted: bool, cancelled: bool) {
        let offer = offer_document(message, price, accepted, cancelled);
        self.tell("order-offer-queue", version, offer).await;
    }

    /// Delivers a foreign message and everything that follows from it.
    async fn tell(&self, queue: &str, version: u64, body: Value) {
        assert_eq!(self.deliver(queue, version, body, 0).await, Outcome::Done);
        self.settle().await;
    }

    async fn deliver(&self, queue: &str, version: u64, body: Value, attempt: u32) -> Outcome {
        let message = Message {
            id: Some(MessageId(format!("{queue}/{version}"))),
            kind: body["type"].as_str().unwrap_or_default().to_owned(),
            exchange: String::new(),
            routing_key: String::new(),
            timestamp: self.now(),
            headers: [("x-version".to_owned(), version.to_string())].into(),
            body: serde_json::to_vec(&body).unwrap(),
        };
        let (subscription, handler) = self.consumer(queue);
        handler.handle(&Delivery { message, queue: subscription.queue.name, attempt, redelivered: attempt > 0 }).await
    }

    fn consumer(&self, queue: &str) -> jobapp_runtime::Consumer {
        self.service.consumers().into_iter().find(|(wanted, _)| wanted.queue.name == queue).unwrap()
    }

    /// Publishes what waits and lets the service hear what is for it, until nothing is left. Returns what was not done.
    async fn settle(&self) -> Vec<Outcome> {
        let mut troubles = Vec::new();
        let outbox = self.store.outbox();
        loop {
            let entries = outbox.lease("test", Duration::from_secs(60), 100).await.unwrap();
            if entries.is_empty() {
                return troubles;
            }
            for entry in &entries {
                let messages = (self.service.translator().unwrap())(entry).unwrap();
                for (index, mut message) in messages.into_iter().enumerate() {
                    message.id = Some(MessageId(format!("{}#{index}", entry.id)));
                    message.headers.insert("x-version".to_owned(), entry.version.to_string());
                    self.published.lock().unwrap().push(message.clone());
                    troubles.extend(self.hear(&message).await);
                }
            }
            let ids: Vec<_> = entries.into_iter().map(|entry| entry.id).collect();
            outbox.clear("test", &ids).await.unwrap();
        }
    }

    async fn hear(&self, message: &Message) -> Vec<Outcome> {
        let mut troubles = Vec::new();
        for (subscription, handler) in self.service.consumers() {
            let queue = subscription.queue;
            if queue.exchange.name != message.exchange || queue.routing_key != message.routing_key {
                continue;
            }
            for attempt in 0..self.deliveries {
                let delivery =
                    Delivery { message: message.clone(), queue: queue.name, attempt, redelivered: attempt > 0 };
                match handler.handle(&delivery).await {
                    Outcome::Done => {}
                    trouble => troubles.push(trouble),
                }
            }
        }
        troubles
    }

    /// The bodies of the messages of a kind that were published.
    fn told(&self, kind: &str) -> Vec<Value> {
        let published = self.published.lock().unwrap();
        published.iter().filter(|message| message.kind == kind).map(|message| message.json().unwrap()).collect()
    }

    async fn ask(&self, who: &str, method: &str, path: &str, body: &Value, key: Option<&str>) -> Answer {
        let claims = UserClaims {
            id: 1,
            email: format!("{}@example.org", who.to_lowercase()),
            username: who.to_owned(),
            sid: "s".into(),
            role: None,
        };
        let user = UserTokens::new(keys("users"), 900).issue(&claims).unwrap();
        let gateway = GatewayTokens::new(keys("gateway")).issue("order").unwrap();
        let mut request = Request::builder()
            .method(method)
            .uri(format!("/api/v1/order{path}"))
            .header("gatewaytoken", gateway)
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::AUTHORIZATION, format!("Bearer {user}"));
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        answer(self.service.router().oneshot(request.body(body).unwrap()).await.unwrap()).await
    }

    async fn get(&self, who: &str, path: &str) -> Answer {
        self.ask(who, "GET", path, &Value::Null, None).await
    }

    async fn put(&self, who: &str, path: &str, body: Value) -> Answer {
        let answer = self.ask(who, "PUT", path, &body, None).await;
        self.settle().await;
        answer
    }

    async fn post(&self, who: &str, path: &str, body: &Value) -> Answer {
        let answer = self.ask(who, "POST", path, body, None).await;
        self.settle().await;
        answer
    }

    /// Plans a payment and returns its id.
    async fn plan(&self, who: &str, price: f64) -> String {
        let body = self.post(who, "/create-payment-intent", &json!({"price": price})).await.must_be(201);
        body["paymentIntentId"].as_str().unwrap().to_owned()
    }

    /// Pays and returns the payment's id.
    async fn pay(&self, who: &str, price: f64) -> String {
        let intent = self.plan(who, price).await;
        self.payments.confirm(&intent).await.unwrap();
        self.settle().await;
        intent
    }

    async fn place(&self, who: &str, number: &str, intent: &str, price: f64) -> Answer {
        self.post(who, "", &order(who, number, intent, price)).await
    }

    /// Marta's order of the gig, started.
    async fn started(&self) -> Value {
        let intent = self.pay("Marta", 40.0).await;
        self.place("Marta", "JO1", &intent, 40.0).await.must_be(201)["order"].take()
    }

    async fn is_refunded(&self, intent: &str) -> bool {
        let intents = self.payments.newest(100).await.unwrap();
        intents.iter().any(|known| jobapp_kernel::Aggregate::id(known).to_string() == intent && known.was_refunded())
    }

    async fn refunds(&self) -> usize {
        self.payments.newest(100).await.unwrap().iter().filter(|intent| intent.was_refunded()).count()
    }

    fn orders(&self) -> usize {
        self.store.count::<Order>()
    }
}

async fn answer(response: http::Response<Body>) -> Answer {
    let status = response.status();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    Answer(status, serde_json::from_slice(&bytes).unwrap_or_else(|_| json!(String::from_utf8_lossy(&bytes))))
}

/// The gig, as the gig service tells it.
fn gig_document(price: f64) -> Value {
    let stars = json!({"value": 0, "count": 0});
    json!({"id": GIG, "sellerId": SELLER, "username": "Iria", "profilePicture": "Iria.png",
        "email": "iria@example.org", "title": "I will draw a logo", "description": "long", "categories": "Design",
        "subCategories": ["Logo"], "tags": ["logo"], "active": true, "expectedDelivery": "3 Days Delivery",
        "basicTitle": "Basic", "basicDescription": "Drafts", "ratingsCount": 0, "ratingSum": 0, "price": price,
        "ratingCategories": {"five": stars, "four": stars, "three": stars, "two": stars, "one": stars},
        "coverImage": "cover.png", "sortId": 1_000_000_001_i64, "createdAt": "2026-11-01T00:00:00Z"})
}

/// An offer of Iria's to Marta, as the chat service tells it.
fn offer_document(message: &str, price: f64, accepted: bool, cancelled: bool) -> Value {
    json!({"type": "offer-changed", "messageId": message, "conversationId": "1", "sellerId": SELLER,
        "buyerId": BUYER, "sellerUsername": "Iria", "buyerUsername": "Marta", "gigId": GIG, "price": price,
        "deliveryInDays": 7, "accepted": accepted, "cancelled": cancelled, "at": "2026-11-24T10:00:00Z"})
}

/// What a browser sends to place an order.
fn order(who: &str, number: &str, intent: &str, price: f64) -> Value {
    let buyer = if who == "Otto" { OTHER_BUYER } else { BUYER };
    json!({
        "offer": {"gigTitle": "Logo", "price": price, "description": "Three drafts", "deliveryInDays": 3,
            "oldDeliveryDate": "Fri Nov 27 2026 11:00:00 GMT+0100 (Central European Standard Time)",
            "newDeliveryDate": "Fri Nov 27 2026 11:00:00 GMT+0100 (Central European Standard Time)",
            "accepted": true, "cancelled": false},
        "gigId": GIG, "sellerId": SELLER, "sellerUsername": "Somebody", "sellerEmail": "somebody@example.org",
        "sellerImage": "s.png", "gigCoverImage": "c.png", "gigMainTitle": "claimed", "gigBasicTitle": "claimed",
        "gigBasicDescription": "claimed", "buyerId": buyer, "buyerUsername": who, "buyerEmail": "other@example.org",
        "buyerImage": "b.png", "status": "Completed", "orderId": number, "invoiceId": "JI83920110457", "quantity": 1,
        "price": price, "serviceFee": 0, "requirements": "Blue tones", "paymentIntent": intent,
        "dateOrdered": "Tue Nov 24 2026 11:00:00 GMT+0100 (Central European Standard Time)",
        "events": {"placeOrder": "2026-11-24T10:00:00Z", "requirements": "2026-11-24T10:00:00Z",
            "orderStarted": "2026-11-24T10:00:00Z"},
    })
}

fn extension(days: i64) -> Value {
    json!({"originalDate": "2026-11-27T10:00:00.000Z",
        "newDate": format!("Mon Nov {} 2026 11:00:00 GMT+0100 (Central European Standard Time)", 27 + days),
        "days": days, "reason": "illness"})
}

fn names(events: &[jobapp_kernel::OutboxEntry]) -> Vec<String> {
    let read = |entry: &jobapp_kernel::OutboxEntry| serde_json::from_value::<OrderEvent>(entry.event.clone());
    events.iter().filter_map(|entry| read(entry).ok()).map(|event| event.name().to_owned()).collect()
}
