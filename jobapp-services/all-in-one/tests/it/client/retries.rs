//! Requests sent again because their answer was lost.

use serde_json::{Value, json};

use crate::harness::bodies;
use crate::harness::checks::list;
use crate::harness::people::{order_number, unique};
use crate::harness::{Answer, Browser, shared};

async fn send(browser: &Browser, method: &str, path: &str, key: &str, body: &Value) -> Answer {
    let request = browser.request(method, &format!("/api/gateway/v1{path}")).header("idempotency-key", key);
    browser.send(request.json(body)).await
}

#[tokio::test]
async fn every_route_that_creates_makes_one_thing_of_two_requests_with_one_key() {
    let trade = shared().trade().await;
    let number = trade.completed_order().await;
    let person = shared().person().await;
    let name = format!("Again{}", unique());
    let intent = trade.buyer.pay(20.0).await;
    let rows = [
        (&shared().browser(), "/auth/signup", bodies::sign_up(&name, &format!("{name}@example.org")), "/user/id"),
        (&person.browser, "/seller/create", bodies::seller(&person.email), "/seller/_id"),
        (&trade.seller.browser, "/gig/create", bodies::gig(&trade.seller.seller_id, "Again", 20.0), "/gig/id"),
        (&trade.buyer.browser, "/message", trade.message(true, None, "Again"), "/messageData/_id"),
        (&trade.buyer.browser, "/order/create-payment-intent", json!({ "price": 20 }), "/paymentIntentId"),
        (&trade.buyer.browser, "/order", trade.order_body(&order_number(), &intent, 20.0), "/order/_id"),
        (&trade.buyer.browser, "/review", trade.review(true, &number, 5), "/review/id"),
    ];
    for (browser, path, body, id) in rows {
        let key = format!("key-{}", unique());
        let (first, second) =
            (send(browser, "POST", path, &key, &body).await, send(browser, "POST", path, &key, &body).await);
        assert!(first.status == second.status && first.status < 300, "{first} {second}");
        let (one, two) = (first.json(), second.json());
        assert!(one.pointer(id).is_some() && one.pointer(id) == two.pointer(id), "{first} {second}");
        let mut other = body.clone();
        other["password"] = json!("another horse 8");
        if path == "/auth/signup" {
            send(browser, "POST", path, &key, &other).await.refused(422);
        }
    }
    assert_eq!(trade.messages().await.len(), 1);
    assert_eq!(list(&trade.buyer.get(&format!("/review/gig/{}", trade.gig.id)).await.good(), "/reviews").len(), 1);
}

#[tokio::test]
async fn a_delivery_that_is_sent_again_is_one_delivery() {
    let trade = shared().trade().await;
    let number = trade.order().await;
    let path = format!("/order/deliver-order/{number}");
    let body = bodies::delivery("Here it is.");
    for _ in 0..3 {
        let answer = send(&trade.seller, "PUT", &path, "delivery-1", &body).await;
        assert_eq!(list(&answer.says("Order delivered successfully."), "/order/deliveredWork").len(), 1, "{answer}");
    }
    send(&trade.seller, "PUT", &path, "delivery-1", &bodies::delivery("Something else.")).await.refused(422);
    let answer = send(&trade.seller, "PUT", &path, "delivery-2", &body).await;
    assert_eq!(list(&answer.good(), "/order/deliveredWork").len(), 2, "{answer}");
}

#[tokio::test]
async fn requests_with_one_key_at_the_same_moment_make_one_thing() {
    let seller = shared().seller().await;
    let body = bodies::gig(&seller.seller_id, "At once", 20.0);
    let key = format!("key-{}", unique());
    let (one, two, three) = tokio::join!(
        send(&seller, "POST", "/gig/create", &key, &body),
        send(&seller, "POST", "/gig/create", &key, &body),
        send(&seller, "POST", "/gig/create", &key, &body)
    );
    let ids = [one.good(), two.good(), three.good()].map(|body| body["gig"]["id"].clone());
    assert!(ids[0] == ids[1] && ids[1] == ids[2], "{ids:?}");
    assert_eq!(list(&seller.get(&format!("/gig/seller/{}", seller.seller_id)).await.good(), "/gigs").len(), 1);
}
