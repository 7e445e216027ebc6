//! The life of an order.

use serde_json::json;

use crate::harness::bodies;
use crate::harness::checks::{at, has, list, text};
use crate::harness::{shared, soon};

#[tokio::test]
async fn dates_the_client_formats_are_always_there() {
    let trade = shared().trade().await;
    let number = trade.order().await;
    let order = trade.order_document(&number).await;
    assert_eq!(order["approvedAt"], order["dateOrdered"], "{order}");
    for place in ["/dateOrdered", "/events/placeOrder", "/events/requirements", "/events/orderStarted"] {
        assert!(text(&order, place).ends_with('Z'), "{place}: {order}");
    }
    has(&order, "/offer/oldDeliveryDate", "2035-12-01T09:00:00.000Z");
    has(&order, "/offer/newDeliveryDate", "2035-12-01T09:00:00.000Z");
    trade.deliver(&number).await;
    let delivered = trade.order_document(&number).await;
    assert!(delivered["events"]["orderDelivered"].is_string(), "{delivered}");
    assert_eq!(delivered["approvedAt"], delivered["dateOrdered"]);
    let approved = trade.approve(&number).await;
    assert_ne!(approved["approvedAt"], approved["dateOrdered"]);
}

#[tokio::test]
async fn amounts_and_counters_of_an_approval_are_ours() {
    let trade = shared().trade().await;
    let number = trade.order().await;
    trade.deliver(&number).await;
    let mut body = trade.approval();
    body["totalEarnings"] = json!(1_000_000);
    body["completedJobs"] = json!(50);
    body["ongoingJobs"] = json!(-50);
    body["purchasedGigs"] = json!("649db27404c0c7b7d4b112ec");
    let path = format!("/order/approve-order/{number}");
    for _ in 0..2 {
        let answer = trade.buyer.put(&path, body.clone()).await.says("Order approved successfully.");
        has(&answer, "/order/status", "Completed");
        has(&answer, "/order/approved", true);
    }
    trade.seller_gets("/totalEarnings", json!(16)).await;
    trade.seller_gets("/completedJobs", json!(1)).await;
    trade.seller_gets("/ongoingJobs", json!(0)).await;
    assert!(trade.seller_document().await["recentDelivery"].is_string());
    soon("the gig is among the buyer's purchases", || async {
        at(&trade.buyer.get("/buyer/username").await.good(), "/buyer/purchasedGigs", json!([trade.gig.id]))
    })
    .await;
    trade.seller.told("approved your order delivery.").await;
    let told = trade.seller.notifications().await;
    assert_eq!(told.iter().filter(|one| one["message"] == "approved your order delivery.").count(), 1);
}

#[tokio::test]
async fn wrong_steps_are_refused_with_the_state_and_right_ones_repeated_alike() {
    let trade = shared().trade().await;
    let number = trade.order().await;
    let approve = format!("/order/approve-order/{number}");
    let early = trade.buyer.put(&approve, trade.approval()).await.refused(409);
    assert!(text(&early, "/message").contains("in progress"), "{early}");
    // Each side has its own steps.
    trade.buyer.put(&format!("/order/deliver-order/{number}"), bodies::delivery("x")).await.refused(403);
    trade.buyer.put(&format!("/order/extension/{number}"), bodies::extension(1, "x")).await.refused(403);
    trade.deliver(&number).await;
    trade.seller.put(&approve, trade.approval()).await.refused(403);
    trade.approve(&number).await;
    trade.approve(&number).await;
    let late = trade.seller.put(&format!("/order/deliver-order/{number}"), bodies::delivery("x")).await.refused(409);
    assert!(text(&late, "/message").contains("completed"), "{late}");
    trade.seller.put(&format!("/order/cancel/{number}"), trade.cancellation("x")).await.refused(409);
    trade.seller.put(&format!("/order/extension/{number}"), bodies::extension(1, "x")).await.refused(409);
    trade.buyer.put(&format!("/order/gig/approve/{number}"), bodies::extension_answer(1, "x")).await.refused(409);
}

#[tokio::test]
async fn delivering_again_is_another_delivery() {
    let trade = shared().trade().await;
    let number = trade.order().await;
    for count in 1..=2 {
        let order = trade.deliver(&number).await;
        assert_eq!(list(&order, "/deliveredWork").len(), count, "{order}");
        has(&order, "/status", "Delivered");
        has(&order, "/delivered", true);
    }
    let bare = json!({ "message": "Only words", "file": "", "fileType": "", "fileSize": 0, "fileName": "" });
    let order = trade.seller.put(&format!("/order/deliver-order/{number}"), bare).await.good();
    assert_eq!(list(&order, "/order/deliveredWork").len(), 3, "{order}");
    trade.buyer.told("delivered your order.").await;
}

#[tokio::test]
async fn a_seller_cancels_before_delivery_and_the_buyer_is_told() {
    let trade = shared().trade().await;
    let number = trade.order().await;
    trade.seller_gets("/ongoingJobs", json!(1)).await;
    let intent = text(&trade.order_document(&number).await, "/paymentIntent");
    let path = format!("/order/cancel/{number}");
    trade.buyer.put(&path, trade.cancellation(&intent)).await.refused(409);
    for _ in 0..2 {
        let answer = trade.seller.put(&path, trade.cancellation(&intent)).await;
        assert_eq!((answer.status, answer.message().as_str()), (201, "Order cancelled successfully."), "{answer}");
    }
    let order = trade.order_document(&number).await;
    has(&order, "/status", "Cancelled");
    has(&order, "/cancelled", true);
    assert_ne!(order["approvedAt"], order["dateOrdered"]);
    let told = trade.buyer.told("cancelled your order delivery.").await;
    has(&told, "/senderUsername", trade.seller.username.as_str());
    trade.seller_gets("/ongoingJobs", json!(0)).await;
    trade.seller_gets("/cancelledJobs", json!(1)).await;

    let delivered = trade.order().await;
    trade.deliver(&delivered).await;
    trade.seller.put(&format!("/order/cancel/{delivered}"), trade.cancellation(&intent)).await.refused(409);
}

#[tokio::test]
async fn an_extension_is_granted_as_it_was_asked_for_whatever_the_answer_says() {
    let trade = shared().trade().await;
    let number = trade.order().await;
    let answer = trade.seller.put(&format!("/order/extension/{number}"), bodies::extension(2, "Rain")).await.good();
    has(&answer, "/order/requestExtension", bodies::extension(2, "Rain"));
    trade.buyer.told("requested for an order delivery date extension.").await;
    let mut body = bodies::extension_answer(5, "Snow");
    body["newDate"] = json!("Tue Dec 15 2026 09:00:00 GMT+0000 (Coordinated Universal Time)");
    for _ in 0..2 {
        let answer = trade.buyer.put(&format!("/order/gig/approve/{number}"), body.clone()).await.good();
        has(&answer, "/order/offer/newDeliveryDate", "2035-12-03T09:00:00.000Z");
        has(&answer, "/order/offer/deliveryInDays", 2);
        has(&answer, "/order/offer/reason", "Rain");
        assert!(answer["order"]["events"]["deliveryDateUpdate"].is_string(), "{answer}");
        has(&answer, "/order/requestExtension", json!({ "originalDate": "", "newDate": "", "days": 0, "reason": "" }));
    }
    trade.seller.told("approved your order delivery date extension request.").await;
}

#[tokio::test]
async fn an_extension_can_be_approved_without_the_date_of_the_answer() {
    let trade = shared().trade().await;
    let number = trade.order().await;
    trade.seller.put(&format!("/order/extension/{number}"), bodies::extension(2, "Rain")).await.good();
    let answer = trade.buyer.put(&format!("/order/gig/approve/{number}"), bodies::extension(2, "Rain")).await.good();
    assert!(answer["order"]["events"]["deliveryDateUpdate"].is_string(), "{answer}");
}

#[tokio::test]
async fn a_rejected_extension_changes_no_date() {
    let trade = shared().trade().await;
    let number = trade.order().await;
    trade.seller.put(&format!("/order/extension/{number}"), bodies::extension(2, "Rain")).await.good();
    let answer =
        trade.buyer.put(&format!("/order/gig/reject/{number}"), bodies::extension_answer(2, "Rain")).await.good();
    has(&answer, "/order/offer/newDeliveryDate", "2035-12-01T09:00:00.000Z");
    has(&answer, "/order/requestExtension/days", 0);
    trade.seller.told("rejected your order delivery date extension request.").await;
}

#[tokio::test]
async fn delivering_or_cancelling_withdraws_a_request_for_more_time() {
    let trade = shared().trade().await;
    for cancels in [false, true] {
        let number = trade.order().await;
        trade.seller.put(&format!("/order/extension/{number}"), bodies::extension(2, "Rain")).await.good();
        if cancels {
            trade.seller.put(&format!("/order/cancel/{number}"), trade.cancellation("x")).await.good();
        } else {
            trade.deliver(&number).await;
        }
        let order = trade.order_document(&number).await;
        has(&order, "/requestExtension", json!({ "originalDate": "", "newDate": "", "days": 0, "reason": "" }));
        trade
            .buyer
            .put(&format!("/order/gig/approve/{number}"), bodies::extension_answer(2, "Rain"))
            .await
            .refused(409);
    }
}

#[tokio::test]
async fn the_status_is_one_the_client_knows_at_every_step() {
    let trade = shared().trade().await;
    let number = trade.order().await;
    let status = async || text(&trade.order_document(&number).await, "/status");
    assert_eq!(status().await, "in progress");
    trade.seller.put(&format!("/order/extension/{number}"), bodies::extension(2, "Rain")).await.good();
    assert_eq!(status().await, "in progress");
    trade.deliver(&number).await;
    assert_eq!(status().await, "Delivered");
    trade.approve(&number).await;
    assert_eq!(status().await, "Completed");
}

#[tokio::test]
async fn reviews_take_who_wrote_them_from_the_session_and_count_once() {
    let trade = shared().trade().await;
    let number = trade.order().await;
    trade.buyer.post("/review", trade.review(true, &number, 5)).await.refused(409);
    trade.deliver(&number).await;
    trade.approve(&number).await;
    let mut body = trade.review(true, &number, 5);
    body["reviewerUsername"] = json!("Somebody Else");
    body["reviewerImage"] = json!("https://img.example.org/somebody-else.png");
    body["reviewerId"] = json!("649db27404c0c7b7d4b112ec");
    let review = trade.buyer.post("/review", body.clone()).await.says("Review created successfully.")["review"].clone();
    for (place, value) in [
        ("/reviewerUsername", json!(trade.buyer.username)),
        ("/reviewerId", json!(trade.buyer.buyer_id)),
        ("/country", json!("Portugal")),
        ("/rating", json!(5)),
        ("/gigId", json!(trade.gig.id)),
        ("/sellerId", json!(trade.seller.seller_id)),
    ] {
        has(&review, place, value);
    }
    assert_ne!(review["reviewerImage"], body["reviewerImage"]);
    trade.buyer.post("/review", trade.review(true, &number, 1)).await.refused(409);
    trade.buyer.post("/review", trade.review(false, &number, 4)).await.refused(403);
    let stranger = shared().person().await;
    let answer = stranger.post("/review", trade.review(true, &number, 1)).await;
    assert!(matches!(answer.status, 403 | 404), "{answer}");

    trade.seller.post("/review", trade.review(false, &number, 4)).await.says("Review created successfully.");
    trade.seller_gets("/ratingsCount", json!(1)).await;
    has(&trade.seller_document().await, "/ratingSum", 5);
    has(&trade.seller_document().await, "/ratingCategories/five", json!({ "value": 5, "count": 1 }));
    soon("the gig's rating follows", || async {
        let gig = trade.buyer.get(&format!("/gig/{}", trade.gig.id)).await.good();
        at(&gig, "/gig/ratingSum", 5)?;
        at(&gig, "/gig/ratingsCount", 1)
    })
    .await;
    soon("the order shows both", || async {
        let order = trade.order_document(&number).await;
        at(&order, "/buyerReview/rating", 5)?;
        at(&order, "/sellerReview/rating", 4)
    })
    .await;
    trade.seller.told("left you a 5 star review").await;
    trade.buyer.told("left you a 4 star review").await;
    // A seller's page shows what others said about the seller.
    let about = list(&trade.buyer.get(&format!("/review/seller/{}", trade.seller.seller_id)).await.good(), "/reviews");
    assert_eq!(about.iter().map(|one| one["reviewType"].clone()).collect::<Vec<_>>(), [json!("buyer-review")]);
    assert_eq!(list(&trade.buyer.get(&format!("/review/gig/{}", trade.gig.id)).await.good(), "/reviews").len(), 2);
}
