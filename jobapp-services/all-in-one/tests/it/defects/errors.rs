//! Answers that said something else than what had happened.

use serde_json::json;

use crate::harness::{bodies, shared};

const NOTHING: &str = "aaaaaaaaaaaaaaaaaaaaaaaa";

#[tokio::test]
async fn broken_rules_were_pages_and_not_found() {
    let trade = shared().trade().await;
    let number = trade.order().await;
    for (method, path) in [
        ("POST", "/seller/create".to_owned()),
        ("POST", "/gig/create".to_owned()),
        ("POST", "/message".to_owned()),
        ("POST", "/order".to_owned()),
        ("PUT", format!("/order/extension/{number}")),
        ("POST", "/review".to_owned()),
        ("POST", "/auth/signin".to_owned()),
    ] {
        trade.seller.call(method, &path, Some(&json!({}))).await.refused(400);
    }
}

#[tokio::test]
async fn what_does_not_exist_was_a_good_answer_without_it() {
    let seller = shared().seller().await;
    for path in [
        format!("/gig/{NOTHING}"),
        format!("/auth/search/gig/{NOTHING}"),
        format!("/seller/id/{NOTHING}"),
        "/order/JO99999999999".to_owned(),
    ] {
        seller.get(&path).await.refused(404);
    }
}

#[tokio::test]
async fn changes_of_what_does_not_exist_were_good_answers() {
    let seller = shared().seller().await;
    let order = |step: &str| format!("/order/{step}/JO99999999999");
    for (path, body) in [
        (format!("/seller/{NOTHING}"), bodies::seller(&seller.email)),
        (format!("/gig/active/{NOTHING}"), json!({ "active": false })),
        ("/message/offer".to_owned(), json!({ "messageId": NOTHING, "type": "accepted" })),
        ("/message/mark-as-read".to_owned(), json!({ "messageId": NOTHING })),
        ("/order/notification/mark-as-read".to_owned(), json!({ "notificationId": NOTHING })),
        (order("extension"), bodies::extension(2, "Rain")),
        (order("gig/approve"), bodies::extension_answer(2, "Rain")),
        (order("deliver-order"), bodies::delivery("Done.")),
        (order("approve-order"), json!({})),
        (order("cancel"), json!({})),
    ] {
        let answer = seller.put(&path, body).await;
        assert!(matches!(answer.status, 403 | 404), "{answer}");
        answer.error();
    }
    seller.delete(&format!("/gig/{NOTHING}/{}", seller.seller_id)).await.refused(404);
}

#[tokio::test]
async fn a_page_of_a_forbidden_origin_was_told_of_a_fault_inside_with_its_stack() {
    let browser = shared().browser();
    let request = browser.request("POST", "/api/gateway/v1/auth/signin").header("origin", "https://evil.example.org");
    let answer = browser.send(request.json(&json!({}))).await;
    assert_eq!(answer.status, 403, "{answer}");
    assert_eq!(answer.message(), "Not allowed by CORS");
    for trace in ["    at ", ".rs:", "panicked", "backtrace"] {
        assert!(!answer.text().contains(trace), "{answer}");
    }
}
