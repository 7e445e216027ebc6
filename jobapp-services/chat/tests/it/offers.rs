//! Offers: who answers them, and what is told of them.

use std::time::Duration;

use http::StatusCode;
use jobapp_kernel::Outcome;
use jobapp_wire::queues::{CHAT_ASKED, CHAT_GIG, CHAT_TOLD, GIG_ASKED, OFFER_CHANGED, ORDER_NOTIFICATION, ORDER_TOLD};
use serde_json::{Value, json};

use crate::app::{App, BUYER_OF_MARTA, GIG, SELLER_OF_IRIA, a_gig, an_offer, from_iria};

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
        "buyerUsername": "Marta", "sellerUsername": "Iria", "title": "Full branding", "description": "Logo and palette",
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
    for (key, value) in [
        ("price", json!(0)),
        ("price", json!(947_868)),
        ("price", json!(1e300)),
        ("deliveryInDays", json!(0)),
        ("deliveryInDays", json!(-1)),
        ("deliveryInDays", json!(1e300)),
    ] {
        let mut offer = an_offer();
        offer["offer"][key] = value;
        assert_eq!(app.post("Iria", &offer).await.0, StatusCode::BAD_REQUEST, "{offer}");
    }
    assert_eq!(app.store.events(), []);
}

#[tokio::test(start_paused = true)]
async fn an_offer_names_a_gig_that_can_be_ordered() {
    let app = App::new().await;
    let foreign = "66f0c0ffee00000000009003";
    let saved = json!({"type": "gig-saved", "gig": {"id": foreign, "sellerId": "66f0c0ffee0000000000a003"}});
    assert_eq!(app.deliver(CHAT_GIG, &saved).await, Outcome::Done);
    for (gig, expected) in [
        (json!(""), "\"gigId\" is required"),
        (json!(null), "\"gigId\" is required"),
        (json!("abc"), "\"gigId\" must be a valid id"),
        (json!("undefined"), "\"gigId\" must be a valid id"),
        (json!(foreign), "The gig of this offer belongs to another seller."),
    ] {
        let mut offer = an_offer();
        offer["gigId"] = gig;
        let (status, answer) = app.post("Iria", &offer).await;
        assert_eq!((status, &answer["message"]), (StatusCode::BAD_REQUEST, &json!(expected)), "{offer}");
    }
    let mut without = an_offer();
    without.as_object_mut().unwrap().remove("gigId");
    assert_eq!(app.post("Iria", &without).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(app.store.events(), []);
    // What is no offer may be about anything.
    for gig in [json!(null), json!("abc"), json!(foreign)] {
        let mut words = from_iria("Hello");
        words["gigId"] = gig;
        app.posted("Iria", &words).await;
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_keeps_the_gigs_is_asked_once_about_one_that_is_not_known() {
    let app = App::new().await;
    let (old, missing) = ("66f0c0ffee00000000009007", "66f0c0ffee00000000009008");
    let offer_of = |gig: &str| {
        let mut offer = an_offer();
        offer["gigId"] = json!(gig);
        offer
    };
    let (status, answer) = app.post("Iria", &offer_of(old)).await;
    let text = "The gig of this offer is not known yet. Please try again in a moment.";
    assert_eq!((status, &answer["message"]), (StatusCode::SERVICE_UNAVAILABLE, &json!(text)));
    assert_eq!(app.notes.for_queue(GIG_ASKED), [json!({"gigId": old})]);
    // The answers, told twice.
    let told =
        |gig: &str, found: Value| json!({"gigId": gig, "gig": found, "version": 3, "at": "2026-11-24T10:15:42.000Z"});
    let found = a_gig(old, SELLER_OF_IRIA);
    for _ in 0..2 {
        assert_eq!(app.deliver(CHAT_TOLD, &told(old, found.clone())).await, Outcome::Done);
        assert_eq!(app.deliver(CHAT_TOLD, &told(missing, Value::Null)).await, Outcome::Done);
    }
    let message = app.posted("Iria", &offer_of(&old.to_uppercase())).await;
    assert_eq!(message["gigId"], old);
    let (status, answer) = app.post("Iria", &offer_of(missing)).await;
    let text = "The gig of this offer does not exist.";
    assert_eq!((status, &answer["message"]), (StatusCode::NOT_FOUND, &json!(text)));
    assert_eq!(app.notes.for_queue(GIG_ASKED).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_offer_waits_a_moment_for_the_answer_about_its_gig() {
    let app = App::new().await;
    let gig = "66f0c0ffee00000000009007";
    let mut offer = an_offer();
    offer["gigId"] = json!(gig);
    let answering = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let told = json!({"gigId": gig, "gig": a_gig(gig, SELLER_OF_IRIA), "version": 1,
            "at": "2026-11-24T10:15:42.000Z"});
        assert_eq!(app.deliver(CHAT_TOLD, &told).await, Outcome::Done);
    };
    let ((status, answer), ()) = tokio::join!(app.post("Iria", &offer), answering);
    assert_eq!(status, StatusCode::OK, "{answer}");
}

#[tokio::test]
async fn an_order_that_asks_hears_of_the_offers_that_explain_its_price() {
    let app = App::new().await;
    let id = app.posted("Iria", &an_offer()).await["_id"].clone();
    answer(&app, "Marta", &id, "accepted").await;
    let order = "66f0c0ffee0000000000d001";
    let asked = |price: f64| json!({"orderId": order, "gigId": GIG, "sellerId": SELLER_OF_IRIA, "buyerUsername": "Marta", "price": price});
    for price in [75.0, 74.99] {
        assert_eq!(app.deliver(CHAT_ASKED, &asked(price)).await, Outcome::Done);
    }
    let told = app.notes.for_queue(ORDER_TOLD);
    let mut offer = app.published_on(OFFER_CHANGED).pop().unwrap();
    offer["at"] = told[0]["offers"][0]["offer"]["at"].clone();
    let expected = json!({"type": "offers-told", "orderId": order, "offers": [{"version": 2, "offer": offer}]});
    assert_eq!(told, [expected, json!({"type": "offers-told", "orderId": order, "offers": []})]);
}

#[tokio::test]
async fn whatever_is_accepted_as_an_offer_is_told_so_that_it_can_be_read() {
    let app = App::new().await;
    let wide = "\u{1F600}\u{0}\"\\".repeat(125);
    for (key, value) in [
        ("price", json!(0.01)),
        ("price", json!("947867.29")),
        ("deliveryInDays", json!(1)),
        ("deliveryInDays", json!("3650")),
        ("gigTitle", json!("\u{1F600}".repeat(250))),
        ("description", json!(wide)),
        ("oldDeliveryDate", json!("\u{1F600}".repeat(64))),
        ("accepted", json!(true)),
        ("cancelled", json!("true")),
    ] {
        let mut offer = an_offer();
        offer["offer"][key] = value;
        let (status, answer) = app.post("Iria", &offer).await;
        assert!(status == StatusCode::OK || status == StatusCode::BAD_REQUEST, "{key}: {answer}");
    }
    let told = app.published_on(OFFER_CHANGED);
    assert!(told.len() >= 6, "{}", told.len());
    for offer in told {
        let read: jobapp_wire::messages::OfferChanged = serde_json::from_value(offer).unwrap();
        let price = jobapp_kernel::Money::from_decimal(read.price).unwrap();
        assert!(jobapp_kernel::Price::try_from(price).is_ok() && !read.accepted && !read.cancelled, "{read:?}");
    }
}

#[tokio::test]
async fn a_deleted_gig_cancels_its_open_offers() {
    let app = App::new().await;
    app.posted("Iria", &an_offer()).await;
    let saved = json!({"type": "gig-saved", "gig": {"id": GIG, "sellerId": SELLER_OF_IRIA}});
    assert_eq!(app.deliver(CHAT_GIG, &saved).await, Outcome::Done);
    assert_eq!(app.published_on(OFFER_CHANGED).len(), 1);
    let deleted =
        json!({"type": "gig-deleted", "gigId": GIG, "sellerId": SELLER_OF_IRIA, "at": "2026-11-24T10:15:42.000Z"});
    for _ in 0..2 {
        assert_eq!(app.deliver(CHAT_GIG, &deleted).await, Outcome::Done);
    }
    let told = app.published_on(OFFER_CHANGED);
    assert_eq!((told.len(), &told[1]["cancelled"]), (2, &json!(true)));
    let (status, answer) = app.post("Iria", &an_offer()).await;
    let text = "The gig of this offer was deleted.";
    assert_eq!((status, &answer["message"]), (StatusCode::NOT_FOUND, &json!(text)));
    let malformed = json!({"type": "gig-deleted", "gigId": ""});
    assert!(matches!(app.deliver(CHAT_GIG, &malformed).await, Outcome::Dead { .. }));
}
