//! Limits that hold for all gateways together.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use jobapp_kernel::{Allowance, LimiterUnavailable, Rate, RateLimiter};
use jobapp_memory::{MemoryCategories, MemoryLimiter};
use serde_json::json;

use super::{Answered, World, world_sharing};
use crate::{GatewayConfig, GatewayPorts};

async fn gateway(limiter: Arc<dyn RateLimiter>) -> World {
    let ports = GatewayPorts::alone(Arc::new(MemoryCategories::new())).sharing_limits(limiter);
    world_sharing(ports, GatewayConfig::default()).await
}

async fn sign_in(world: &World) -> Answered {
    world.api("POST", "/auth/signin", &[], Some(json!({ "username": "Marta" }))).await
}

async fn ask_for_mail(world: &World, name: &str) -> Answered {
    world.api("POST", "/auth/resend-email", &[("cookie", &world.session_of(name))], Some(json!({}))).await
}

#[tokio::test]
async fn two_gateways_that_share_a_limiter_let_no_more_tries_through_than_one() {
    let limiter = Arc::new(MemoryLimiter::new());
    let gateways = [gateway(limiter.clone()).await, gateway(limiter).await];
    for left in (0..30).rev() {
        let answer = sign_in(&gateways[left % 2]).await;
        assert_eq!((answer.status, answer.header("ratelimit-remaining")), (200, &*left.to_string()));
    }
    for gateway in &gateways {
        let refused = sign_in(gateway).await;
        assert!(refused.error(429).starts_with("Too many requests."));
        assert_eq!((refused.header("ratelimit-limit"), refused.header("ratelimit-remaining")), ("30", "0"));
        assert_eq!(refused.header("retry-after"), refused.header("ratelimit-reset"));
    }
    let tried: usize = gateways.iter().map(|gateway| gateway.backstage.seen.lock().len()).sum();
    assert_eq!(tried, 30, "nobody tries a password that was refused here");
}

#[tokio::test]
async fn a_user_has_one_limit_at_all_gateways() {
    let limiter = Arc::new(MemoryLimiter::new());
    let gateways = [gateway(limiter.clone()).await, gateway(limiter).await];
    for number in 0..3 {
        assert_eq!(ask_for_mail(&gateways[number % 2], "Marta").await.status, 200);
    }
    for gateway in &gateways {
        ask_for_mail(gateway, "Marta").await.error(429);
    }
    assert_eq!(ask_for_mail(&gateways[0], "Iria").await.status, 200);
}

/// A limiter that cannot be reached, or does not even say so.
#[derive(Default)]
struct Away {
    silent: bool,
    asked: AtomicU32,
}

#[async_trait]
impl RateLimiter for Away {
    async fn take(&self, _: &str, _: Rate) -> Result<Allowance, LimiterUnavailable> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        if self.silent {
            std::future::pending::<()>().await;
        }
        Err(LimiterUnavailable("nobody listens".into()))
    }
}

#[tokio::test(start_paused = true)]
async fn while_the_limiter_is_away_each_gateway_counts_for_itself() {
    for silent in [false, true] {
        let world = gateway(Arc::new(Away { silent, ..Away::default() })).await;
        for left in (0..30).rev() {
            let answer = sign_in(&world).await;
            assert_eq!((answer.status, answer.header("ratelimit-remaining")), (200, &*left.to_string()));
        }
        sign_in(&world).await.error(429);
    }
}

#[tokio::test]
async fn what_is_not_strict_is_never_counted_elsewhere() {
    let away = Arc::new(Away::default());
    let world = gateway(away.clone()).await;
    for path in ["/auth/currentuser", "/gig/66f0", "/auth/search/gig/0/10/forward", "/order/JO1"] {
        assert_eq!(world.read(path, "Marta").await.status, 200, "{path}");
    }
    assert_eq!(away.asked.load(Ordering::Relaxed), 0);
    sign_in(&world).await;
    assert_eq!(away.asked.load(Ordering::Relaxed), 1);
}
