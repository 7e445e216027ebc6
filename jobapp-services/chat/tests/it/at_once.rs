//! Many messages in one conversation, and many answers to one message, at once.

use futures::future::join_all;
use http::StatusCode;
use serde_json::{Value, json};

use crate::app::{App, an_offer, from_iria, from_marta};

#[tokio::test]
async fn messages_at_once_are_all_written_in_one_conversation() {
    let app = App::new().await;
    let write = |number: usize| {
        let app = &app;
        async move {
            let (who, mut body) =
                if number.is_multiple_of(2) { ("Marta", from_marta("Hello")) } else { ("Iria", from_iria("Hi")) };
            // Each window proposes another id for the conversation that is not there yet.
            body["conversationId"] = json!(format!("12345678901{number:04}"));
            app.post(who, &body).await
        }
    };
    let answers = join_all((0..50).map(write)).await;
    let id = &answers[0].1["conversationId"];
    for (status, answer) in &answers {
        assert_eq!((*status, &answer["conversationId"]), (StatusCode::OK, id), "{answer}");
    }
    let (_, all) = app.get("Marta", &format!("/{}", id.as_str().unwrap())).await;
    assert_eq!(all["messages"].as_array().unwrap().len(), 50);
    let (_, list) = app.get("Marta", "/conversations/Marta").await;
    assert_eq!(list["conversations"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn answers_to_an_offer_at_once_agree() {
    let app = App::new().await;
    let id = app.posted("Iria", &an_offer()).await["_id"].clone();
    let accept = || app.put("Marta", "/offer", json!({"messageId": id, "type": "accepted"}));
    for (status, answer) in join_all((0..20).map(|_| accept())).await {
        assert_eq!(status, StatusCode::OK, "{answer}");
    }
    let read = || app.put("Marta", "/mark-as-read", json!({"messageId": id}));
    for (status, answer) in join_all((0..20).map(|_| read())).await {
        assert_eq!(status, StatusCode::OK, "{answer}");
    }
}

#[tokio::test]
async fn of_acceptances_and_cancellations_at_once_the_first_counts_and_the_others_are_told_so() {
    let app = App::new().await;
    let id = app.posted("Iria", &an_offer()).await["_id"].clone();
    let answer = |number: usize| {
        let (who, kind) = if number.is_multiple_of(2) { ("Marta", "accepted") } else { ("Iria", "cancelled") };
        app.put(who, "/offer", json!({"messageId": id, "type": kind}))
    };
    let mut refused = Vec::new();
    for (status, answer) in join_all((0..20).map(answer)).await {
        if status != StatusCode::OK {
            assert_eq!(status, StatusCode::CONFLICT, "{answer}");
            refused.push(answer["message"].clone());
        }
    }
    assert_eq!(refused.len(), 10);
    let named: [Value; 2] = [json!("This offer was accepted before."), json!("This offer was cancelled before.")];
    assert!(refused.iter().all(|text| *text == refused[0] && named.contains(text)), "{refused:?}");
}
