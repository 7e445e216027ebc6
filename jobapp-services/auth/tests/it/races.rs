//! A thousand renewals of one session at once, on each store.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::{Request, StatusCode, header};
use http_body_util::BodyExt;
use jobapp_auth::Session;
use jobapp_auth_service::{AuthConfig, AuthPorts, AuthService};
use jobapp_kernel::{Aggregate, FixedClock, Repository, Timestamp};
use jobapp_memory::MemoryStore;
use jobapp_platform::Service;
use jobapp_sqlite::{SqliteConfig, SqliteStore};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::app::{gateway_tokens, marta, ports};

const RACERS: usize = 1000;

async fn post(router: Router, path: &'static str, body: Value) -> (StatusCode, Value) {
    let request = Request::post(format!("/api/v1/auth{path}"))
        .header("gatewaytoken", gateway_tokens().issue("auth").unwrap())
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(body.to_string()))
        .unwrap();
    let response = router.oneshot(request).await.unwrap();
    let status = response.status();
    (status, serde_json::from_slice(&response.into_body().collect().await.unwrap().to_bytes()).unwrap())
}

async fn renew(router: &Router, token: &str) -> (StatusCode, Value) {
    post(router.clone(), "/session/refresh", json!({"refreshToken": token})).await
}

/// All tokens at once, from as many tasks on several threads. Returns the tokens the racers got, each once.
async fn race(router: &Router, tokens: &[&String]) -> BTreeSet<String> {
    let racers: Vec<_> = (0..RACERS)
        .map(|racer| {
            let (router, token) = (router.clone(), tokens[racer % tokens.len()].clone());
            tokio::spawn(async move { renew(&router, &token).await })
        })
        .collect();
    let mut got = BTreeSet::new();
    for racer in racers {
        let (status, answer) = racer.await.unwrap();
        assert_eq!(status, StatusCode::OK, "an honest tab was signed out: {answer}");
        got.insert(answer["refreshToken"].as_str().unwrap().to_owned());
    }
    got
}

/// The one token that every racer got.
fn only(got: BTreeSet<String>) -> String {
    assert_eq!(got.len(), 1, "there are several families");
    got.into_iter().next().unwrap()
}

async fn a_thousand_at_once(ports: AuthPorts, clock: Arc<FixedClock>) {
    let sessions: Arc<dyn Repository<Session>> = Arc::clone(&ports.auth.sessions);
    let router = AuthService::new(ports, AuthConfig::default()).router();
    let (_, signed_up) = post(router.clone(), "/signup", marta()).await;
    let first = signed_up["refreshToken"].as_str().unwrap().to_owned();

    let second = only(race(&router, &[&first]).await);
    // Tabs that have not heard of the successor yet race with those that have: until it is used they get it, then the next.
    let mut got = race(&router, &[&first, &second]).await;
    got.remove(&second);
    let third = only(got);
    let stored = sessions.scan(None, 10).await.unwrap();
    assert_eq!(stored.len(), 1, "one session, one family");

    clock.advance(Duration::from_secs(900));
    let fourth = only(race(&router, &[&third]).await);
    clock.advance(Duration::from_secs(11));
    let fifth = only(race(&router, &[&fourth]).await);
    clock.advance(Duration::from_secs(11));
    // The fourth one was used and its successor reached its owner: who brings the third has stolen it.
    assert_eq!(renew(&router, &third).await.0, StatusCode::UNAUTHORIZED);
    for token in [&first, &second, &third, &fourth, &fifth] {
        assert_eq!(renew(&router, token).await.0, StatusCode::UNAUTHORIZED, "the family is over");
    }
    let stored = sessions.find(stored[0].value.id()).await.unwrap().unwrap();
    assert!(stored.value.ended().is_some());
}

fn clock() -> Arc<FixedClock> {
    Arc::new(FixedClock::at(Timestamp::from_millis(1_795_500_000_000).unwrap()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_thousand_renewals_at_once_leave_one_family_in_memory() {
    let clock = clock();
    let store = MemoryStore::with(clock.clone(), None);
    a_thousand_at_once(ports(&store, clock.clone()), clock).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_thousand_renewals_at_once_leave_one_family_in_a_file() {
    let (clock, folder) = (clock(), tempfile::tempdir().unwrap());
    let store = SqliteStore::open(SqliteConfig::file(folder.path().join("auth.db"))).await.unwrap();
    let memory = MemoryStore::with(clock.clone(), None);
    let cheap = ports(&memory, clock.clone());
    let mut ports = AuthPorts::open(&store.clone().into(), &cheap.shared).await.unwrap();
    ports.auth.hasher = cheap.auth.hasher;
    a_thousand_at_once(ports, clock).await;
    store.close().await;
}
