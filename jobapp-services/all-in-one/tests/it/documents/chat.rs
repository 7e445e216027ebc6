//! Conversations and messages.

use serde_json::json;

use super::Is::{self, Bool, Date, Id, Number, Object, Text, Whole, Words};
use super::looks_like;
use crate::harness::checks::{list, text};
use crate::harness::{bodies, shared};

const OFFER: &[(&str, Is)] = &[
    ("gigTitle", Text),
    ("price", Number),
    ("description", Text),
    ("deliveryInDays", Whole),
    ("oldDeliveryDate", Text),
    ("newDeliveryDate", Text),
    ("accepted", Bool),
    ("cancelled", Bool),
];

const MESSAGE: &[(&str, Is)] = &[
    ("_id", Id),
    ("conversationId", Words),
    ("senderUsername", Words),
    ("receiverUsername", Words),
    ("senderPicture", Text),
    ("receiverPicture", Text),
    ("body", Text),
    ("file", Text),
    ("fileType", Text),
    ("fileSize", Text),
    ("fileName", Text),
    ("gigId", Text),
    ("buyerId", Words),
    ("sellerId", Words),
    ("isRead", Bool),
    ("hasOffer", Bool),
    ("offer", Object(OFFER)),
    ("createdAt", Date),
];

#[tokio::test]
async fn messages_have_all_fields_and_list_entries_the_short_ones() {
    const ENTRY: &[(&str, Is)] = &[
        ("_id", Id),
        ("conversationId", Words),
        ("sellerId", Words),
        ("buyerId", Words),
        ("receiverUsername", Words),
        ("receiverPicture", Text),
        ("senderUsername", Words),
        ("senderPicture", Text),
        ("body", Text),
        ("file", Text),
        ("gigId", Text),
        ("isRead", Bool),
        ("hasOffer", Bool),
        ("createdAt", Date),
    ];
    const CONVERSATION: &[(&str, Is)] = &[
        ("_id", Id),
        ("conversationId", Words),
        ("senderUsername", Words),
        ("receiverUsername", Words),
        ("__v", Whole),
    ];
    let trade = shared().trade().await;
    let conversation = trade.say(true, None, "Hello").await;
    trade.offer(40.0).await;
    let messages = trade.messages().await;
    assert_eq!(messages.len(), 2);
    for message in &messages {
        looks_like(message, MESSAGE);
    }
    // Dates of an offer stay the texts that were sent.
    assert_eq!(messages[1]["offer"]["oldDeliveryDate"], bodies::DUE);
    let (buyer, seller) = (&trade.buyer.username, &trade.seller.username);
    let by_id = list(&trade.buyer.get(&format!("/message/{conversation}")).await.good(), "/messages");
    assert_eq!(by_id, messages);
    let entries = list(&trade.buyer.get(&format!("/message/conversations/{buyer}")).await.good(), "/conversations");
    assert_eq!(entries.len(), 1);
    looks_like(&entries[0], ENTRY);
    let found =
        list(&trade.buyer.get(&format!("/message/conversation/{seller}/{buyer}")).await.good(), "/conversations");
    assert_eq!(found.len(), 1);
    looks_like(&found[0], CONVERSATION);

    let id = text(&messages[1], "/_id");
    let marked = trade.buyer.put("/message/mark-as-read", json!({ "messageId": id })).await.good();
    looks_like(&marked["singleMessage"], MESSAGE);
    let accepted = trade.buyer.put("/message/offer", json!({ "messageId": id, "type": "accepted" })).await.good();
    looks_like(&accepted["singleMessage"], MESSAGE);
}

#[tokio::test]
async fn an_answer_to_a_new_message_holds_what_was_sent() {
    let trade = shared().trade().await;
    let mut body = trade.message(true, None, "Look at this");
    for (key, value) in
        [("file", bodies::FILE), ("fileType", "txt"), ("fileName", "idea.txt"), ("fileSize", "19 bytes")]
    {
        body[key] = json!(value);
    }
    let answer = trade.buyer.post("/message", body.clone()).await.says("Message added");
    let data = &answer["messageData"];
    assert_eq!(answer["conversationId"], data["conversationId"]);
    looks_like(data, MESSAGE);
    for key in [
        "body",
        "gigId",
        "sellerId",
        "buyerId",
        "senderUsername",
        "receiverUsername",
        "fileType",
        "fileName",
        "fileSize",
    ] {
        assert_eq!(data[key], body[key], "{key}");
    }
    let file = text(data, "/file");
    assert!(file.starts_with("http"), "{file}");
    let read = trade.seller.without_cookies();
    let answer = read.send(read.request("GET", &file)).await;
    assert_eq!((answer.status, answer.text().as_str()), (200, "Here is your logo.\n"));
}
