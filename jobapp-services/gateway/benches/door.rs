//! What a request costs in the gateway itself, without sockets: every rule on, one thread, time per request.
#![expect(clippy::print_stdout, reason = "a bench prints")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::response::IntoResponse;
use http::{Request, Response};
use http_body_util::BodyExt;
use jobapp_gateway_service::routes::Target;
use jobapp_gateway_service::{Door, Gateway, GatewayConfig, GatewayPorts, RateLimits, Upstreams};
use jobapp_http::{BoxError, GatewayTokens, SecretString, TokenKeys, Upstream, UserClaims, UserTokens};
use jobapp_memory::MemoryCategories;
use serde_json::json;
use tower::ServiceExt;
use tower::util::BoxCloneSyncService;

const ROUNDS: u32 = 50_000;

fn keys(secret: &str) -> TokenKeys {
    TokenKeys::single(&SecretString::from(secret.to_owned()))
}

/// Services that answer every read with the same gig of usual size.
fn services() -> impl Iterator<Item = (Target, Upstream)> {
    let gig = json!({ "message": "Get gig by id", "gig": {
        "id": "66f0", "sellerId": "77a1", "username": "Iria", "active": true, "title": "I will make logo sketches",
        "description": "Three drafts by hand. ".repeat(40), "categories": "Graphics & Design", "price": 20,
    } });
    Target::ALL.into_iter().map(move |target| {
        let body = bytes::Bytes::from(gig.to_string());
        let service = tower::service_fn(move |_: Request<Body>| {
            let response = ([("content-type", "application/json")], body.clone()).into_response();
            async move { Ok::<Response<Body>, BoxError>(response) }
        });
        (target, BoxCloneSyncService::new(service) as Upstream)
    })
}

async fn gateway(config: GatewayConfig, users: &UserTokens) -> Result<Door, jobapp_realtime::Unavailable> {
    let upstreams = Upstreams::new(services(), GatewayTokens::new(keys("gateway")), &config.guards);
    let ports = GatewayPorts::alone(Arc::new(MemoryCategories::new()));
    Ok(Gateway::start(upstreams, users.clone(), ports, config).await.door(&[]))
}

async fn measure(name: &str, door: &Door, request: impl Fn() -> Request<Body>) {
    let mut times = Vec::new();
    for round in 0..6 {
        let start = Instant::now();
        for _ in 0..ROUNDS / 10 {
            let response = door.clone().oneshot(request()).await.unwrap_or_else(|never| match never {});
            assert!(response.status().is_success() || response.status() == 304, "{}", response.status());
            drop(response.into_body().collect().await);
        }
        if round > 0 {
            times.push(start.elapsed() / (ROUNDS / 10));
        }
    }
    times.sort();
    println!("{name:<44} {:>8.2} µs a request", times[times.len() / 2].as_secs_f64() * 1e6);
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime {
        Ok(runtime) => runtime.block_on(run()),
        Err(error) => println!("the system gives no threads: {error}"),
    }
}

async fn run() {
    let users = UserTokens::new(keys("users"), 3600);
    let user =
        UserClaims { id: 7, email: "m@example.org".into(), username: "Marta".into(), sid: "s".into(), role: None };
    let Ok(token) = users.issue(&user) else { return println!("no token could be signed") };
    let rate_limits = RateLimits { factor: 1_000_000, ..RateLimits::default() };
    let config = GatewayConfig { rate_limits, ..GatewayConfig::default() };
    let unkept = GatewayConfig { cache_age: Duration::ZERO, ..config.clone() };
    let (Ok(keeping), Ok(fetching)) = (gateway(config, &users).await, gateway(unkept, &users).await) else {
        return println!("a gateway could not be started");
    };
    let request = |method: &str, path: &str, headers: &[(&str, &str)]| {
        let mut builder = Request::builder()
            .method(method)
            .uri(path)
            .extension(ConnectInfo(SocketAddr::from(([192, 0, 2, 1], 5000))))
            .header("host", "localhost:4000")
            .header("origin", "http://localhost:3000")
            .header("accept", "application/json")
            .header("cookie", format!("session={token}; session.refresh=0123456789abcdef0123456789abcdef"));
        for (name, value) in headers {
            builder = builder.header(*name, *value);
        }
        builder.body(Body::empty()).unwrap_or_default()
    };
    let gig = "/api/gateway/v1/gig/66f0";
    measure("building the request alone", &Door::new(Router::new()), || request("GET", gig, &[])).await;
    measure("a gig by id, kept", &keeping, || request("GET", gig, &[])).await;
    {
        let lines = tracing_subscriber::fmt().json().flatten_event(true).with_writer(std::io::sink).finish();
        let _guard = tracing::subscriber::set_default(lines);
        measure("a gig by id, kept, with the access log", &keeping, || request("GET", gig, &[])).await;
        measure("a gig by id, fetched, with the access log", &fetching, || request("GET", gig, &[])).await;
    }
    measure("a gig by id, kept, compressed", &keeping, || request("GET", gig, &[("accept-encoding", "gzip")])).await;
    measure("a gig by id, fetched, compressed", &fetching, || request("GET", gig, &[("accept-encoding", "gzip")]))
        .await;
    measure("a gig by id, fetched", &fetching, || request("GET", gig, &[])).await;
    measure("orders, passed on", &keeping, || request("GET", "/api/gateway/v1/order/JO1", &[])).await;
    measure("a preflight", &keeping, || request("OPTIONS", gig, &[("access-control-request-method", "GET")])).await;
}
