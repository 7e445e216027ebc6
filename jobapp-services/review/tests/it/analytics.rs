//! How sellers and gigs were rated: what is told, what is refused, and what happens while the read model is away.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use http::StatusCode;
use jobapp_kernel::{Outcome, RepositoryError, Stars};
use jobapp_platform::Service;
use jobapp_reviews::{Day, Edition, RatedReview, RatingCounts, RebuildError, ReviewAnalytics, Subject};
use jobapp_wire::queues::REVIEW_ANALYTICS;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::app::{App, BUYER, GIG, SELLER, a_review};

async fn rate(app: &App, order: &str, stars: i64, at: &str) {
    let rating = Stars::new(stars).unwrap();
    let review = RatedReview::new(order, SELLER, GIG, rating, at.parse().unwrap()).unwrap();
    app.ports.analytics.record(&review).await.unwrap();
}

async fn told(app: &App, query: &str) -> Value {
    let (status, answer) = app.get("Ana", &format!("/analytics/gig/{GIG}{query}")).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    answer["analytics"].clone()
}

fn counts(analytics: &Value) -> Vec<(&str, i64)> {
    let of = |part: &'_ Value| part["ratingsCount"].as_i64().unwrap();
    analytics["trend"].as_array().unwrap().iter().map(|part| (part["from"].as_str().unwrap(), of(part))).collect()
}

#[tokio::test]
async fn a_trend_is_told_by_days_weeks_and_months() {
    let app = App::new().await;
    for (order, stars, at) in [
        ("JO1", 5, "2025-12-31T23:59:59.999Z"),
        ("JO2", 4, "2026-01-01"),
        ("JO3", 2, "2026-11-16"),
        ("JO4", 3, "2026-11-22T23:59:59Z"),
        ("JO5", 1, "2026-11-23"),
        ("JO6", 1, "2026-11-24T10:20:00Z"),
    ] {
        rate(&app, order, stars, at).await;
    }
    // It is the 24th of November, a Tuesday.
    let by_default = told(&app, "").await;
    assert_eq!(
        (&by_default["by"], &by_default["from"], &by_default["to"]),
        (&json!("month"), &json!("2025-12-01"), &json!("2026-11-24"))
    );
    let months = counts(&by_default);
    assert_eq!(
        (months.len(), months[0], months[1], months[11]),
        (12, ("2025-12-01", 1), ("2026-01-01", 1), ("2026-11-01", 4))
    );
    assert_eq!((&by_default["ratingsCount"], &by_default["ratingSum"]), (&json!(6), &json!(16)));
    let weeks = told(&app, "?by=week&from=2026-11-10").await;
    assert_eq!(counts(&weeks), [("2026-11-10", 0), ("2026-11-16", 2), ("2026-11-23", 2)]);
    assert_eq!((&weeks["trend"][0]["average"], &weeks["trend"][1]["average"]), (&json!(null), &json!(2.5)));
    assert_eq!(weeks["ratingsCount"], 6, "the totals have no bounds of time");
    let days = told(&app, "?by=day&from=2026-11-21&to=2026-11-23").await;
    assert_eq!(counts(&days), [("2026-11-21", 0), ("2026-11-22", 1), ("2026-11-23", 1)]);
    assert_eq!(told(&app, "?by=day").await["trend"].as_array().unwrap().len(), 30);
}

#[tokio::test]
async fn whoever_was_never_rated_has_a_trend_of_nothing() {
    let app = App::new().await;
    for path in
        ["/analytics/gig/undefined", "/analytics/seller/undefined", &format!("/analytics/gig/{}", "9".repeat(300))]
    {
        let (status, answer) = app.get("Ana", path).await;
        let analytics = &answer["analytics"];
        assert_eq!(
            (status, &analytics["ratingsCount"], &analytics["average"]),
            (StatusCode::OK, &json!(0), &json!(null))
        );
        assert_eq!(analytics["trend"].as_array().unwrap().len(), 12);
    }
}

#[tokio::test]
async fn what_is_no_time_is_refused_with_its_reason() {
    let app = App::new().await;
    for (query, expected) in [
        ("from=soon", "\"from\" must be a date such as 2026-11-24"),
        ("from=", "\"from\" must be a date such as 2026-11-24"),
        ("to=2026-02-30", "\"to\" must be a date such as 2026-11-24"),
        ("by=year", "\"by\" must be one of [day, week, month]"),
        ("from=2026-12-01&to=2026-11-30", "2026-12-01 is after 2026-11-30"),
        (
            "by=day&from=2025-01-01&to=2026-12-31",
            "from 2025-01-01 to 2026-12-31 there are more than 366 days; tell of a shorter time, or by a longer unit",
        ),
        (
            "from=0001-01-01&to=9999-12-31",
            "from 0001-01-01 to 9999-12-31 there are more than ten years; tell of a shorter time, or by a longer unit",
        ),
    ] {
        let (status, answer) = app.get("Ana", &format!("/analytics/seller/{SELLER}?{query}")).await;
        assert_eq!((status, answer["message"].as_str().unwrap()), (StatusCode::BAD_REQUEST, expected));
    }
}

/// Analytics that come and go, or never answer.
struct Flaky {
    analytics: Arc<dyn ReviewAnalytics>,
    is_away: AtomicBool,
    is_silent: AtomicBool,
}

impl Flaky {
    async fn there(&self) -> Result<&dyn ReviewAnalytics, RepositoryError> {
        if self.is_silent.load(Ordering::SeqCst) {
            return std::future::pending().await;
        }
        match self.is_away.load(Ordering::SeqCst) {
            true => Err(RepositoryError::unavailable("count", "the database is away")),
            false => Ok(&*self.analytics),
        }
    }

    fn app() -> (App, Arc<Self>) {
        let mut flaky = None;
        let app = App::with_analytics(|analytics| {
            let made = Arc::new(Self { analytics, is_away: true.into(), is_silent: false.into() });
            flaky = Some(Arc::clone(&made));
            made
        });
        (app, flaky.unwrap())
    }
}

#[async_trait]
impl ReviewAnalytics for Flaky {
    async fn record(&self, review: &RatedReview) -> Result<(), RepositoryError> {
        self.there().await?.record(review).await
    }

    async fn counts(&self, subject: &Subject, days: RangeInclusive<Day>) -> Result<RatingCounts, RepositoryError> {
        self.there().await?.counts(subject, days).await
    }

    async fn is_built(&self) -> Result<bool, RepositoryError> {
        self.there().await?.is_built().await
    }

    async fn begin(&self) -> Result<Edition, RepositoryError> {
        self.there().await?.begin().await
    }

    async fn add(&self, edition: Edition, reviews: &[RatedReview]) -> Result<(), RepositoryError> {
        self.there().await?.add(edition, reviews).await
    }

    async fn publish(&self, edition: Edition) -> Result<bool, RepositoryError> {
        self.there().await?.publish(edition).await
    }
}

#[tokio::test(start_paused = true)]
async fn while_analytics_are_away_reviews_are_written_and_read_and_counted_later() {
    let (app, flaky) = Flaky::app();
    app.meet("Marta", BUYER, None).await;
    assert_eq!(app.tell_order("JO1", "Completed", 4).await, Outcome::Done);
    assert_eq!(app.post("Marta", &a_review("buyer-review")).await.0, StatusCode::CREATED);
    assert_eq!(app.get("Marta", &format!("/gig/{GIG}")).await.1["reviews"].as_array().unwrap().len(), 1);
    let told = app.published().remove(0);
    for is_silent in [false, true] {
        flaky.is_silent.store(is_silent, Ordering::SeqCst);
        let request = app.request(http::Method::GET, "Marta", &format!("/analytics/gig/{GIG}"), None);
        let answer = tower::ServiceExt::oneshot(app.router.clone(), request).await.unwrap();
        // With this header the gateway knows that it is the service who says so.
        assert_eq!(answer.headers()["retry-after"], "5");
        let (status, body) = app.get("Marta", &format!("/analytics/gig/{GIG}")).await;
        let away = json!("The analytics of reviews are away. Please try again in a moment.");
        assert_eq!((status, &body["message"]), (StatusCode::SERVICE_UNAVAILABLE, &away));
    }
    flaky.is_silent.store(false, Ordering::SeqCst);
    for _ in 0..20 {
        let outcome = app.deliver(REVIEW_ANALYTICS, &told, Some(1)).await;
        assert!(matches!(outcome, Outcome::Retry { counts: false, .. }), "it is retried without end: {outcome:?}");
    }
    flaky.is_away.store(false, Ordering::SeqCst);
    assert_eq!(app.deliver(REVIEW_ANALYTICS, &told, Some(1)).await, Outcome::Done);
    let (_, answer) = app.get("Marta", &format!("/analytics/seller/{SELLER}")).await;
    assert_eq!(answer["analytics"]["ratingsCount"], 1);
}

#[tokio::test(start_paused = true)]
async fn analytics_are_built_by_themselves_once_they_are_there() {
    let (app, flaky) = Flaky::app();
    app.meet("Marta", BUYER, None).await;
    assert_eq!(app.tell_order("JO1", "Completed", 4).await, Outcome::Done);
    // Written, and never told.
    assert_eq!(app.post("Marta", &a_review("buyer-review")).await.0, StatusCode::CREATED);
    let stop = CancellationToken::new();
    let tasks: Vec<_> = app.service.tasks().into_iter().map(|task| tokio::spawn(task.run(stop.clone()))).collect();
    tokio::time::sleep(Duration::from_secs(120)).await;
    flaky.is_away.store(false, Ordering::SeqCst);
    let building = async {
        while !flaky.is_built().await.unwrap() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(600), building).await.expect("they are built");
    assert_eq!(told(&app, "").await["ratingsCount"], 1);
    stop.cancel();
    for task in tasks {
        task.await.unwrap();
    }
}

#[tokio::test]
async fn one_process_at_a_time_builds_them() {
    let app = App::new().await;
    assert_eq!(app.post("Marta", &a_review("buyer-review")).await.0, StatusCode::CREATED);
    rate(&app, "JO9", 1, "2026-11-24").await;
    let leases = jobapp_platform::Store::from(app.store.clone()).leases();
    assert!(leases.take("review analytics", "another process", Duration::from_secs(600)).await.unwrap());
    assert!(matches!(app.ports.rebuild_analytics(&|_| ()).await, Err(RebuildError::Busy)));
    assert_eq!(told(&app, "").await["ratingSum"], 1);
    leases.release("review analytics", "another process").await.unwrap();
    assert_eq!(app.ports.rebuild_analytics(&|_| ()).await.unwrap(), 1);
    assert_eq!(told(&app, "").await["ratingSum"], 5);
}
