//! Orders, their notifications and their reviews.

use serde_json::json;

use super::Is::{self, Bool, Date, Id, Number, Object, Objects, Text, Url, Whole, Words};
use super::looks_like;
use crate::harness::checks::list;
use crate::harness::{Trade, bodies, shared, soon};

/// An order that has just begun.
const ORDER: &[(&str, Is)] = &[
    ("_id", Id),
    ("offer", Object(ORDER_OFFER)),
    ("gigId", Id),
    ("sellerId", Id),
    ("sellerUsername", Words),
    ("sellerImage", Text),
    ("sellerEmail", Words),
    ("gigCoverImage", Text),
    ("gigMainTitle", Words),
    ("gigBasicTitle", Words),
    ("gigBasicDescription", Words),
    ("buyerId", Id),
    ("buyerUsername", Words),
    ("buyerEmail", Words),
    ("buyerImage", Text),
    ("status", Words),
    ("orderId", Words),
    ("quantity", Whole),
    ("price", Number),
    ("serviceFee", Number),
    ("requirements", Text),
    ("approved", Bool),
    ("delivered", Bool),
    ("cancelled", Bool),
    ("approvedAt", Date),
    ("paymentIntent", Words),
    ("deliveredWork", Objects(WORK)),
    ("requestExtension", Object(&[("originalDate", Text), ("newDate", Text), ("days", Whole), ("reason", Text)])),
    ("dateOrdered", Date),
    ("events", Object(&[("placeOrder", Date), ("requirements", Date), ("orderStarted", Date)])),
    ("buyerReview", Object(&[("rating", Whole), ("review", Text)])),
    ("sellerReview", Object(&[("rating", Whole), ("review", Text)])),
    // Ours: the exact state.
    ("state", Words),
];
const ORDER_OFFER: &[(&str, Is)] = &[
    ("gigTitle", Text),
    ("price", Number),
    ("description", Text),
    ("deliveryInDays", Whole),
    ("oldDeliveryDate", Date),
    ("newDeliveryDate", Date),
    ("accepted", Bool),
    ("cancelled", Bool),
    ("reason", Text),
];
const WORK: &[(&str, Is)] =
    &[("_id", Id), ("message", Text), ("file", Url), ("fileType", Text), ("fileSize", Text), ("fileName", Text)];

/// The document of an order with some parts replaced.
fn order_with(parts: &[(&'static str, Is)]) -> Vec<(&'static str, Is)> {
    let kept = ORDER.iter().filter(|(name, _)| parts.iter().all(|(other, _)| name != other));
    kept.chain(parts).copied().collect()
}

#[tokio::test]
async fn an_order_grows_with_what_happens() {
    const REVIEW: Is = Object(&[("rating", Whole), ("review", Words), ("created", Date)]);
    let trade = shared().trade().await;
    let number = trade.order().await;
    let order = trade.order_document(&number).await;
    looks_like(&order, ORDER);
    for body in [
        trade.buyer.get(&format!("/order/buyer/{}", trade.buyer.buyer_id)).await.good(),
        trade.seller.get(&format!("/order/seller/{}", trade.seller.seller_id)).await.good(),
    ] {
        assert_eq!(list(&body, "/orders"), std::slice::from_ref(&order));
    }

    trade.seller.put(&format!("/order/extension/{number}"), bodies::extension(2, "Rain")).await.good();
    trade.buyer.put(&format!("/order/gig/approve/{number}"), bodies::extension_answer(2, "Rain")).await.good();
    looks_like(
        &trade.order_document(&number).await,
        &order_with(&[(
            "events",
            Object(&[
                ("placeOrder", Date),
                ("requirements", Date),
                ("orderStarted", Date),
                ("deliveryDateUpdate", Date),
            ]),
        )]),
    );

    let delivered = trade.deliver(&number).await;
    let work = list(&delivered, "/deliveredWork");
    assert_eq!((work.len(), &work[0]["fileSize"]), (1, &json!("19")), "{delivered}");
    trade.approve(&number).await;
    trade.buyer.post("/review", trade.review(true, &number, 5)).await.good();
    trade.seller.post("/review", trade.review(false, &number, 4)).await.good();
    let reviewed = soon("both reviews are in the order", || async {
        let order = trade.order_document(&number).await;
        let done = order["buyerReview"]["rating"] == 5 && order["sellerReview"]["rating"] == 4;
        if done { Ok(order) } else { Err(order.to_string()) }
    })
    .await;
    looks_like(
        &reviewed,
        &order_with(&[
            (
                "events",
                Object(&[
                    ("placeOrder", Date),
                    ("requirements", Date),
                    ("orderStarted", Date),
                    ("deliveryDateUpdate", Date),
                    ("orderDelivered", Date),
                    ("buyerReview", Date),
                    ("sellerReview", Date),
                ]),
            ),
            ("buyerReview", REVIEW),
            ("sellerReview", REVIEW),
        ]),
    );
}

#[tokio::test]
async fn a_notification_names_both_and_the_order() {
    const NOTIFICATION: &[(&str, Is)] = &[
        ("_id", Id),
        ("userTo", Words),
        ("senderUsername", Words),
        ("senderPicture", Text),
        ("receiverUsername", Words),
        ("receiverPicture", Text),
        ("message", Words),
        ("orderId", Words),
        ("isRead", Bool),
        ("createdAt", Date),
    ];
    let trade = shared().trade().await;
    let number = trade.order().await;
    let told = trade.seller.told("placed an order for your gig.").await;
    looks_like(&told, NOTIFICATION);
    assert_eq!((&told["userTo"], &told["orderId"]), (&json!(trade.seller.username), &json!(number)));
    let body = json!({ "notificationId": told["_id"] });
    let marked = trade.seller.put("/order/notification/mark-as-read", body).await.good();
    looks_like(&marked["notification"], NOTIFICATION);
    assert_eq!(marked["notification"]["isRead"], true);
}

#[tokio::test]
async fn a_review_has_a_number_for_an_id() {
    const REVIEW: &[(&str, Is)] = &[
        ("id", Whole),
        ("gigId", Id),
        ("reviewerId", Id),
        ("orderId", Words),
        ("sellerId", Id),
        ("review", Words),
        ("reviewerImage", Url),
        ("reviewerUsername", Words),
        ("country", Words),
        ("reviewType", Words),
        ("rating", Whole),
        ("createdAt", Date),
    ];
    let trade: Trade = shared().trade().await;
    let number = trade.completed_order().await;
    let review = trade.buyer.post("/review", trade.review(true, &number, 5)).await.good();
    looks_like(&review["review"], REVIEW);
    for path in [format!("/review/gig/{}", trade.gig.id), format!("/review/seller/{}", trade.seller.seller_id)] {
        let reviews = list(&trade.buyer.get(&path).await.good(), "/reviews");
        assert_eq!(reviews, [review["review"].clone()]);
    }
}
