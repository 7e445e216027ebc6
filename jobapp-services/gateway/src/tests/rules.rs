//! The rules together: what every answer has, refusals too.

use serde_json::{Value, json};

use super::{world, world_with};
use crate::door::access_log::testing::logged;
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
async fn a_query_of_countless_keys_is_refused_and_counts_as_a_call() {
    let world = world().await;
    let query = (0..16_000).map(|at| format!("k{at}")).collect::<Vec<_>>().join("&");
    let mut calls = 0;
    loop {
        let answer = world.send("POST", &format!("/api/gateway/v1/auth/signin?{}", &query[..60_000]), &[], None).await;
        if answer.status == 429 {
            break;
        }
        assert_eq!(answer.error(400), "The query has more than 100 keys.");
        assert!(answer.headers.contains_key("ratelimit-remaining"));
        calls += 1;
    }
    assert_eq!(calls, 30);
    world.send("GET", &format!("/livez?{}", &query[..60_000]), &[], None).await.error(400);
}

#[tokio::test]
async fn large_answers_are_compressed_for_who_asks() {
    let world = world().await;
    let plain = world.send("GET", "/openapi.json", &[], None).await;
    assert!(!plain.headers.contains_key("content-encoding"));
    let small = world.send("GET", "/openapi.json", &[("accept-encoding", "gzip")], None).await;
    assert_eq!(small.headers["content-encoding"], "gzip");
}

#[tokio::test]
async fn the_log_names_routes_and_pages() {
    let world = world().await;
    let calls = [
        ("/api/gateway/v1/gig/66f0", "/gig/:gigId"),
        ("/api/gateway/v1/nowhere", "none"),
        ("/livez", "/livez"),
        ("/socket.io/?EIO=4&transport=polling", "/socket.io/"),
        ("/nowhere", "none"),
    ];
    for (path, route) in calls {
        let text = logged(async { drop(world.send("GET", path, &[], None).await) }).await;
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let routes: Vec<&Value> =
            lines.iter().filter(|line| line["target"] == "access").map(|line| &line["route"]).collect();
        assert_eq!(routes, [route], "{path}: {text}");
    }
}

#[tokio::test]
async fn what_goes_wrong_on_the_way_is_logged_with_the_requests_id() {
    let world = world().await;
    world.away("order");
    let session = world.session_of("Marta");
    let headers = [("cookie", session.as_str()), ("x-request-id", "request-77")];
    let text = logged(async { drop(world.api("GET", "/order/JO1", &headers, None).await) }).await;
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let why = lines.iter().find(|line| line["message"] == "a call brought no answer").unwrap();
    assert_eq!((&why["span"]["request_id"], &why["level"]), (&json!("request-77"), &json!("WARN")));
}
