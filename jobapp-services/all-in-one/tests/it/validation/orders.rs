//! Orders and payments.

use serde_json::{Value, json};

use super::{
    blank_text, body, check, gone, optional_boolean, optional_number, optional_text, required_number, required_text,
    set,
};
use crate::harness::checks::with;
use crate::harness::people::order_number;
use crate::harness::{bodies, shared};

#[tokio::test]
async fn a_new_order() {
    let trade = shared().trade().await;
    let intent = trade.buyer.pay(20.0).await;
    let valid = trade.order_body(&order_number(), &intent, 20.0);
    let mut cases = vec![
        gone("/offer", "\"offer\" is required"),
        set("/offer", Value::Null, "\"offer\" must be of type object"),
        set("/offer", "x", "\"offer\" must be of type object"),
        set("/offer", json!([]), "\"offer\" must be of type object"),
        set("/offer/reason", "x", "\"offer.reason\" is not allowed"),
        gone("/offer/accepted", "\"offer.accepted\" is required"),
        gone("/offer/cancelled", "\"offer.cancelled\" is required"),
    ];
    for part in ["gigTitle", "description", "oldDeliveryDate"] {
        cases.extend(required_text(&format!("/offer/{part}")));
    }
    cases.extend(optional_text("/offer/newDeliveryDate"));
    for part in ["price", "deliveryInDays"] {
        cases.extend(required_number(&format!("/offer/{part}")));
    }
    for part in ["accepted", "cancelled"] {
        cases.extend(optional_boolean(&format!("/offer/{part}")));
    }
    for name in [
        "gigId",
        "sellerId",
        "sellerUsername",
        "sellerEmail",
        "sellerImage",
        "gigCoverImage",
        "gigMainTitle",
        "gigBasicTitle",
        "gigBasicDescription",
        "buyerId",
        "buyerUsername",
        "buyerEmail",
        "buyerImage",
        "status",
        "orderId",
        "invoiceId",
        "paymentIntent",
    ] {
        cases.extend(required_text(&format!("/{name}")));
    }
    cases.extend(required_number("/quantity"));
    cases.extend(required_number("/price"));
    cases.extend(optional_number("/serviceFee"));
    cases.extend(blank_text("/requirements"));
    cases.extend([
        set("/requestExtension", "x", "\"requestExtension\" must be of type object"),
        set("/requestExtension", json!({}), "\"requestExtension.originalDate\" is required"),
        set(
            "/requestExtension",
            json!({ "originalDate": "" }),
            "\"requestExtension.originalDate\" is not allowed to be empty",
        ),
        set("/requestExtension", json!({ "originalDate": "a" }), "\"requestExtension.newDate\" is required"),
        set(
            "/requestExtension",
            json!({ "originalDate": "a", "newDate": "b", "days": "x", "reason": "c" }),
            "\"requestExtension.days\" must be a number",
        ),
        set("/deliveredWork", "x", "\"deliveredWork\" must be an array"),
        set("/deliveredWork", json!(["x"]), "\"deliveredWork[0]\" must be of type object"),
        set("/deliveredWork", json!([{ "message": 1 }]), "\"deliveredWork[0].message\" must be a string"),
        set("/events", "x", "\"events\" must be of type object"),
        set("/events/foo", "x", "\"events.foo\" is not allowed"),
        set("/events/deliveryDateUpdate", bodies::DUE, "\"events.deliveryDateUpdate\" is not allowed"),
        set("/events/placeOrder", "", "\"events.placeOrder\" is not allowed to be empty"),
        set("/buyerReview", json!({ "rating": "x" }), "\"buyerReview.rating\" must be a number"),
        set("/buyerReview", json!({ "foo": 1 }), "\"buyerReview.foo\" is not allowed"),
        set("/sellerReview", json!({ "review": 1 }), "\"sellerReview.review\" must be a string"),
        set("/approved", true, "\"approved\" is not allowed"),
        set("/cancelled", false, "\"cancelled\" is not allowed"),
        set("/_id", "x", "\"_id\" is not allowed"),
        body(json!({}), "\"offer\" is required"),
        body(json!([]), "\"offer\" is required"),
        body(json!({ "approved": true }), "\"offer\" is required"),
    ]);
    cases.extend(optional_boolean("/delivered"));
    for place in ["/approvedAt", "/dateOrdered", "/events/placeOrder", "/events/requirements", "/events/orderStarted"] {
        cases.extend(optional_text(place));
    }
    check(&trade.buyer, "POST", "/order", &valid, "Create order() method", cases).await;
}

#[tokio::test]
async fn dates_of_an_order_must_be_dates() {
    let trade = shared().trade().await;
    let valid = trade.order_body(&order_number(), "null", 20.0);
    for place in ["/offer/oldDeliveryDate", "/offer/newDeliveryDate", "/dateOrdered", "/events/placeOrder"] {
        let body = with(&valid, place, json!("soon"));
        trade.try_order(body).await.refused(400);
    }
}

#[tokio::test]
async fn a_payment_needs_a_price() {
    let person = shared().person().await;
    for price in [
        json!(null),
        json!("much"),
        json!(""),
        json!(0),
        json!(-5),
        json!(true),
        json!([20]),
        json!({ "$gt": 0 }),
        json!(1e300),
        json!(947_868),
        json!("947867.3"),
        json!("NaN"),
        json!("Infinity"),
    ] {
        let answer = person.post("/order/create-payment-intent", json!({ "price": price })).await;
        answer.refused(400);
    }
    person.post("/order/create-payment-intent", json!({})).await.refused(400);
    for price in [json!(20), json!(20.5), json!("20")] {
        let body = json!({ "price": price, "buyerId": "whoever" });
        person.post("/order/create-payment-intent", body).await.says("Order intent created successfully.");
    }
}

#[tokio::test]
async fn a_request_for_more_time() {
    let trade = shared().trade().await;
    let number = trade.order().await;
    let mut cases = Vec::new();
    for place in ["/originalDate", "/newDate", "/reason"] {
        cases.extend(required_text(place));
    }
    cases.extend(required_number("/days"));
    cases.extend(optional_text("/deliveryDateUpdate"));
    cases.extend([
        set("/foo", 1, "\"foo\" is not allowed"),
        body(json!({}), "\"originalDate\" is required"),
        body(json!({ "foo": 1 }), "\"originalDate\" is required"),
    ]);
    let valid = bodies::extension(2, "Rain");
    let path = format!("/order/extension/{number}");
    check(&trade.seller, "PUT", &path, &valid, "Update requestExtension() method", cases).await;
    trade.seller.put(&path, with(&valid, "/newDate", json!("soon"))).await.refused(400);
}

#[tokio::test]
async fn an_answer_to_a_request_for_more_time() {
    let trade = shared().trade().await;
    let number = trade.order().await;
    trade.seller.put(&format!("/order/extension/{number}"), bodies::extension(2, "Rain")).await.good();
    let mut cases = Vec::new();
    for place in ["/originalDate", "/newDate", "/reason"] {
        cases.extend(required_text(place));
    }
    cases.extend(required_number("/days"));
    cases.extend(optional_text("/deliveryDateUpdate"));
    cases.push(set("/foo", 1, "\"foo\" is not allowed"));
    let path = format!("/order/gig/approve/{number}");
    check(&trade.buyer, "PUT", &path, &bodies::extension_answer(2, "Rain"), "Update deliveryDate() method", cases)
        .await;
}

#[tokio::test]
async fn deliveries_approvals_and_cancellations_of_any_shape() {
    let trade = shared().trade().await;
    let number = trade.order().await;
    for body in [
        json!({ "message": { "$ne": null } }),
        json!({ "message": "Here", "file": 7 }),
        json!({ "message": "Here", "file": { "$ne": null } }),
        json!({ "message": ["Here"], "fileName": 1 }),
    ] {
        trade.seller.put(&format!("/order/deliver-order/{number}"), body).await.refused(400);
    }
    let mut body = bodies::delivery("Here it is.");
    body["file"] = json!("no file");
    let error = trade.seller.put(&format!("/order/deliver-order/{number}"), body).await;
    let error = error.refused_with(400, "File upload error. Try again");
    assert_eq!(error["comingFrom"], "Update deliverOrder() method");

    // What approving and cancelling say beside the order is ignored.
    trade.deliver(&number).await;
    let odd =
        json!({ "sellerId": { "$ne": null }, "totalEarnings": "a lot", "ongoingJobs": [], "purchasedGigs": null });
    trade.buyer.put(&format!("/order/approve-order/{number}"), odd).await.says("Order approved successfully.");
    let number = trade.order().await;
    let odd = json!({ "paymentIntentId": { "$ne": null }, "orderData": "x" });
    let answer = trade.seller.put(&format!("/order/cancel/{number}"), odd).await;
    assert!(answer.status == 201 || answer.status == 400, "{answer}");
}

#[tokio::test]
async fn ids_of_orders_and_notifications() {
    let person = shared().person().await;
    for number in ["JO00000000000", "undefined", "null", "%7B%22$ne%22%3Anull%7D", "..%2Fbuyer"] {
        person.get(&format!("/order/{number}")).await.refused(404);
        person.put(&format!("/order/extension/{number}"), bodies::extension(1, "x")).await.refused(404);
        person.put(&format!("/order/deliver-order/{number}"), bodies::delivery("x")).await.refused(404);
        person.put(&format!("/order/approve-order/{number}"), json!({})).await.refused(404);
        person.put(&format!("/order/cancel/{number}"), json!({})).await.refused(404);
        person.put(&format!("/order/gig/approve/{number}"), bodies::extension_answer(1, "x")).await.refused(404);
    }
    for id in [json!({ "$ne": null }), json!(null), json!("1"), json!(7), json!("649db27404c0c7b7d4b112ec")] {
        let answer = person.put("/order/notification/mark-as-read", json!({ "notificationId": id })).await;
        assert!(matches!(answer.status, 400 | 404), "{answer}");
        answer.error();
    }
}
