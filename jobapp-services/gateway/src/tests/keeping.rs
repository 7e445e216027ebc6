//! Kept answers: fewer calls, and nobody sees what is old of his own doing.

use std::sync::Arc;

use http::Method;
use jobapp_kernel::{Delivery, Message, Outcome, Queue, Timestamp};
use jobapp_memory::MemoryCategories;
use jobapp_platform::Service;
use jobapp_wire::queues;
use serde_json::{Value, json};

use super::{World, world, world_sharing, world_with};
use crate::{GatewayConfig, GatewayPorts};

pub(super) const GIG: &str = "/api/v1/gig/66f0";

pub(super) fn fetched(world: &World) -> usize {
    world.backstage.calls(&Method::GET, GIG)
}

#[tokio::test]
async fn a_gig_is_fetched_once_for_all_users_and_once_for_strangers() {
    let world = world().await;
    let first = world.read("/gig/66f0", "Marta").await;
    let again = world.read("/gig/66F0/", "Iria").await;
    assert_eq!((first.status, &first.body), (200, &again.body));
    assert_eq!(again.headers["content-type"], "application/json");
    assert_eq!(fetched(&world), 1);
    for _ in 0..2 {
        world.api("GET", "/auth/search/gig/66f0", &[], None).await;
    }
    assert_eq!(fetched(&world), 2);
    assert_eq!(world.api("GET", "/gig/66f0", &[], None).await.status, 401, "kept answers need a session as well");
}

#[tokio::test]
async fn who_has_a_kept_answer_is_not_sent_it_again() {
    let world = world().await;
    let first = world.read("/gig/66f0", "Marta").await;
    let kept = world.read("/gig/66f0", "Marta").await;
    assert_eq!(first.headers["etag"], kept.headers["etag"]);
    let session = world.session_of("Marta");
    let tag = kept.headers["etag"].to_str().unwrap();
    let again = world.api("GET", "/gig/66f0", &[("cookie", &session), ("if-none-match", tag)], None).await;
    assert_eq!((again.status, &again.body), (304, &json!("")));
}

#[tokio::test]
async fn who_changes_a_gig_sees_it_changed() {
    let world = world().await;
    let session = world.session_of("Iria");
    for title in ["Sketches", "Drawings", "Paintings"] {
        world.read("/gig/66f0", "Marta").await;
        let body = json!({ "title": title });
        world.api("PUT", "/gig/66f0", &[("cookie", &session)], Some(body)).await;
        assert_eq!(world.read("/gig/66f0", "Iria").await.body["gig"]["title"], title);
    }
}

#[tokio::test]
async fn an_event_drops_what_is_kept() {
    let world = world().await;
    world.read("/gig/66f0", "Marta").await;
    world.read("/seller/id/77a1", "Marta").await;
    hear(&world, queues::GATEWAY_GIG, json!({"type": "gig-deleted", "gigId": "66f0", "sellerId": "77a1", "at": 0}))
        .await;
    let profile = json!({"type": "seller-profile", "sellerId": "77a1", "username": "Iria", "email": "", "profilePicture": "",
        "country": "", "fullName": "", "oneliner": ""});
    hear(&world, queues::GATEWAY_PROFILE, profile).await;
    world.read("/gig/66f0", "Marta").await;
    world.read("/seller/id/77a1", "Marta").await;
    assert_eq!(fetched(&world), 2);
    assert_eq!(world.backstage.calls(&Method::GET, "/api/v1/seller/id/77a1"), 2);
}

#[tokio::test]
async fn what_one_gateway_hears_of_drops_what_is_kept_at_all() {
    let ports = GatewayPorts::alone(Arc::new(MemoryCategories::new()));
    let hearing = world_sharing(ports.clone(), GatewayConfig::default()).await;
    let other = world_sharing(ports, GatewayConfig::default()).await;
    for _ in 0..2 {
        other.read("/gig/66f0", "Marta").await;
    }
    assert_eq!(fetched(&other), 1);
    hear(&hearing, queues::GATEWAY_GIG, json!({"type": "gig-deleted", "gigId": "66f0", "sellerId": "77a1", "at": 0}))
        .await;
    while fetched(&other) == 1 {
        tokio::task::yield_now().await;
        other.read("/gig/66f0", "Marta").await;
    }
    other.read("/gig/66f0", "Marta").await;
    assert_eq!(fetched(&other), 2, "and what was fetched since is kept");
}

async fn hear(world: &World, queue: Queue, body: Value) {
    assert_eq!(heard(world, queue, body).await, Outcome::Done);
}

/// What becomes of news.
pub(super) async fn heard(world: &World, queue: Queue, body: Value) -> Outcome {
    let message = Message {
        id: None,
        kind: String::new(),
        exchange: queue.exchange.name.to_owned(),
        routing_key: String::new(),
        timestamp: Timestamp::EPOCH,
        headers: Default::default(),
        body: serde_json::to_vec(&body).unwrap(),
    };
    let delivery = Delivery { message, queue: queue.name, attempt: 0, redelivered: false };
    let consumers = world.gateway.consumers();
    let (_, handler) = consumers.iter().find(|(subscription, _)| subscription.queue == queue).unwrap();
    handler.handle(&delivery).await
}

#[tokio::test]
async fn sellers_see_their_own_profile_fresh_and_whole() {
    let world = world().await;
    for _ in 0..2 {
        world.read("/seller/id/77a1", "Marta").await;
    }
    assert_eq!(world.backstage.calls(&Method::GET, "/api/v1/seller/id/77a1"), 1);
    for _ in 0..2 {
        world.read("/seller/id/77a1", "Iria").await;
        world.read("/buyer/Marta", "Marta").await;
    }
    assert_eq!(world.backstage.calls(&Method::GET, "/api/v1/seller/id/77a1"), 3);
    assert_eq!(world.backstage.calls(&Method::GET, "/api/v1/buyer/Marta"), 2);
}

#[tokio::test]
async fn without_an_age_nothing_is_kept() {
    let world = world_with(GatewayConfig { cache_age: std::time::Duration::ZERO, ..GatewayConfig::default() }).await;
    for _ in 0..2 {
        world.read("/gig/66f0", "Marta").await;
    }
    assert_eq!(fetched(&world), 2);
}

#[tokio::test]
async fn errors_and_private_answers_are_never_kept() {
    let world = world().await;
    for _ in 0..2 {
        assert_eq!(world.read("/gig/none", "Marta").await.status, 404);
        world.read("/order/JO1", "Marta").await;
    }
    assert_eq!(world.backstage.calls(&Method::GET, "/api/v1/gig/none"), 2);
    assert_eq!(world.backstage.calls(&Method::GET, "/api/v1/order/JO1"), 2);
}
