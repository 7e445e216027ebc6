//! What goes on to a service, and what never does.

use http::Method;
use serde_json::json;

use super::world;

#[tokio::test]
async fn nothing_of_the_clients_headers_goes_on_but_what_is_listed() {
    let world = world().await;
    let session = world.session_of("Marta");
    let sent = [
        ("cookie", session.as_str()),
        ("x-request-id", "request-0001"),
        ("idempotency-key", "key-1"),
        ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        // Those that would pretend, and those that end at the gateway.
        ("authorization", "Bearer forged"),
        ("gatewaytoken", "forged"),
        ("x-client-address", "10.0.0.1"),
        ("x-device-token", "forged"),
        ("x-pending-token", "forged"),
        ("x-forwarded-for", "10.0.0.1"),
        ("x-forwarded-user", "root"),
        ("connection", "keep-alive, x-hop"),
        ("x-hop", "1"),
        ("te", "trailers"),
        ("proxy-authorization", "Basic x"),
        ("upgrade", "h2c"),
    ];
    let answer = world.api("POST", "/review", &sent, Some(json!({ "rating": 5 }))).await;
    assert_eq!(answer.status, 201);
    assert_eq!(answer.headers["x-request-id"], "request-0001");
    let seen = world.backstage.seen.lock().last().unwrap().clone();
    let mut names: Vec<&str> = seen.headers.keys().map(http::HeaderName::as_str).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        ["accept", "authorization", "content-type", "gatewaytoken", "idempotency-key", "traceparent", "x-request-id"]
    );
    assert_eq!(seen.headers["authorization"], format!("Bearer {}", session.strip_prefix("session=").unwrap()));
    assert_ne!(seen.headers["gatewaytoken"], "forged");
}

#[tokio::test]
async fn the_auth_service_hears_where_the_client_is_and_what_its_cookies_say() {
    let world = world().await;
    let sent = [("cookie", "session.pending=p1; session.device=d1"), ("x-client-address", "10.0.0.1")];
    world.api("PUT", "/auth/verify-otp/123456", &sent, Some(json!({}))).await;
    let seen = world.backstage.seen.lock().last().unwrap().clone();
    assert_eq!(seen.headers["x-client-address"], "0.0.0.0");
    assert_eq!(
        (&seen.headers["x-pending-token"], &seen.headers["x-device-token"]),
        (&"p1".parse().unwrap(), &"d1".parse().unwrap())
    );
}

#[tokio::test]
async fn a_request_without_a_sensible_id_goes_on_with_one() {
    let world = world().await;
    let answer = world.read("/order/JO1", "Marta").await;
    let seen = world.backstage.seen.lock().last().unwrap().clone();
    assert_eq!(seen.headers["x-request-id"], answer.headers["x-request-id"]);
}

#[tokio::test]
async fn a_repeated_query_key_goes_on_once() {
    let world = world().await;
    world.api("GET", "/auth/search/gig/0/10/forward?query=a&minprice=1&query=b%26c", &[], None).await;
    assert_eq!(world.backstage.calls(&Method::GET, "/api/v1/gig/search/0/10/forward?query=b%26c&minprice=1"), 1);
}
