//! Who may see and do what.

use axum::body::Body;
use http::{Method, Request, StatusCode};
use jobapp_platform::Service;
use serde_json::json;

use crate::app::{App, an_offer, from_marta};

#[tokio::test]
async fn health_is_open_and_everything_else_is_guarded() {
    let app = App::new().await;
    let bare = |path: &str| Request::builder().uri(path.to_owned()).body(Body::empty()).unwrap();
    let (status, text) = app.call(bare("/chat-health")).await;
    assert_eq!((status, text), (StatusCode::OK, json!("Chat service is healthy and OK.")));
    let (status, answer) = app.call(bare("/api/v1/message/conversations/Marta")).await;
    assert_eq!((status, &answer["message"]), (StatusCode::UNAUTHORIZED, &json!("Invalid request")));
    let mut anonymous = app.request(Method::GET, "Marta", "/conversations/Marta", None);
    anonymous.headers_mut().remove("authorization");
    assert_eq!(app.call(anonymous).await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn unknown_paths_and_methods_are_json() {
    let app = App::new().await;
    for (method, path) in [(Method::GET, "/a/b/c/d"), (Method::GET, "/offer"), (Method::DELETE, "/123")] {
        let (status, answer) = app.call(app.request(method, "Marta", path, None)).await;
        assert_eq!((status, &answer["statusCode"]), (StatusCode::NOT_FOUND, &json!(404)), "{path}");
    }
}

#[tokio::test]
async fn conversations_are_for_their_participants() {
    let app = App::new().await;
    app.posted("Marta", &from_marta("Hello")).await;
    for path in ["/conversation/Marta/Iria", "/Marta/Iria", "/conversations/Marta"] {
        assert_eq!(app.get("Ana", path).await.0, StatusCode::FORBIDDEN, "{path}");
    }
    // Unknown and foreign ones are alike.
    for path in ["/123456789012345", "/undefined", "/999"] {
        let (status, answer) = app.get("Ana", path).await;
        assert_eq!((status, answer), (StatusCode::OK, json!({"message": "Chat messages", "messages": []})), "{path}");
    }
    for path in ["/conversation/Ana/Iria", "/conversation/undefined/Ana"] {
        let (status, answer) = app.get("Ana", path).await;
        assert_eq!((status, &answer["conversations"]), (StatusCode::OK, &json!([])), "{path}");
    }
}

#[tokio::test]
async fn ids_that_are_none_are_refused_before_anything_is_looked_up() {
    let app = App::new().await;
    for (path, body) in [
        ("/offer", json!({"messageId": {"$ne": null}, "type": "accepted"})),
        ("/offer", json!({"messageId": "undefined", "type": "accepted"})),
        ("/mark-as-read", json!({"messageId": {"$ne": null}})),
        ("/mark-as-read", json!({"messageId": "1"})),
        (
            "/mark-multiple-as-read",
            json!({"receiverUsername": "Iria", "senderUsername": {"$ne": null}, "messageId": "1"}),
        ),
        ("/mark-multiple-as-read", json!({"receiverUsername": "Iria", "senderUsername": "Marta", "messageId": "1"})),
    ] {
        assert_eq!(app.put("Iria", path, body.clone()).await.0, StatusCode::BAD_REQUEST, "{body}");
    }
}

#[tokio::test]
async fn only_the_receiver_marks_messages_as_read() {
    let app = App::new().await;
    let id = app.posted("Marta", &from_marta("1")).await["_id"].clone();
    let newest = app.posted("Marta", &from_marta("2")).await["_id"].clone();
    let unknown = "66f0c0ffee00000000000000";
    for (who, id, status) in [
        ("Marta", &id, StatusCode::FORBIDDEN),
        ("Ana", &id, StatusCode::NOT_FOUND),
        ("Iria", &json!(unknown), StatusCode::NOT_FOUND),
        ("Iria", &id, StatusCode::OK),
        ("Iria", &id, StatusCode::OK),
    ] {
        assert_eq!(app.put(who, "/mark-as-read", json!({"messageId": id})).await.0, status, "{who}");
    }
    let multiple = json!({"receiverUsername": "Iria", "senderUsername": "Marta", "messageId": newest});
    assert_eq!(app.put("Marta", "/mark-multiple-as-read", multiple.clone()).await.0, StatusCode::FORBIDDEN);
    let (status, answer) = app.put("Iria", "/mark-multiple-as-read", multiple).await;
    assert_eq!((status, answer), (StatusCode::OK, json!({"message": "Messages marked as read"})));
    let (_, messages) = app.get("Marta", "/Marta/Iria").await;
    assert!(messages["messages"].as_array().unwrap().iter().all(|message| message["isRead"] == true));
    let (_, list) = app.get("Iria", "/conversations/Iria").await;
    assert_eq!(list["conversations"][0]["isRead"], true);
}

#[tokio::test]
async fn a_body_without_a_file_is_small() {
    let app = App::new().await;
    let large = json!({"messageId": "a".repeat(300 * 1024)});
    assert_eq!(app.put("Marta", "/mark-as-read", large).await.0, StatusCode::PAYLOAD_TOO_LARGE);
    let mut offer = an_offer();
    offer["file"] = json!("a".repeat(300 * 1024));
    assert_eq!(app.post("Iria", &offer).await.0, StatusCode::BAD_REQUEST);
}

#[test]
fn the_document_of_the_routes_has_them_all() {
    let document = serde_json::to_value(App::without_users().service.openapi().unwrap()).unwrap();
    let operations: usize = document["paths"]
        .as_object()
        .unwrap()
        .values()
        .map(|path| {
            path.as_object().unwrap().keys().filter(|key| ["get", "put", "post"].contains(&key.as_str())).count()
        })
        .sum();
    assert_eq!(operations, 9);
}
