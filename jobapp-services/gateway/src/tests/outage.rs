//! What still works while a service is away.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use axum::body::{Body, Bytes};
use futures::{StreamExt, stream};
use http::{Request, Response};
use jobapp_http::UserClaims;
use jobapp_memory::MemoryCategories;
use jobapp_platform::{Part, Vitals};
use parking_lot::Mutex;
use serde_json::json;
use tower::ServiceExt;

use super::{World, claims, world, world_sharing, world_with};
use crate::{BreakerConfig, GatewayConfig, GatewayPorts, GuardConfig};

#[tokio::test]
async fn who_one_is_comes_from_the_sessions_own_copy_while_auth_is_away() {
    let world = world().await;
    assert_eq!(world.read("/auth/currentuser", "Marta").await.body["user"]["country"], "Portugal");
    world.away("auth");
    for _ in 0..20 {
        let answer = world.read("/auth/currentuser", "Marta").await;
        assert_eq!((answer.status, &answer.body["user"]["country"]), (200, &json!("Portugal")));
    }
    let unknown = world.read("/auth/currentuser", "Iria").await;
    assert_eq!((unknown.status, &unknown.body["user"]["username"]), (200, &json!("Iria")));
}

/// A token whose time was over a minute ago.
pub(super) fn expired(user: &UserClaims) -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let mut claims = serde_json::to_value(user).unwrap();
    let rest = json!({ "iss": "jobapp", "aud": "jobapp-users", "typ": "access", "iat": now - 960, "exp": now - 60 });
    claims.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
    let header = jsonwebtoken::Header { kid: Some("1".to_owned()), ..jsonwebtoken::Header::default() };
    jsonwebtoken::encode(&header, &claims, &jsonwebtoken::EncodingKey::from_secret(b"users")).unwrap()
}

#[tokio::test]
async fn a_session_that_would_have_to_be_renewed_is_not_ended_by_an_outage() {
    let world = world().await;
    let session = format!("session={}; session.refresh=r", expired(&claims("Marta")));
    // The refresh token is refused: that is an answer.
    let refused = world.api("GET", "/auth/currentuser", &[("cookie", &session)], None).await;
    assert_eq!(refused.status, 401);
    world.away("auth");
    let answer = world.api("GET", "/auth/currentuser", &[("cookie", &session)], None).await;
    assert_eq!((answer.status, &answer.body["user"]["username"]), (200, &json!("Marta")));
    // It opens nothing else, and nobody is told to sign in again.
    let other = world.api("GET", "/order/JO1", &[("cookie", &session)], None).await;
    assert_eq!(other.status, 503);
    assert!(other.headers.contains_key("retry-after"));
    // A search needs no session.
    assert_eq!(world.api("GET", "/auth/search/gig/0/10/forward", &[("cookie", &session)], None).await.status, 200);
}

#[tokio::test]
async fn a_session_that_was_ended_has_no_copy() {
    let world = world().await;
    let session = world.session_of("Marta");
    world.read("/auth/currentuser", "Marta").await;
    world.away("auth");
    assert_eq!(world.api("POST", "/auth/signout", &[("cookie", &session)], None).await.status, 200);
    assert_eq!(world.read("/auth/currentuser", "Marta").await.status, 401);
}

#[tokio::test]
async fn a_broken_service_is_answered_at_once_and_the_others_go_on() {
    let breaker = BreakerConfig { open: Duration::from_millis(50), ..BreakerConfig::default() };
    let guards = GuardConfig { breaker, ..GuardConfig::default() };
    let world = world_with(GatewayConfig { guards, ..GatewayConfig::default() }).await;
    world.away("review");
    for _ in 0..10 {
        let answer = world.read("/review/gig/66f0", "Marta").await;
        assert_eq!(answer.status, 503);
        assert!(answer.headers["retry-after"].to_str().unwrap().parse::<u32>().unwrap() >= 1);
        assert_eq!(answer.body["message"], "The review service is not available. Please try again.");
    }
    let tried = world.backstage.seen.lock().len();
    assert!(tried <= 6, "{tried} calls were tried");
    // Another route of the same service shares the breaker; another service does not.
    assert_eq!(world.read("/review/seller/77a1", "Marta").await.status, 503);
    assert_eq!(world.backstage.seen.lock().len(), tried);
    assert_eq!(world.read("/gig/66f0", "Marta").await.status, 200);
    let health = world.send("GET", "/gateway-health", &[("accept", "application/json")], None).await;
    assert_eq!((health.status, &health.body["status"]), (200, &json!("degraded")));
    assert_eq!(health.body["services"]["review"]["status"], "down");
    assert_eq!(health.body["services"]["gig"]["status"], "up");
    // It closes by itself.
    world.backstage.away.lock().clear();
    while world.read("/review/gig/66f0", "Marta").await.status != 200 {
        tokio::task::yield_now().await;
    }
}

/// A message with a file of which a first piece comes and then nothing more.
fn trickling(world: &World) -> Request<Body> {
    let first = Ok::<_, std::io::Error>(Bytes::from_static(b"{\"file\":\""));
    let body = Body::from_stream(stream::iter([first]).chain(stream::pending()));
    let request = Request::post("/api/gateway/v1/message").header("content-type", "application/json");
    request.header("cookie", world.session_of("Anna")).body(body).unwrap()
}

fn under_way(world: &World, service: &str) -> usize {
    world.gateway.0.needs.upstreams.guards().find(|guards| guards.name == service).unwrap().bulkhead.under_way()
}

/// A world whose chat service was away, is back, and gets a trickling message as the first call after that.
async fn back_with_an_upload() -> (World, Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>>>>) {
    let world = world().await;
    world.away("chat");
    for _ in 0..10 {
        assert_eq!(world.read("/message/conversations/Marta", "Marta").await.status, 503);
    }
    world.backstage.away.lock().clear();
    tokio::time::advance(BreakerConfig::default().open).await;
    let mut upload: Pin<Box<dyn Future<Output = _>>> = Box::pin(world.door.clone().oneshot(trickling(&world)));
    assert!(futures::poll!(&mut upload).is_pending());
    assert_eq!(under_way(&world, "chat"), 1);
    (world, upload)
}

#[tokio::test(start_paused = true)]
async fn an_upload_that_trickles_keeps_no_reader_from_a_service_that_is_back() {
    let (world, _upload) = back_with_an_upload().await;
    assert_eq!(world.read("/message/conversations/Marta", "Marta").await.status, 200);
    let write = world.api("POST", "/message", &[("cookie", &world.session_of("Marta"))], Some(json!({}))).await;
    assert_eq!(write.status, 200, "it is closed again");
}

#[tokio::test(start_paused = true)]
async fn nor_for_long_a_writer() {
    let (world, _upload) = back_with_an_upload().await;
    let cookie = world.session_of("Marta");
    let write = async || world.api("POST", "/message", &[("cookie", &cookie)], Some(json!({}))).await;
    assert_eq!(write().await.status, 503, "one trial at a time");
    tokio::time::advance(Duration::from_secs(5)).await;
    assert_eq!(write().await.status, 200);
    assert_eq!(write().await.status, 200, "it is closed again");
}

#[tokio::test(start_paused = true)]
async fn uploads_that_trickle_never_take_all_the_calls_of_a_service() {
    let guards = GuardConfig { in_flight: 4, ..GuardConfig::default() };
    let world = world_with(GatewayConfig { guards, ..GatewayConfig::default() }).await;
    let mut uploads: Vec<_> = (0..4).map(|_| Box::pin(world.door.clone().oneshot(trickling(&world)))).collect();
    let mut refused = 0;
    for upload in &mut uploads {
        if let Poll::Ready(answer) = futures::poll!(upload) {
            let answer = answer.unwrap();
            assert!(answer.status() == 503 && answer.headers().contains_key("retry-after"), "{answer:?}");
            refused += 1;
        }
    }
    assert_eq!((refused, under_way(&world, "chat")), (2, 2));
    assert_eq!(world.read("/message/conversations/Marta", "Marta").await.status, 200);
}

#[tokio::test]
async fn probes_learn_whether_requests_are_wanted() {
    let world = world().await;
    let ready = |accept: &'static str| {
        let world = &world;
        async move { world.send("GET", "/readyz", &[("accept", accept)], None).await }
    };
    assert_eq!((ready("*/*").await.status, ready("*/*").await.body), (503, json!("starting")));
    world.away("auth");
    assert!(world.gateway.load_ended_sessions().await.is_err());
    assert_eq!(ready("*/*").await.status, 503);
    world.backstage.away.lock().clear();
    world.gateway.load_ended_sessions().await.unwrap();
    assert_eq!((ready("*/*").await.status, ready("application/json").await.body), (200, json!({ "status": "ready" })));
    world.gateway.drain().await;
    assert_eq!((ready("*/*").await.status, ready("*/*").await.body), (503, json!("draining")));
    assert_eq!(world.send("GET", "/livez", &[], None).await.body, json!("ok"));
    let plain = world.send("GET", "/gateway-health", &[("accept", "*/*")], None).await;
    assert_eq!(plain.body, json!("API Gateway service is healthy and OK."));
}

#[tokio::test]
async fn a_service_that_refuses_the_gateway_signs_nobody_out() {
    let world = world().await;
    world.backstage.suspicious.lock().insert("order");
    let answer = world.read("/order/JO1", "Marta").await;
    assert_eq!(answer.status, 503);
    assert!(answer.headers.contains_key("retry-after"));
}

/// Parts whose troubles a test decides: of the disk, of the orders' database and of the search.
#[derive(Default)]
struct Told {
    disk: Mutex<Option<&'static str>>,
    orders: Mutex<Option<&'static str>>,
    search: Mutex<Option<&'static str>>,
    silent: Mutex<bool>,
}

#[async_trait::async_trait]
impl Vitals for Told {
    async fn parts(&self) -> Vec<Part> {
        if *self.silent.lock() {
            std::future::pending::<()>().await;
        }
        let part = |name: &str, service, is_vital, trouble: &Mutex<Option<&str>>| {
            let trouble = trouble.lock().map(str::to_owned);
            Part { name: name.to_owned(), service, is_vital, trouble }
        };
        vec![
            part("disk", None, true, &self.disk),
            part("order.db", Some("order"), true, &self.orders),
            part("search", Some("gig"), false, &self.search),
        ]
    }
}

#[tokio::test(start_paused = true)]
async fn who_asks_for_the_health_learns_which_part_is_in_trouble_and_when_it_is_over() {
    let told = Arc::new(Told::default());
    let ports = GatewayPorts::alone(Arc::new(MemoryCategories::new())).standing_on(told.clone());
    let world = world_sharing(ports, GatewayConfig::default()).await;
    world.gateway.load_ended_sessions().await.unwrap();
    let ask = |path: &'static str| world.send("GET", path, &[("accept", "application/json")], None);
    assert_eq!((ask("/readyz").await.status, ask("/readyz").await.body), (200, json!({ "status": "ready" })));
    let health = ask("/gateway-health").await;
    assert_eq!((&health.body["status"], &health.body["parts"]["disk"]), (&json!("ok"), &json!({ "status": "up" })));

    *told.orders.lock() = Some("the disk is full");
    let ready = ask("/readyz").await;
    let reasons = json!([{ "part": "order.db", "reason": "the disk is full" }]);
    assert_eq!((ready.status, ready.body), (503, json!({ "status": "degraded", "reasons": reasons })));
    let plain = world.send("GET", "/readyz", &[("accept", "*/*")], None).await;
    assert_eq!((plain.status, plain.body), (503, json!("degraded: order.db: the disk is full")));
    let health = ask("/gateway-health").await;
    assert_eq!(
        (health.status, &health.body["status"], &health.body["ready"]),
        (200, &json!("degraded"), &json!(false))
    );
    assert_eq!(health.body["services"]["order"]["status"], "degraded");
    assert_eq!(health.body["services"]["order"]["reason"], "order.db: the disk is full");
    assert_eq!(health.body["services"]["gig"]["status"], "up");
    assert_eq!(health.body["parts"]["order.db"], json!({ "status": "down", "reason": "the disk is full" }));
    *told.orders.lock() = None;
    assert_eq!(ask("/readyz").await.status, 200);

    *told.disk.lock() = Some("the disk is full");
    let health = ask("/gateway-health").await;
    assert!(health.body["services"].as_object().unwrap().values().all(|service| service["status"] == "degraded"));
    *told.disk.lock() = None;

    *told.search.lock() = Some("it is being built");
    assert_eq!(ask("/readyz").await.status, 200, "the store answers in its place");
    let health = ask("/gateway-health").await;
    assert_eq!((&health.body["status"], &health.body["ready"]), (&json!("degraded"), &json!(true)));
    assert_eq!(health.body["services"]["gig"]["status"], "degraded");
    *told.search.lock() = None;

    *told.silent.lock() = true;
    let ready = ask("/readyz").await;
    assert_eq!((ready.status, &ready.body["reasons"][0]["reason"]), (503, &json!("it does not answer")));
}
