//! Reviews.

use serde_json::json;

use crate::harness::checks::{with, without};
use crate::harness::shared;

#[tokio::test]
async fn a_review_needs_stars_words_and_an_order() {
    let trade = shared().trade().await;
    let number = trade.completed_order().await;
    let valid = trade.review(true, &number, 5);
    let mut wrong = Vec::new();
    let broken = [
        with(&valid, "/rating", json!(0)),
        with(&valid, "/rating", json!(6)),
        with(&valid, "/rating", json!(99)),
        with(&valid, "/rating", json!(4.5)),
        with(&valid, "/rating", json!("many")),
        with(&valid, "/rating", json!(null)),
        with(&valid, "/rating", json!({ "$gt": 0 })),
        without(&valid, "/rating"),
        with(&valid, "/review", json!("")),
        with(&valid, "/review", json!({ "$ne": null })),
        without(&valid, "/review"),
        with(&valid, "/reviewType", json!("self-review")),
        with(&valid, "/reviewType", json!({ "$ne": null })),
        without(&valid, "/reviewType"),
        with(&valid, "/orderId", json!({ "$ne": null })),
        without(&valid, "/orderId"),
        json!({}),
        json!([]),
    ];
    for body in broken {
        let answer = trade.buyer.post("/review", body.clone()).await;
        if answer.status != 400 || !answer.header("content-type").starts_with("application/json") {
            wrong.push(format!("{body}: {answer}"));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    trade.buyer.post("/review", valid).await.says("Review created successfully.");
}
