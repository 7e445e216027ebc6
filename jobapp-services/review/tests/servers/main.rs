//! Analytics on a PostgreSQL of their own, which goes away and comes back.

#[expect(dead_code, reason = "each target uses a part of it")]
#[path = "../it/app.rs"]
mod app;

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use jobapp_kernel::Outcome;
use jobapp_platform::{Address, Analytics, App as Running, Bus};
use jobapp_runtime::Shutdown;
use jobapp_test_servers::{Kind, own};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::app::{App, BUYER, GIG, SELLER, a_review};

/// How long anything that must come about may take.
const PATIENCE: Duration = Duration::from_secs(90);

/// Fails when something never comes about.
async fn until(what: &str, is_so: impl AsyncFn() -> bool) {
    let waiting = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, waiting).await.is_ok(), "waited in vain until {what}");
}

/// Marta reviews a completed order of hers.
async fn review(app: &App, order: &str) {
    assert_eq!(app.tell_order(order, "Completed", 4).await, Outcome::Done);
    let mut body = a_review("buyer-review");
    body["orderId"] = json!(order);
    let (status, answer) = app.post("Marta", &body).await;
    assert_eq!(status, StatusCode::CREATED, "{answer}");
}

/// How many ratings of the seller and of the gig the analytics tell; `None` while they are away.
async fn counted(app: &App) -> Option<(i64, i64)> {
    let mut counts = Vec::new();
    for path in [format!("/analytics/seller/{SELLER}"), format!("/analytics/gig/{GIG}")] {
        let (status, answer) = app.get("Ana", &path).await;
        if status == StatusCode::SERVICE_UNAVAILABLE {
            assert_eq!(answer["message"], "The analytics of reviews are away. Please try again in a moment.");
            return None;
        }
        assert_eq!(status, StatusCode::OK, "{answer}");
        counts.push(answer["analytics"]["ratingsCount"].as_i64().unwrap());
    }
    Some((counts[0], counts[1]))
}

async fn reviews(app: &App) -> usize {
    let (status, answer) = app.get("Ana", &format!("/gig/{GIG}")).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    answer["reviews"].as_array().unwrap().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn while_postgres_is_away_reviews_are_written_and_read_and_counted_later() {
    let server = own(Kind::Postgres).await;
    let address = Address::parse("JOBAPP_ANALYTICS", server.url()).in_namespace("review");
    server.stop().await;
    let stop = CancellationToken::new();
    // It is away when the service starts.
    let analytics = Analytics::open(&address, None, stop.clone()).unwrap();
    let app = App::with_analytics(|_| Arc::clone(&analytics.model));
    app.meet("Marta", BUYER, None).await;
    let bus = Bus::open(&Address::parse("JOBAPP_BUS", "memory:"), None).await.unwrap();
    let shutdown = Shutdown::new();
    let running = Running::new(&app.ports.shared, bus, shutdown.clone());
    running.declare().await.unwrap();
    running.run(&app.service, Some(&app.store.clone().into()));

    review(&app, "JO1").await;
    assert_eq!((reviews(&app).await, counted(&app).await), (1, None));
    until("it is told why", async || analytics.trouble().await.is_some_and(|why| why.contains("reached"))).await;
    server.start().await;
    until("what was told meanwhile is counted", async || counted(&app).await == Some((1, 1))).await;
    assert_eq!(analytics.trouble().await, None);

    server.kill().await;
    review(&app, "JO2").await;
    assert_eq!((reviews(&app).await, counted(&app).await), (2, None));
    until("it is told that it is away", async || analytics.trouble().await.is_some()).await;
    review(&app, "JO3").await;
    assert_eq!((reviews(&app).await, counted(&app).await), (3, None));
    server.start().await;
    until("everything is counted", async || counted(&app).await == Some((3, 3))).await;
    until("it is told that it is over", async || analytics.trouble().await.is_none()).await;

    // Built anew from the reviews they are the same.
    assert_eq!(app.ports.rebuild_analytics(&|_| ()).await.unwrap(), 3);
    assert_eq!(counted(&app).await, Some((3, 3)));
    stop.cancel();
    shutdown.request();
}
