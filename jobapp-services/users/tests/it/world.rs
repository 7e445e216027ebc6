//! A users service, and somebody who calls it and tells it things.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::body::Body;
use futures::FutureExt;
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use jobapp_http::{GatewayTokens, UserClaims, UserTokens};
use jobapp_kernel::{
    Delivery, FixedClock, Handler, Message, MessageId, Outcome, PublishError, Publisher, Queue, SequenceIds, Timestamp,
};
use jobapp_media::MemoryMedia;
use jobapp_memory::MemoryStore;
use jobapp_platform::{Service, Shared};
use jobapp_users_service::{UsersConfig, UsersPorts, UsersService};
use jobapp_wire::queues::{USER_BUYER, USER_PROFILE};
use serde_json::{Value, json};
use tokio::sync::Mutex;
use tower::ServiceExt;

pub(crate) struct World {
    pub(crate) service: UsersService,
    pub(crate) store: MemoryStore,
    pub(crate) media: Arc<MemoryMedia>,
    pub(crate) published: Arc<Published>,
    users: UserTokens,
    gateway: GatewayTokens,
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

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) retry_after: Option<String>,
    pub(crate) body: Value,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(UsersConfig { profile_wait: Duration::from_millis(50), ..UsersConfig::default() })
    }

    pub(crate) fn with(config: UsersConfig) -> Self {
        let store = MemoryStore::new();
        let (published, media) = (Arc::new(Published::default()), Arc::new(MemoryMedia::default()));
        let shared = Shared {
            media: media.clone(),
            publisher: published.clone(),
            clock: Arc::new(FixedClock::at("2026-11-24T10:15:42.000Z".parse().unwrap())),
            ids: Arc::new(SequenceIds::default()),
            ..Shared::in_memory()
        };
        // A store in memory is there at once.
        let ports = UsersPorts::open(&store.clone().into(), &shared).now_or_never().unwrap().unwrap();
        let (users, gateway) = (shared.user_tokens, shared.gateway_tokens);
        Self { service: UsersService::new(ports, config), store, media, published, users, gateway }
    }

    pub(crate) async fn call(&self, user: &str, method: &str, path: &str, body: Option<&Value>) -> Answer {
        self.call_with(user, method, path, body, &[]).await
    }

    pub(crate) async fn call_with(
        &self,
        user: &str,
        method: &str,
        path: &str,
        body: Option<&Value>,
        headers: &[(&str, &str)],
    ) -> Answer {
        let audience = if path.starts_with("/api/v1/buyer") { "buyer" } else { "seller" };
        let claims = UserClaims {
            id: 1,
            email: format!("{}@example.org", user.to_lowercase()),
            username: user.to_owned(),
            sid: "s".to_owned(),
            role: None,
        };
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("gatewaytoken", self.gateway.issue(audience).unwrap())
            .header("authorization", format!("Bearer {}", self.users.issue(&claims).unwrap()))
            .header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        answer(self.service.router(), request.body(body).unwrap()).await
    }

    /// Hands one message to whoever consumes its queue.
    pub(crate) async fn tell(&self, queue: Queue, id: Option<&str>, body: &Value) -> Outcome {
        self.handler(queue).handle(&delivery(queue, id, body)).await
    }

    pub(crate) fn handler(&self, queue: Queue) -> Arc<dyn Handler> {
        let consumers = self.service.consumers();
        consumers.into_iter().find(|(subscription, _)| subscription.queue == queue).unwrap().1
    }

    /// Makes an account's buyer.
    pub(crate) async fn sign_up(&self, username: &str) {
        let body = json!({"type": "auth", "username": username, "email": format!("{}@example.org", username.to_lowercase()),
            "profilePicture": "https://img.example.org/p.png", "country": "Portugal", "createdAt": 1_795_488_054_644_i64});
        assert_eq!(self.tell(USER_BUYER, Some(username), &body).await, Outcome::Done);
    }

    /// Makes a seller and returns the document.
    pub(crate) async fn make_seller(&self, username: &str) -> Value {
        let made = self.call(username, "POST", "/api/v1/seller/create", Some(&seller_body())).await;
        assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
        made.body["seller"].clone()
    }

    /// The buyer's document, as its owner sees it.
    pub(crate) async fn buyer(&self, username: &str) -> Value {
        self.call(username, "GET", "/api/v1/buyer/username", None).await.body["buyer"].clone()
    }

    /// The seller's document, as its owner sees it.
    pub(crate) async fn seller(&self, username: &str) -> Value {
        self.call(username, "GET", &format!("/api/v1/seller/username/{username}"), None).await.body["seller"].clone()
    }

    /// Tells the service what it told the others about profiles.
    pub(crate) async fn hear_own_news(&self) {
        for entry in self.store.events() {
            for message in self.service.translator().unwrap()(&entry).unwrap() {
                if message.exchange == USER_PROFILE.exchange.name {
                    let body: Value = message.json().unwrap();
                    assert_eq!(self.tell(USER_PROFILE, Some(&entry.id.to_string()), &body).await, Outcome::Done);
                }
            }
        }
    }
}

pub(crate) async fn answer(router: axum::Router, request: Request<Body>) -> Answer {
    let response = router.oneshot(request).await.unwrap();
    let retry_after = response.headers().get("retry-after").map(|value| value.to_str().unwrap().to_owned());
    let status = response.status();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    let body = serde_json::from_slice(&bytes).unwrap_or_else(|_| json!(String::from_utf8_lossy(&bytes)));
    Answer { status, retry_after, body }
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

pub(crate) fn seller_body() -> Value {
    json!({
        "fullName": "Marta M.", "profilePicture": "https://img.example.org/s.png", "description": "Long", "country": "Portugal",
        "oneliner": "Short", "skills": ["Rust"], "languages": [{"language": "English", "level": "Fluent"}], "responseTime": 2,
        "experience": [{"company": "ACME", "title": "Smith", "startDate": "May 2020", "endDate": "", "description": "Work",
            "currentlyWorkingHere": true}],
        "education": [{"country": "Portugal", "university": "U", "title": "BSc", "major": "Anvils", "year": "2019"}],
        "certificates": [{"name": "C", "from": "D", "year": "2020"}],
        "username": "Somebody Else", "email": "else@example.org", "totalEarnings": 1_000_000, "ratingsCount": 99,
    })
}
