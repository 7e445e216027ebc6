//! What follows from what happened.

use std::collections::BTreeMap;

use jobapp_chat::Conversation;
use jobapp_kernel::{Change, OutboxEntry, Outcome, Timestamp};
use jobapp_platform::Service;
use jobapp_wire::queues::{CHAT_MESSAGE, CHAT_PROFILE, CHAT_SUMMARY, REALTIME};
use serde_json::json;

use crate::app::{App, from_iria, from_marta};

#[tokio::test]
async fn both_users_browsers_hear_of_a_message_and_of_its_reading() {
    let app = App::new().await;
    let message = app.posted("Marta", &from_marta("Hello")).await;
    app.put("Iria", "/mark-as-read", json!({"messageId": message["_id"]})).await;
    app.put("Iria", "/mark-as-read", json!({"messageId": message["_id"]})).await;
    let mut read = message.clone();
    read["isRead"] = json!(true);
    assert_eq!(
        app.published_on(REALTIME),
        [
            json!({"event": "message received", "arguments": [message], "receivers": ["Marta", "Iria"]}),
            json!({"event": "message updated", "arguments": [read], "receivers": ["Marta", "Iria"]}),
        ]
    );
}

#[tokio::test]
async fn the_summary_follows_from_the_events_should_the_request_not_have_made_it() {
    let app = App::new().await;
    let id = app.posted("Marta", &from_marta("1")).await["conversationId"].clone();
    app.posted("Iria", &from_iria("2")).await;
    // As if the process had died between the message and the summary.
    let chat = &app.chat;
    let stored = chat.conversations.find_by(Conversation::CONVERSATION_ID, id.as_str().unwrap().into()).await.unwrap();
    let stored = stored.unwrap();
    let blank = Conversation::between(
        *jobapp_kernel::Aggregate::id(&stored.value),
        stored.value.conversation_id().clone(),
        "Marta",
        "Iria",
    );
    assert!(chat.conversations.save(Change::update(stored.version, blank, vec![])).await.is_ok());
    assert_eq!(app.get("Marta", "/conversations/Marta").await.1["conversations"], json!([]));
    let told = app.published_on(CHAT_MESSAGE);
    assert_eq!(told.len(), 2);
    for body in told.iter().chain(&told).rev() {
        assert_eq!(app.deliver(CHAT_SUMMARY, body).await, Outcome::Done);
    }
    let (_, list) = app.get("Marta", "/conversations/Marta").await;
    assert_eq!(list["conversations"][0]["body"], "2");
}

#[tokio::test]
async fn what_can_never_be_handled_is_dead() {
    let app = App::new().await;
    app.posted("Marta", &from_marta("1")).await;
    let mut body = app.published_on(CHAT_MESSAGE).remove(0);
    for id in ["undefined", "66f0c0ffee00000000000000"] {
        body["message"]["_id"] = json!(id);
        assert!(matches!(app.deliver(CHAT_SUMMARY, &body).await, Outcome::Dead { .. }));
    }
    for queue in [CHAT_SUMMARY, CHAT_PROFILE] {
        assert!(matches!(app.deliver(queue, &json!({})).await, Outcome::Dead { .. }));
    }
}

#[tokio::test]
async fn profiles_are_heard_of() {
    let app = App::without_users();
    let profile = json!({"type": "buyer-profile", "buyerId": "66f0c0ffee0000000000b001", "username": "Marta",
        "email": "marta@example.org", "profilePicture": "p.png", "country": "Portugal"});
    assert_eq!(app.deliver(CHAT_PROFILE, &profile).await, Outcome::Done);
    assert!(app.chat.directory.of_user("marta").await.unwrap().is_some());
}

#[test]
fn events_nobody_knows_stay_in_the_outbox() {
    let translate = App::without_users().service.translator().unwrap();
    for (aggregate, event) in [("kettle", json!({})), ("chat_message", json!({"type": "burnt"}))] {
        let entry = OutboxEntry {
            id: OutboxEntry::id_of(aggregate, "x", 1, 0),
            aggregate: aggregate.to_owned(),
            aggregate_id: "x".to_owned(),
            version: 1,
            event,
            headers: BTreeMap::new(),
            recorded_at: Timestamp::EPOCH,
        };
        assert!(translate(&entry).is_err(), "{aggregate}");
    }
}
