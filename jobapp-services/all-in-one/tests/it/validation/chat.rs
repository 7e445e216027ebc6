//! Messages and offers.

use serde_json::{Value, json};

use super::{blank_text, body, check, optional_boolean, optional_number, optional_text, own_words, set};
use crate::harness::checks::{has, soon, text, with, without};
use crate::harness::{bodies, shared};

#[tokio::test]
async fn a_message() {
    let trade = shared().trade().await;
    let mut valid = trade.message(false, None, "Hello");
    valid["hasOffer"] = json!(true);
    valid["offer"] = bodies::offer(40.0);
    let mut cases = Vec::new();
    for place in ["/conversationId", "/body", "/file", "/fileType", "/fileName", "/fileSize", "/gigId"] {
        cases.extend(blank_text(place));
    }
    cases.extend(optional_boolean("/hasConversationId"));
    for (place, words) in [
        ("/sellerId", "Seller id is required"),
        ("/buyerId", "Buyer id is required"),
        ("/senderUsername", "Sender username is required"),
        ("/senderPicture", "Sender picture is required"),
        ("/receiverUsername", "Receiver username is required"),
        ("/receiverPicture", "Receiver picture is required"),
    ] {
        cases.extend(own_words(place, words, words, words));
    }
    cases.extend(optional_boolean("/isRead"));
    cases.extend(optional_boolean("/hasOffer"));
    for part in ["gigTitle", "description", "oldDeliveryDate", "newDeliveryDate"] {
        cases.extend(optional_text(&format!("/offer/{part}")));
    }
    for part in ["price", "deliveryInDays"] {
        cases.extend(optional_number(&format!("/offer/{part}")));
    }
    for part in ["accepted", "cancelled"] {
        cases.extend(optional_boolean(&format!("/offer/{part}")));
    }
    cases.extend([
        set("/offer", Value::Null, "\"offer\" must be of type object"),
        set("/offer", "x", "\"offer\" must be of type object"),
        set("/offer", json!([]), "\"offer\" must be of type object"),
        set("/offer/reason", "x", "\"offer.reason\" is not allowed"),
        set("/offer/foo", 1, "\"offer.foo\" is not allowed"),
        set("/url", "x", "\"url\" is not allowed"),
        set("/foo", 1, "\"foo\" is not allowed"),
        set("/file", "no file", "File upload error. Try again"),
        body(json!({}), "Seller id is required"),
        body(json!([]), "Seller id is required"),
        body(json!({ "foo": 1 }), "Seller id is required"),
    ]);
    check(&trade.seller, "POST", "/message", &valid, "Create message() method", cases).await;
}

#[tokio::test]
async fn a_message_with_everything_that_may_be_blank() {
    let trade = shared().trade().await;
    let mut body = trade.message(true, None, "");
    for key in ["conversationId", "file", "fileType", "fileName", "fileSize", "gigId"] {
        body[key] = json!(null);
    }
    body["body"] = json!("Just words");
    body["_id"] = json!("649db27404c0c7b7d4b112ec");
    body["createdAt"] = json!("1999-01-01T00:00:00.000Z");
    body["hasConversationId"] = json!("false");
    trade.buyer.post("/message", body).await.says("Message added");
    let stored = trade.messages().await.pop().unwrap();
    assert_ne!(stored["_id"], "649db27404c0c7b7d4b112ec");
    assert_ne!(stored["createdAt"], "1999-01-01T00:00:00.000Z");
    assert_eq!(stored["file"], "");
}

#[tokio::test]
async fn an_offer_needs_a_price_and_days() {
    let trade = shared().trade().await;
    let mut valid = trade.message(false, None, "My offer");
    valid["hasOffer"] = json!(true);
    valid["offer"] = bodies::offer(40.0);
    for (place, value) in [
        ("/offer/price", json!(0)),
        ("/offer/price", json!(-1)),
        ("/offer/price", json!(1e15)),
        ("/offer/price", json!(947_868)),
        ("/offer/deliveryInDays", json!(0)),
        ("/offer/deliveryInDays", json!(-3)),
        ("/offer/deliveryInDays", json!(1.5)),
    ] {
        trade.seller.post("/message", with(&valid, place, value)).await.refused(400);
    }
    trade.seller.post("/message", without(&valid, "/offer/price")).await.refused(400);
    trade.seller.post("/message", without(&valid, "/offer")).await.refused(400);
    // Only the selling side offers.
    let mut wrong_side = trade.message(true, None, "Your offer");
    wrong_side["hasOffer"] = json!(true);
    wrong_side["offer"] = bodies::offer(1.0);
    trade.buyer.post("/message", wrong_side).await.refused(400);
    assert!(trade.messages().await.is_empty());
    trade.seller.post("/message", valid).await.says("Message added");
}

#[tokio::test]
async fn an_offer_needs_a_gig_that_can_be_ordered() {
    let (trade, other) = tokio::join!(shared().trade(), shared().seller());
    let (foreign, gone) = (other.gig(20.0).await, trade.seller.gig(20.0).await);
    trade.seller.delete(&format!("/gig/{}/{}", gone.id, trade.seller.seller_id)).await.good();
    let mut valid = trade.message(false, None, "My offer");
    valid["hasOffer"] = json!(true);
    valid["offer"] = bodies::offer(40.0);
    // A gig is there until the news of its end has come.
    soon("the gig is gone", || async {
        match trade.seller.post("/message", with(&valid, "/gigId", json!(gone.id))).await.status {
            404 => Ok(()),
            status => Err(status.to_string()),
        }
    })
    .await;
    let before = trade.messages().await.len();
    trade.seller.post("/message", without(&valid, "/gigId")).await.refused(400);
    for (gig, status) in [
        (json!(""), 400),
        (json!(null), 400),
        (json!("abc"), 400),
        (json!("undefined"), 400),
        (json!(foreign.id), 400),
        (json!("66f0c0ffee00000000009999"), 404),
        (json!(gone.id), 404),
    ] {
        trade.seller.post("/message", with(&valid, "/gigId", gig)).await.refused(status);
    }
    assert_eq!(trade.messages().await.len(), before);
    trade.seller.post("/message", valid).await.says("Message added");
}

#[tokio::test]
async fn answers_to_messages() {
    let trade = shared().trade().await;
    let offer = trade.offer(40.0).await;
    for id in [
        json!({ "$ne": null }),
        json!(null),
        json!(""),
        json!("1"),
        json!("undefined"),
        json!(7),
        json!("649db27404c0c7b7d4b112ec"),
    ] {
        for (path, body) in [
            ("/message/offer", json!({ "messageId": id, "type": "accepted" })),
            ("/message/mark-as-read", json!({ "messageId": id })),
        ] {
            let answer = trade.buyer.put(path, body).await;
            assert!(matches!(answer.status, 400 | 404), "{answer}");
            answer.error();
        }
    }
    for kind in [json!("price"), json!("reason"), json!(""), json!(null), json!({ "$ne": null }), json!(["accepted"])] {
        trade.buyer.put("/message/offer", json!({ "messageId": offer, "type": kind })).await.refused(400);
    }
    let stored = trade.messages().await.pop().unwrap();
    has(&stored, "/offer/price", 40);
    has(&stored, "/offer/accepted", false);

    // Without an offer there is nothing to accept.
    trade.say(true, None, "Well").await;
    let plain = text(&trade.messages().await.pop().unwrap(), "/_id");
    trade.buyer.put("/message/offer", json!({ "messageId": plain, "type": "accepted" })).await.refused(400);
}

#[tokio::test]
async fn operators_mark_nothing_as_read() {
    let trade = shared().trade().await;
    trade.say(false, None, "Hello").await;
    let id = text(&trade.messages().await.pop().unwrap(), "/_id");
    for (receiver, sender, message) in [
        (json!({ "$ne": null }), json!({ "$ne": null }), json!({ "$ne": null })),
        (json!({ "$ne": null }), json!(trade.seller.username), json!(id)),
        (json!(trade.buyer.username), json!({ "$ne": null }), json!(id)),
    ] {
        let body = json!({ "receiverUsername": receiver, "senderUsername": sender, "messageId": message });
        let answer = trade.buyer.put("/message/mark-multiple-as-read", body).await;
        assert!(matches!(answer.status, 400 | 403 | 404), "{answer}");
        answer.error();
    }
    assert_eq!(trade.messages().await.pop().unwrap()["isRead"], false);
}
