//! A review service on memory, and requests to it.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use futures::FutureExt;
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt;
use jobapp_directory::{CardUpdate, Directory};
use jobapp_http::UserClaims;
use jobapp_kernel::{Delivery, FixedClock, Message, MessageId, Outcome, Queue, Timestamp};
use jobapp_memory::MemoryStore;
use jobapp_platform::{Service, Shared};
use jobapp_review_service::{ReviewConfig, ReviewPorts, ReviewService};
use jobapp_reviews::ReviewAnalytics;
use jobapp_wire::queues::REVIEW_ORDER;
use serde::Serialize;
use serde_json::{Value, json};
use tower::ServiceExt;

pub(crate) const BUYER: &str = "66f0c0ffee0000000000b001";
pub(crate) const SELLER: &str = "66f0c0ffee0000000000a002";
pub(crate) const GIG: &str = "66f0c0ffee00000000009001";

pub(crate) struct App {
    pub(crate) store: MemoryStore,
    pub(crate) service: ReviewService,
    pub(crate) router: Router,
    shared: Shared,
    directory: Directory,
    pub(crate) ports: ReviewPorts,
}

impl App {
    /// Marta bought of Iria: order `JO1` is completed.
    pub(crate) async fn new() -> Self {
        let app = Self::without_facts();
        app.meet("Marta", BUYER, None).await;
        app.meet("Iria", "66f0c0ffee0000000000b002", Some(SELLER)).await;
        app.meet("Ana", "66f0c0ffee0000000000b003", None).await;
        assert_eq!(app.tell_order("JO1", "Completed", 4).await, Outcome::Done);
        app
    }

    pub(crate) fn without_facts() -> Self {
        Self::with_analytics(|analytics| analytics)
    }

    /// The same, whose analytics are somebody else's.
    pub(crate) fn with_analytics(other: impl FnOnce(Arc<dyn ReviewAnalytics>) -> Arc<dyn ReviewAnalytics>) -> Self {
        let store = MemoryStore::new();
        let shared = Shared {
            clock: Arc::new(FixedClock::at("2026-11-24T10:20:00.000Z".parse().unwrap())),
            ..Shared::in_memory()
        };
        // A store in memory is there at once.
        let ports = ReviewPorts::open(&store.clone().into(), &shared).now_or_never().unwrap().unwrap();
        let ports = ReviewPorts { analytics: other(ports.analytics), ..ports };
        let directory = ports.reviews.directory.clone();
        let service = ReviewService::new(ports.clone(), ReviewConfig::default());
        Self { store, router: service.router(), service, shared, directory, ports }
    }

    /// Hears of a user.
    pub(crate) async fn meet(&self, name: &str, buyer: &str, seller: Option<&str>) {
        let directory = &self.directory;
        let email = format!("{name}@example.org");
        let picture = |side: &str| format!("https://img.example.org/{name}-{side}.png");
        let update = CardUpdate::Buyer {
            buyer_id: buyer.parse().unwrap(),
            email: email.clone(),
            picture: picture("buys"),
            country: "Portugal".into(),
        };
        directory.apply(name, update, 1).await.unwrap();
        if let Some(seller) = seller {
            let update = CardUpdate::Seller {
                seller_id: seller.parse().unwrap(),
                email,
                picture: picture("sells"),
                country: "Spain".into(),
                full_name: name.to_owned(),
                oneliner: String::new(),
            };
            directory.apply(name, update, 1).await.unwrap();
        }
    }

    /// Tells of an order of Marta's.
    pub(crate) async fn tell_order(&self, number: &str, status: &str, version: u64) -> Outcome {
        let order = json!({"type": "order-approved", "actor": "Marta", "at": "2026-11-24T10:15:42.000Z",
            "order": {"_id": "66f0c0ffee0000000000c001", "orderId": number, "gigId": GIG, "buyerId": BUYER,
                "buyerUsername": "Marta", "sellerId": SELLER, "sellerUsername": "Iria", "status": status}});
        self.deliver(REVIEW_ORDER, &order, Some(version)).await
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
            .uri(format!("/api/v1/review{path}"))
            .header("content-type", "application/json")
            .header("gatewaytoken", self.shared.gateway_tokens.issue("review").unwrap())
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

    pub(crate) async fn post(&self, who: &str, body: &Value) -> (StatusCode, Value) {
        self.call(self.request(Method::POST, who, "", Some(body))).await
    }

    /// The bodies of everything that was published.
    pub(crate) fn published(&self) -> Vec<Value> {
        let translate = self.service.translator().unwrap();
        let messages = self.store.events().into_iter().flat_map(|entry| translate(&entry).unwrap());
        messages.map(|message| message.json().unwrap()).collect()
    }

    /// Delivers a body to the consumer of a queue.
    pub(crate) async fn deliver(&self, queue: Queue, body: &impl Serialize, version: Option<u64>) -> Outcome {
        let (_, handler) =
            self.service.consumers().into_iter().find(|(subscription, _)| subscription.queue == queue).unwrap();
        let version = version.map(|version| ("x-version".to_owned(), version.to_string()));
        let message = Message {
            id: Some(MessageId("m/1/1/0#0".to_owned())),
            kind: String::new(),
            exchange: queue.exchange.name.to_owned(),
            routing_key: String::new(),
            timestamp: Timestamp::EPOCH,
            headers: BTreeMap::from_iter(version),
            body: serde_json::to_vec(body).unwrap(),
        };
        handler.handle(&Delivery { message, queue: queue.name, attempt: 0, redelivered: false }).await
    }
}

/// What the client sends for a review of order `JO1`: much of it wrong.
pub(crate) fn a_review(kind: &str) -> Value {
    json!({"gigId": "of another", "reviewerId": "of another", "reviewerImage": "of another", "sellerId": "of another",
        "review": "Quick and tidy.", "rating": 5, "orderId": "JO1", "reviewType": kind, "reviewerUsername": "Somebody",
        "country": "Somebody", "createdAt": "Tue Nov 24 2026 10:20:00 GMT+0000 (Coordinated Universal Time)"})
}
