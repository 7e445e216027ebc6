//! A chat service on memory, and requests to it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use futures::FutureExt;
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt;
use jobapp_chat::Chat;
use jobapp_chat_service::{ChatConfig, ChatPorts, ChatService};
use jobapp_directory::CardUpdate;
use jobapp_http::UserClaims;
use jobapp_kernel::{Delivery, Message, MessageId, OutboxEntry, Outcome, PublishError, Publisher, Queue, Timestamp};
use jobapp_media::{MediaLimits, MemoryMedia};
use jobapp_memory::MemoryStore;
use jobapp_platform::{Service, Shared};
use jobapp_wire::queues::CHAT_GIG;
use serde::Serialize;
use serde_json::{Value, json};
use tower::ServiceExt;

pub(crate) const BUYER_OF_MARTA: &str = "66f0c0ffee0000000000b001";
pub(crate) const SELLER_OF_IRIA: &str = "66f0c0ffee0000000000a002";
pub(crate) const GIG: &str = "66f0c0ffee00000000009001";

/// What the service published without an event: questions and answers.
#[derive(Default)]
pub(crate) struct Notes {
    messages: Mutex<Vec<Message>>,
}

impl Notes {
    /// The bodies of those for a queue, oldest first.
    pub(crate) fn for_queue(&self, queue: Queue) -> Vec<Value> {
        let messages = self.messages.lock().unwrap();
        let is_for_it =
            |message: &&Message| message.exchange == queue.exchange.name && message.routing_key == queue.routing_key;
        messages.iter().filter(is_for_it).map(|message| message.json().unwrap()).collect()
    }
}

#[async_trait]
impl Publisher for Notes {
    async fn publish(&self, messages: &[Message]) -> Vec<Result<(), PublishError>> {
        self.messages.lock().unwrap().extend_from_slice(messages);
        messages.iter().map(|_| Ok(())).collect()
    }
}

pub(crate) struct App {
    pub(crate) store: MemoryStore,
    pub(crate) media: Arc<MemoryMedia>,
    pub(crate) notes: Arc<Notes>,
    pub(crate) service: ChatService,
    pub(crate) router: Router,
    pub(crate) chat: Chat,
    shared: Shared,
}

impl App {
    /// Marta buys, Iria sells a gig, Ana is a stranger.
    pub(crate) async fn new() -> Self {
        let app = Self::without_users();
        app.meet("Marta", BUYER_OF_MARTA, None).await;
        app.meet("Iria", "66f0c0ffee0000000000b002", Some(SELLER_OF_IRIA)).await;
        app.meet("Ana", "66f0c0ffee0000000000b003", Some("66f0c0ffee0000000000a003")).await;
        let saved = json!({"type": "gig-saved", "gig": {"id": GIG, "sellerId": SELLER_OF_IRIA}});
        assert_eq!(app.deliver(CHAT_GIG, &saved).await, Outcome::Done);
        app
    }

    pub(crate) fn without_users() -> Self {
        let store = MemoryStore::new();
        let media = Arc::new(MemoryMedia::with_limits(MediaLimits { file: 100_000, ..MediaLimits::default() }));
        let notes = Arc::new(Notes::default());
        let shared =
            Shared { media: Arc::clone(&media) as _, publisher: Arc::clone(&notes) as _, ..Shared::in_memory() };
        // A store in memory is there at once.
        let ports = ChatPorts::open(&store.clone().into(), &shared).now_or_never().unwrap().unwrap();
        let config = ChatConfig { client_url: "https://app.example.org".into(), ..ChatConfig::default() };
        let chat = ports.chat.clone();
        let service = ChatService::new(ports, config);
        Self { store, media, notes, router: service.router(), service, chat, shared }
    }

    /// Hears of a user.
    pub(crate) async fn meet(&self, name: &str, buyer: &str, seller: Option<&str>) {
        let directory = &self.chat.directory;
        let (email, country) = (format!("{}@example.org", name.to_lowercase()), "Portugal".to_owned());
        let picture = format!("https://img.example.org/{name}.png");
        let update = CardUpdate::Buyer {
            buyer_id: buyer.parse().unwrap(),
            email: email.clone(),
            picture: picture.clone(),
            country: country.clone(),
        };
        directory.apply(name, update, 1).await.unwrap();
        if let Some(seller) = seller {
            let seller_id = seller.parse().unwrap();
            let (full_name, oneliner) = (name.to_owned(), String::new());
            let update = CardUpdate::Seller { seller_id, email, picture, country, full_name, oneliner };
            directory.apply(name, update, 1).await.unwrap();
        }
    }

    /// A request from `who`, as the gateway makes it.
    pub(crate) fn request(&self, method: Method, who: &str, path: &str, body: Option<&Value>) -> Request<Body> {
        let user = UserClaims {
            id: 1,
            email: format!("{who}@example.org"),
            username: who.to_owned(),
            sid: "s".to_owned(),
            role: None,
        };
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        Request::builder()
            .method(method)
            .uri(format!("/api/v1/message{path}"))
            .header("content-type", "application/json")
            .header("gatewaytoken", self.shared.gateway_tokens.issue("message").unwrap())
            .header("authorization", format!("Bearer {}", self.shared.user_tokens.issue(&user).unwrap()))
            .body(body)
            .unwrap()
    }

    pub(crate) async fn call(&self, request: Request<Body>) -> (StatusCode, Value) {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    pub(crate) async fn get(&self, who: &str, path: &str) -> (StatusCode, Value) {
        self.call(self.request(Method::GET, who, path, None)).await
    }

    pub(crate) async fn put(&self, who: &str, path: &str, body: Value) -> (StatusCode, Value) {
        self.call(self.request(Method::PUT, who, path, Some(&body))).await
    }

    pub(crate) async fn post(&self, who: &str, body: &Value) -> (StatusCode, Value) {
        self.call(self.request(Method::POST, who, "", Some(body))).await
    }

    /// Posts and expects it to work: the stored message.
    pub(crate) async fn posted(&self, who: &str, body: &Value) -> Value {
        let (status, answer) = self.post(who, body).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        answer["messageData"].clone()
    }

    /// The messages of everything that happened, as the relay would publish them.
    pub(crate) fn published(&self) -> Vec<Message> {
        self.store.events().iter().flat_map(|entry| self.translated(entry)).collect()
    }

    fn translated(&self, entry: &OutboxEntry) -> Vec<Message> {
        (self.service.translator().unwrap())(entry).unwrap()
    }

    /// The bodies of what was published on an exchange.
    pub(crate) fn published_on(&self, exchange: jobapp_kernel::Exchange) -> Vec<Value> {
        let on_it = |message: &Message| message.exchange == exchange.name;
        self.published().iter().filter(|message| on_it(message)).map(|message| message.json().unwrap()).collect()
    }

    /// Delivers a body to the consumer of a queue.
    pub(crate) async fn deliver(&self, queue: Queue, body: &impl Serialize) -> Outcome {
        let (_, handler) =
            self.service.consumers().into_iter().find(|(subscription, _)| subscription.queue == queue).unwrap();
        let message = Message {
            id: Some(MessageId("m/1/1/0#0".to_owned())),
            kind: String::new(),
            exchange: queue.exchange.name.to_owned(),
            routing_key: String::new(),
            timestamp: Timestamp::EPOCH,
            headers: BTreeMap::from([("x-version".to_owned(), "1".to_owned())]),
            body: serde_json::to_vec(body).unwrap(),
        };
        handler.handle(&Delivery { message, queue: queue.name, attempt: 0, redelivered: false }).await
    }
}

/// Marta writes to Iria.
pub(crate) fn from_marta(text: &str) -> Value {
    json!({"conversationId": "123456789012345", "hasConversationId": false, "body": text, "gigId": GIG,
        "sellerId": SELLER_OF_IRIA, "buyerId": BUYER_OF_MARTA, "senderUsername": "Marta", "senderPicture": "stale.png",
        "receiverUsername": "Iria", "receiverPicture": "stale.png", "isRead": false, "hasOffer": false})
}

/// Iria writes to Marta.
pub(crate) fn from_iria(text: &str) -> Value {
    let mut body = from_marta(text);
    body["senderUsername"] = json!("Iria");
    body["receiverUsername"] = json!("Marta");
    body
}

/// Iria makes Marta an offer.
pub(crate) fn an_offer() -> Value {
    let mut body = from_iria("My offer");
    body["hasOffer"] = json!(true);
    body["offer"] = json!({"gigTitle": "Full branding", "price": 75, "description": "Logo and palette",
        "deliveryInDays": 4, "oldDeliveryDate": "Tue Dec 01 2026 09:00:00 GMT+0000 (Coordinated Universal Time)",
        "newDeliveryDate": "Tue Dec 01 2026 09:00:00 GMT+0000 (Coordinated Universal Time)",
        "accepted": false, "cancelled": false});
    body
}

/// A gig as the gig service tells it.
pub(crate) fn a_gig(id: &str, seller: &str) -> Value {
    let stars = json!({"value": 0, "count": 0});
    json!({"id": id, "sellerId": seller, "username": "Iria", "profilePicture": "i.png", "title": "Logo",
        "description": "Three drafts", "categories": "Design", "subCategories": ["Logo"], "tags": ["logo"],
        "active": true, "expectedDelivery": "3 Days Delivery", "basicTitle": "Basic", "basicDescription": "Drafts",
        "ratingsCount": 0, "ratingSum": 0, "price": 40, "coverImage": "c.png", "sortId": 1_000_000_001_i64,
        "ratingCategories": {"five": stars, "four": stars, "three": stars, "two": stars, "one": stars},
        "createdAt": "2026-11-01T00:00:00Z"})
}
