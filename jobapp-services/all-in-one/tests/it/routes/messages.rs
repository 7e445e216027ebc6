//! Messages.

use serde_json::json;

use super::{Row, call, row};
use crate::harness::checks::text;

pub fn rows() -> Vec<Row> {
    vec![
        row!("POST" "/message", 200 "Message added" ["conversationId", "message", "messageData"], |trade| {
            call(&trade.buyer, "/message").with(trade.message(true, None, "Hello"))
        }),
        row!("GET" "/message/conversation/:senderUsername/:receiverUsername", 200 "Chat conversation"
            ["conversations", "message"], |trade| {
            call(&trade.buyer, format!("/message/conversation/{}/{}", trade.seller.username, trade.buyer.username))
        }),
        row!("GET" "/message/conversations/:username", 200 "Conversation list" ["conversations", "message"], |trade| {
            call(&trade.buyer, format!("/message/conversations/{}", trade.buyer.username))
        }),
        row!("GET" "/message/:senderUsername/:receiverUsername", 200 "Chat messages" ["message", "messages"], |trade| {
            call(&trade.buyer, format!("/message/{}/{}", trade.seller.username, trade.buyer.username))
        }),
        row!("GET" "/message/:conversationId", 200 "Chat messages" ["message", "messages"], |trade| {
            let conversation = trade.say(true, None, "Hello again").await;
            call(&trade.seller, format!("/message/{conversation}"))
        }),
        row!("PUT" "/message/offer", 200 "Message updated" ["message", "singleMessage"], |trade| {
            let body = json!({ "messageId": trade.offer(40.0).await, "type": "accepted" });
            call(&trade.buyer, "/message/offer").with(body)
        }),
        row!("PUT" "/message/mark-as-read", 200 "Message marked as read" ["message", "singleMessage"], |trade| {
            let body = json!({ "messageId": trade.offer(41.0).await });
            call(&trade.buyer, "/message/mark-as-read").with(body)
        }),
        row!("PUT" "/message/mark-multiple-as-read", 200 "Messages marked as read" ["message"], |trade| {
            trade.say(false, None, "Are you there?").await;
            let newest = trade.messages().await.pop().unwrap();
            let body = json!({ "receiverUsername": trade.buyer.username, "senderUsername": trade.seller.username,
                "messageId": text(&newest, "/_id") });
            call(&trade.buyer, "/message/mark-multiple-as-read").with(body)
        }),
    ]
}
