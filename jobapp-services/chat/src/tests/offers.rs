//! Offers: who answers them, and what is told of them.

use http::StatusCode;
use jobapp_kernel::Outcome;
use jobapp_wire::queues::{CHAT_GIG, OFFER_CHANGED, ORDER_NOTIFICATION};
use serde_json::{Value, json};

use crate::testing::{App, BUYER_OF_MARTA, GIG, SELLER_OF_IRIA, an_offer};

async fn answer(app: &App, who: &str, id: &Value, kind: &str) -> (StatusCode, Value) {
    app.put(who, "/offer", json!({"messageId": id, "type": kind})).await
}

#[tokio::test]
async fn the_buyer_accepts_and_everybody_is_told() {
    let app = App::new().await;
    let message = app.posted("Iria", &an_offer()).await;
    let id = &message["_id"];
    assert_eq!((&message["hasOffer"], &message["offer"]["price"]), (&json!(true), &json!(75.0)));
    assert_eq!(answer(&app, "Iria", id, "accepted").await.0, StatusCode::FORBIDDEN);
    assert_eq!(answer(&app, "Ana", id, "accepted").await.0, StatusCode::NOT_FOUND);
    assert_eq!(answer(&app, "Marta", id, "price").await.0, StatusCode::BAD_REQUEST);
    for _ in 0..2 {
        let (status, body) = answer(&app, "Marta", id, "accepted").await;
        assert_eq!((status, &body["message"]), (StatusCode::OK, &json!("Message updated")));
        assert_eq!(body["singleMessage"]["offer"]["accepted"], true);
    }
    for who in ["Marta", "Iria"] {
        let (status, body) = answer(&app, who, id, "cancelled").await;
        assert_eq!((status, &body["message"]), (StatusCode::CONFLICT, &json!("This offer was accepted before.")));
    }
    let told = app.published_on(OFFER_CHANGED);
    let mut expected = json!({"type": "offer-changed", "messageId": id, "conversationId": "123456789012345",
        "sellerId": SELLER_OF_IRIA, "buyerId": BUYER_OF_MARTA, "sellerUsername": "Iria", "buyerUsername": "Marta",
        "gigId": GIG, "price": 75.0, "deliveryInDays": 4, "accepted": false, "cancelled": false,
        "at": message["createdAt"]});
    assert_eq!(told[0], expected);
    expected["accepted"] = json!(true);
    expected["at"] = told[1]["at"].clone();
    assert_eq!(told[1..], [expected]);
}

#[tokio::test]
async fn an_offer_is_mailed_to_the_buyer() {
    let app = App::new().await;
    app.posted("Iria", &an_offer()).await;
    let mail = json!({"template": "offer", "receiverEmail": "marta@example.org", "sender": "Iria", "amount": "75",
        "buyerUsername": "marta", "sellerUsername": "iria", "title": "Full branding", "description": "Logo and palette",
        "deliveryDays": "4", "offerLink": "https://app.example.org/inbox/iria/123456789012345"});
    assert_eq!(app.published_on(ORDER_NOTIFICATION), [mail]);
}

#[tokio::test]
async fn either_side_cancels_and_then_nobody_accepts() {
    for who in ["Marta", "Iria"] {
        let app = App::new().await;
        let id = app.posted("Iria", &an_offer()).await["_id"].clone();
        let (status, body) = answer(&app, who, &id, "cancelled").await;
        assert_eq!((status, &body["singleMessage"]["offer"]["cancelled"]), (StatusCode::OK, &json!(true)));
        assert_eq!(answer(&app, "Iria", &id, "cancelled").await.0, StatusCode::OK);
        assert_eq!(answer(&app, "Marta", &id, "accepted").await.0, StatusCode::CONFLICT);
        assert_eq!(app.published_on(OFFER_CHANGED).len(), 2);
    }
}

#[tokio::test]
async fn only_the_seller_offers_and_an_offer_costs_something() {
    let app = App::new().await;
    let mut from_buyer = an_offer();
    from_buyer["senderUsername"] = json!("Marta");
    from_buyer["receiverUsername"] = json!("Iria");
    let (status, body) = app.post("Marta", &from_buyer).await;
    assert_eq!((status, &body["message"]), (StatusCode::BAD_REQUEST, &json!("Only the seller can make an offer.")));
    for (key, value) in [("price", json!(0)), ("price", json!(1e300)), ("deliveryInDays", json!(0))] {
        let mut offer = an_offer();
        offer["offer"][key] = value;
        assert_eq!(app.post("Iria", &offer).await.0, StatusCode::BAD_REQUEST, "{offer}");
    }
}

#[tokio::test]
async fn a_deleted_gig_cancels_its_open_offers() {
    let app = App::new().await;
    app.posted("Iria", &an_offer()).await;
    let saved = json!({"type": "gig-saved", "gig": {}, "at": "2026-11-24T10:15:42.000Z"});
    assert_eq!(app.deliver(CHAT_GIG, &saved).await, Outcome::Done);
    assert_eq!(app.published_on(OFFER_CHANGED).len(), 1);
    let deleted =
        json!({"type": "gig-deleted", "gigId": GIG, "sellerId": SELLER_OF_IRIA, "at": "2026-11-24T10:15:42.000Z"});
    for _ in 0..2 {
        assert_eq!(app.deliver(CHAT_GIG, &deleted).await, Outcome::Done);
    }
    let told = app.published_on(OFFER_CHANGED);
    assert_eq!((told.len(), &told[1]["cancelled"]), (2, &json!(true)));
    assert_eq!(app.post("Iria", &an_offer()).await.0, StatusCode::CONFLICT);
    let malformed = json!({"type": "gig-deleted", "gigId": ""});
    assert!(matches!(app.deliver(CHAT_GIG, &malformed).await, Outcome::Dead { .. }));
}
