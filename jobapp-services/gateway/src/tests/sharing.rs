//! Answers that all gateways keep together.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::future::join_all;
use http::Method;
use jobapp_kernel::{CacheUnavailable, Looked, Outcome, SharedCache, Ticket};
use jobapp_memory::{MemoryCache, MemoryCategories};
use jobapp_wire::queues;
use serde_json::json;

use super::keeping::{GIG, fetched, heard};
use super::{World, world_sharing};
use crate::{GatewayConfig, GatewayPorts};

const SELLER: &str = "/api/v1/seller/id/77a1";

async fn gateway(cache: &Arc<dyn SharedCache>) -> World {
    let ports =
        GatewayPorts { cache: Some(Arc::clone(cache)), ..GatewayPorts::alone(Arc::new(MemoryCategories::new())) };
    world_sharing(ports, GatewayConfig::default()).await
}

async fn two_gateways() -> (World, World) {
    let cache: Arc<dyn SharedCache> = Arc::new(MemoryCache::new());
    (gateway(&cache).await, gateway(&cache).await)
}

#[tokio::test]
async fn what_one_gateway_was_answered_the_other_does_not_ask_for() {
    let (one, other) = two_gateways().await;
    let first = one.read("/gig/66f0", "Marta").await;
    let found = other.read("/gig/66f0", "Otto").await;
    assert_eq!((found.status, &found.body), (200, &first.body));
    assert_eq!(found.headers["etag"], first.headers["etag"]);
    other.read("/gig/66f0", "Otto").await;
    assert_eq!((fetched(&one), fetched(&other)), (1, 0));
    // Strangers see less.
    other.api("GET", "/auth/search/gig/66f0", &[], None).await;
    assert_eq!(fetched(&other), 1);
    one.read("/seller/id/77a1", "Marta").await;
    other.read("/seller/id/77a1", "Otto").await;
    assert_eq!(other.backstage.calls(&Method::GET, SELLER), 0);
    other.read("/seller/id/77a1", "Iria").await;
    assert_eq!(other.backstage.calls(&Method::GET, SELLER), 1, "nobody gets his own from what is kept for others");
}

#[tokio::test]
async fn of_many_who_want_it_at_once_at_several_gateways_one_asks_for_it() {
    let (one, other) = two_gateways().await;
    let reading = (0..16).map(|number| {
        let world = if number % 2 == 0 { &one } else { &other };
        world.read("/gig/66f0", "Marta")
    });
    for answer in join_all(reading).await {
        assert_eq!(answer.status, 200);
    }
    assert_eq!(fetched(&one) + fetched(&other), 1);
}

#[tokio::test]
async fn what_one_gateway_hears_of_is_old_for_all() {
    let (one, other) = two_gateways().await;
    one.read("/gig/66f0", "Marta").await;
    let news = json!({"type": "gig-deleted", "gigId": "66f0", "sellerId": "77a1", "at": 0});
    assert_eq!(heard(&one, queues::GATEWAY_GIG, news).await, Outcome::Done);
    other.read("/gig/66f0", "Marta").await;
    assert_eq!(fetched(&other), 1);
}

#[tokio::test]
async fn who_changes_a_gig_sees_it_changed_whatever_others_keep() {
    let (one, other) = two_gateways().await;
    let session = one.session_of("Iria");
    for title in ["Sketches", "Drawings"] {
        other.read("/gig/66f0", "Marta").await;
        one.read("/gig/66f0", "Marta").await;
        one.api("PUT", "/gig/66f0", &[("cookie", &session)], Some(json!({ "title": title }))).await;
        assert_eq!(one.read("/gig/66f0", "Iria").await.body["gig"]["title"], title);
    }
}

#[tokio::test]
async fn an_answer_that_cannot_be_kept_keeps_nobody_waiting() {
    let (one, other) = two_gateways().await;
    for _ in 0..2 {
        assert_eq!(one.read("/gig/none", "Marta").await.status, 404);
        assert_eq!(other.read("/gig/none", "Marta").await.status, 404);
    }
    assert_eq!(one.backstage.calls(&Method::GET, "/api/v1/gig/none"), 2);
}

/// A cache that cannot be reached, or that nobody hears of.
struct Away {
    silent: bool,
}

impl Away {
    async fn fails<T>(&self) -> Result<T, CacheUnavailable> {
        if self.silent {
            std::future::pending::<()>().await;
        }
        Err(CacheUnavailable("away".into()))
    }
}

#[async_trait]
impl SharedCache for Away {
    async fn look(&self, _: &str, _: Duration) -> Result<Looked, CacheUnavailable> {
        self.fails().await
    }

    async fn keep(&self, _: &str, _: &Ticket, _: &[u8], _: Duration) -> Result<bool, CacheUnavailable> {
        self.fails().await
    }

    async fn give_back(&self, _: &str, _: &Ticket) -> Result<(), CacheUnavailable> {
        self.fails().await
    }

    async fn spoil(&self, _: &[String]) -> Result<(), CacheUnavailable> {
        self.fails().await
    }
}

#[tokio::test]
async fn without_what_they_share_each_gateway_asks_by_itself() {
    for silent in [false, true] {
        let cache: Arc<dyn SharedCache> = Arc::new(Away { silent });
        let world = gateway(&cache).await;
        for _ in 0..2 {
            assert_eq!(world.read("/gig/66f0", "Marta").await.status, 200);
        }
        assert_eq!(world.backstage.calls(&Method::GET, GIG), 1, "it keeps its own");
    }
}

#[tokio::test]
async fn news_are_heard_again_once_what_is_shared_is_there_and_at_once_here() {
    let cache: Arc<dyn SharedCache> = Arc::new(Away { silent: false });
    let world = gateway(&cache).await;
    world.read("/gig/66f0", "Marta").await;
    let news = json!({"type": "gig-deleted", "gigId": "66f0", "sellerId": "77a1", "at": 0});
    let outcome = heard(&world, queues::GATEWAY_GIG, news).await;
    assert!(matches!(outcome, Outcome::Retry { counts: false, .. }), "{outcome:?}");
    world.read("/gig/66f0", "Marta").await;
    assert_eq!(fetched(&world), 2);
}
