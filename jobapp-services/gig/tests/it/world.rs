//! A gig service, and somebody who calls it and tells it things.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use futures::FutureExt;
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use jobapp_gig_service::{GigConfig, GigPorts, GigService};
use jobapp_http::{GatewayTokens, TokenKeys, UserClaims, UserTokens};
use jobapp_kernel::{
    Delivery, FixedClock, Handler, MediaStore, Message, MessageId, Outcome, PublishError, Publisher, Queue,
    SequenceIds, Timestamp,
};
use jobapp_media::MemoryMedia;
use jobapp_memory::{MemoryCategories, MemorySearch, MemoryStore};
use jobapp_platform::{Search, Service, Shared};
use jobapp_runtime::Relay;
use jobapp_wire::queues::{GIG_CHANGED, GIG_PROFILE, GIG_SEARCH};
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::sync::Mutex;
use tower::ServiceExt;

/// The seller of most tests, by the name of Iria.
pub(crate) const IRIA: &str = "66f0c0ffee0000000000a001";
/// Another seller, by the name of Mallory.
pub(crate) const MALLORY: &str = "66f0c0ffee0000000000a666";
/// One transparent pixel.
pub(crate) const PIXEL: &str = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

pub(crate) struct World {
    pub(crate) service: GigService,
    pub(crate) store: MemoryStore,
    pub(crate) index: Arc<MemorySearch>,
    pub(crate) categories: Arc<MemoryCategories>,
    pub(crate) media: Arc<MemoryMedia>,
    pub(crate) published: Arc<Published>,
    pub(crate) tokens: Tokens,
}

/// A publisher that remembers.
#[derive(Default)]
pub(crate) struct Published(pub(crate) Mutex<Vec<Message>>);

#[async_trait]
impl Publisher for Published {
    async fn publish(&self, messages: &[Message]) -> Vec<Result<(), PublishError>> {
        self.0.lock().await.extend_from_slice(messages);
        messages.iter().map(|_| Ok(())).collect()
    }
}

/// Signs what services check.
pub(crate) struct Tokens {
    users: UserTokens,
    gateway: GatewayTokens,
}

impl Tokens {
    pub(crate) fn new() -> Self {
        let keys = TokenKeys::single(&SecretString::from("only for tests".to_owned()));
        Self { users: UserTokens::new(keys.clone(), 900), gateway: GatewayTokens::new(keys) }
    }

    /// What a service has that these tokens are for.
    pub(crate) fn shared(&self) -> Shared {
        let (gateway_tokens, user_tokens) = (self.gateway.clone(), self.users.clone());
        Shared { gateway_tokens, user_tokens, ..Shared::in_memory() }
    }

    /// A request through the gateway, of a signed-in user or, with an empty name, of nobody.
    pub(crate) fn request(&self, user: &str, method: &str, path: &str) -> http::request::Builder {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("gatewaytoken", self.gateway.issue("gig").unwrap())
            .header("content-type", "application/json");
        if user.is_empty() {
            return request;
        }
        let claims = UserClaims {
            id: 1,
            email: format!("{}@example.org", user.to_lowercase()),
            username: user.to_owned(),
            sid: "s".to_owned(),
            role: None,
        };
        request.header("authorization", format!("Bearer {}", self.users.issue(&claims).unwrap()))
    }
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn message(&self) -> &str {
        self.body["message"].as_str().unwrap_or_default()
    }

    /// The ids of the gigs in it.
    pub(crate) fn ids(&self) -> Vec<&str> {
        self.body["gigs"].as_array().unwrap().iter().map(|gig| gig["id"].as_str().unwrap()).collect()
    }
}

pub(crate) async fn send(router: Router, request: Request<Body>) -> Answer {
    let response = router.oneshot(request).await.unwrap();
    let status = response.status();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    let body = serde_json::from_slice(&bytes).unwrap_or_else(|_| String::from_utf8_lossy(&bytes).into_owned().into());
    Answer { status, body }
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(GigConfig { profile_wait: Duration::from_millis(50), ..GigConfig::default() }).await
    }

    /// A world in which Iria and Mallory sell.
    pub(crate) async fn with(config: GigConfig) -> Self {
        let world = Self::on(MemoryStore::new(), Arc::new(MemorySearch::new()), config);
        world.becomes_seller("Iria", IRIA).await;
        world.becomes_seller("Mallory", MALLORY).await;
        world
    }

    /// The same gigs, as another process serves them.
    pub(crate) fn in_another_process(&self, config: GigConfig) -> Self {
        Self::on(self.store.of_another_process(), Arc::clone(&self.index), config)
    }

    /// A world in which Iria sells, and pictures are kept there.
    pub(crate) async fn with_pictures_in(store_of_media: Arc<dyn MediaStore>) -> Self {
        let (store, index) = (MemoryStore::new(), Arc::new(MemorySearch::new()));
        let world = Self::made(store, index, GigConfig::default(), Arc::default(), store_of_media);
        world.becomes_seller("Iria", IRIA).await;
        world
    }

    fn on(store: MemoryStore, index: Arc<MemorySearch>, config: GigConfig) -> Self {
        let media = Arc::new(MemoryMedia::default());
        Self::made(store, index, config, Arc::clone(&media), media)
    }

    fn made(
        store: MemoryStore,
        index: Arc<MemorySearch>,
        config: GigConfig,
        media: Arc<MemoryMedia>,
        store_of_media: Arc<dyn MediaStore>,
    ) -> Self {
        let categories = Arc::new(MemoryCategories::new());
        let (published, tokens) = (Arc::new(Published::default()), Tokens::new());
        let shared = Shared {
            media: store_of_media,
            publisher: published.clone(),
            clock: Arc::new(FixedClock::at("2026-11-24T10:15:42.000Z".parse().unwrap())),
            ids: Arc::new(SequenceIds::default()),
            ..tokens.shared()
        };
        // A store in memory is there at once.
        let opened = GigPorts::open(&store.clone().into(), &shared, &Search::new(index.clone())).now_or_never();
        let ports = GigPorts { categories: categories.clone(), ..opened.unwrap().unwrap() };
        Self { service: GigService::new(ports, config), store, index, categories, media, published, tokens }
    }

    pub(crate) async fn becomes_seller(&self, username: &str, id: &str) {
        assert_eq!(self.tell(GIG_PROFILE, Some(username), &a_profile(username, id)).await, Outcome::Done);
    }

    pub(crate) async fn call(&self, user: &str, method: &str, path: &str, body: &Value) -> Answer {
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        send(self.service.router(), self.tokens.request(user, method, path).body(body).unwrap()).await
    }

    pub(crate) async fn get(&self, user: &str, path: &str) -> Answer {
        self.call(user, "GET", path, &Value::Null).await
    }

    /// Creates a gig that differs from [`a_gig`] in these fields, and returns it. Searches know of it.
    pub(crate) async fn offers(&self, changes: Value) -> Value {
        let mut body = a_gig();
        body.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        let answer = self.call("Iria", "POST", "/api/v1/gig/create", &body).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
        self.settle().await;
        answer.body["gig"].clone()
    }

    /// Publishes what waits, and hands the news of gigs to the search index. Returns what was published.
    pub(crate) async fn settle(&self) -> Vec<Message> {
        let published = Arc::new(Published::default());
        let relay = Relay {
            outbox: self.store.outbox(),
            publisher: published.clone(),
            translate: self.service.translator().unwrap(),
            owner: "test".to_owned(),
            leases: None,
        };
        relay.publish_all().await.unwrap();
        let messages = std::mem::take(&mut *published.0.lock().await);
        let news: Vec<Delivery> = messages
            .iter()
            .filter(|message| message.exchange == GIG_CHANGED.name)
            .map(|message| Delivery {
                message: message.clone(),
                queue: GIG_SEARCH.name,
                attempt: 0,
                redelivered: false,
            })
            .collect();
        for outcome in self.handler(GIG_SEARCH).handle_batch(&news).await {
            assert_eq!(outcome, Outcome::Done);
        }
        messages
    }

    /// Hands one message to whoever consumes its queue.
    pub(crate) async fn tell(&self, queue: Queue, id: Option<&str>, body: &Value) -> Outcome {
        self.handler(queue).handle(&delivery(queue, id, body)).await
    }

    pub(crate) fn handler(&self, queue: Queue) -> Arc<dyn Handler> {
        let consumers = self.service.consumers();
        consumers.into_iter().find(|(subscription, _)| subscription.queue == queue).unwrap().1
    }
}

pub(crate) fn delivery(queue: Queue, id: Option<&str>, body: &Value) -> Delivery {
    let message = Message {
        id: id.map(|id| MessageId(id.to_owned())),
        kind: body["type"].as_str().unwrap_or_default().to_owned(),
        exchange: queue.exchange.name.to_owned(),
        routing_key: queue.routing_key.to_owned(),
        timestamp: Timestamp::EPOCH,
        headers: BTreeMap::from([("x-version".to_owned(), "1".to_owned())]),
        body: serde_json::to_vec(body).unwrap(),
    };
    Delivery { message, queue: queue.name, attempt: 0, redelivered: false }
}

pub(crate) fn a_profile(username: &str, id: &str) -> Value {
    json!({
        "type": "seller-profile", "sellerId": id, "username": username, "email": format!("{}@example.org", username.to_lowercase()),
        "profilePicture": format!("https://img.example.org/p/{username}.png"), "country": "Portugal", "fullName": username,
        "oneliner": "I do things",
    })
}

/// What Iria sends to create a gig.
pub(crate) fn a_gig() -> Value {
    json!({
        "sellerId": IRIA, "profilePicture": "https://elsewhere.example.com/x.png", "title": "I will draw your logo",
        "description": "A logo for your shop, drawn by hand.", "categories": "Graphics & Design",
        "subCategories": ["Logo Design"], "tags": ["logo"], "price": 20, "coverImage": PIXEL,
        "expectedDelivery": "3 Days Delivery", "basicTitle": "One logo", "basicDescription": "One draft, two revisions",
    })
}

/// What Iria sends to change it.
pub(crate) fn an_update() -> Value {
    let mut body = a_gig();
    body.as_object_mut().unwrap().retain(|key, _| key != "sellerId" && key != "profilePicture");
    body
}
