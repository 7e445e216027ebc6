//! The rules together: what every answer has, refusals too.

use serde_json::json;

use super::{world, world_with};
use crate::{GatewayConfig, RateLimits};

const OURS: (&str, &str) = ("origin", "http://localhost:3000");

#[tokio::test]
async fn refusals_can_be_read_by_the_page_that_caused_them() {
    let world = world().await;
    let mut last = world.api("POST", "/auth/signin", &[OURS], Some(json!({}))).await;
    for _ in 0..60 {
        last = world.api("POST", "/auth/signin", &[OURS], Some(json!({}))).await;
        if last.status == 429 {
            break;
        }
    }
    assert_eq!(last.status, 429);
    for name in
        ["retry-after", "ratelimit-limit", "ratelimit-remaining", "ratelimit-reset", "x-request-id", "referrer-policy"]
    {
        assert!(last.headers.contains_key(name), "{name}");
    }
    assert_eq!(last.headers["access-control-allow-origin"], OURS.1);
    assert_eq!(last.body["statusCode"], 429);
    let fields: Vec<_> = last.body.as_object().unwrap().keys().collect();
    assert_eq!(fields.len(), 4, "{fields:?}");
    // Signing in too often keeps nobody from signing out or from asking who he is.
    let session = world.session_of("Marta");
    let signed = [("cookie", session.as_str()), OURS];
    assert_eq!(world.api("GET", "/auth/currentuser", &signed, None).await.status, 200);
    assert_eq!(world.api("POST", "/auth/signout", &signed, None).await.status, 200);
    // And a preflight is answered whatever the limits say.
    let preflight = [OURS, ("access-control-request-method", "POST")];
    assert_eq!(world.api("OPTIONS", "/auth/signin", &preflight, None).await.status, 204);
}

#[tokio::test]
async fn a_user_has_a_limit_of_his_own() {
    let world = world().await;
    let resend = |name: &'static str| {
        let world = &world;
        async move {
            let session = world.session_of(name);
            world.api("POST", "/auth/resend-email", &[("cookie", &session)], Some(json!({}))).await.status
        }
    };
    for expected in [200, 200, 200, 429] {
        assert_eq!(resend("Marta").await, expected);
    }
    assert_eq!(resend("Iria").await, 200);
}

#[tokio::test]
async fn limits_can_be_switched_off() {
    let rate_limits = RateLimits { on: false, ..RateLimits::default() };
    let world = world_with(GatewayConfig { rate_limits, ..GatewayConfig::default() }).await;
    for _ in 0..100 {
        assert_eq!(world.api("POST", "/auth/signin", &[], Some(json!({}))).await.status, 200);
    }
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused() {
    let world = world().await;
    let body = json!({ "username": "x".repeat(300 * 1024) });
    let length = body.to_string().len().to_string();
    let refused = world.api("POST", "/auth/signin", &[("content-length", &length)], Some(body)).await;
    assert_eq!(refused.status, 413);
}

#[tokio::test]
async fn large_answers_are_compressed_for_who_asks() {
    let world = world().await;
    let plain = world.send("GET", "/openapi.json", &[], None).await;
    assert!(!plain.headers.contains_key("content-encoding"));
    let small = world.send("GET", "/openapi.json", &[("accept-encoding", "gzip")], None).await;
    assert_eq!(small.headers["content-encoding"], "gzip");
}
