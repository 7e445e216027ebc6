//! Renewing, listing and ending sessions.

use std::time::Duration;

use http::{Method, StatusCode};
use jobapp_platform::Service;
use jobapp_wire::messages::Realtime;
use serde_json::{Value, json};

use crate::app::{App, PASSWORD, app, credentials, error, keys, marta, text};

const LOGIN_AGAIN: &str = "Token is not available. Please login again.";

async fn refresh(app: &App, token: &Value) -> (StatusCode, Value) {
    app.post("/session/refresh", json!({"refreshToken": token})).await
}

#[tokio::test]
async fn a_session_is_renewed_with_a_token_that_is_spent_by_it() {
    let app = app();
    let first = app.marta().await;
    app.clock.advance(Duration::from_secs(900));
    let (status, second) = refresh(&app, &first["refreshToken"]).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(keys(&second), ["message", "refreshToken", "token", "user"]);
    assert_eq!(app.get_as(text(&second, "token"), "/currentuser").await.0, StatusCode::OK);
    let (status, racing) = refresh(&app, &first["refreshToken"]).await;
    assert_eq!((status, &racing["refreshToken"]), (StatusCode::OK, &second["refreshToken"]));
    app.clock.advance(Duration::from_secs(900));
    assert_eq!(refresh(&app, &second["refreshToken"]).await.0, StatusCode::OK);
    let over = (StatusCode::UNAUTHORIZED, error(401, LOGIN_AGAIN, "Session refresh() method error"));
    assert_eq!(refresh(&app, &first["refreshToken"]).await, over, "the theft of the first one ends the session");
    assert_eq!(refresh(&app, &second["refreshToken"]).await, over);
    assert_eq!(app.get_as(text(&second, "token"), "/currentuser").await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn what_is_no_refresh_token_is_refused() {
    let app = app();
    for token in [json!(null), json!(""), json!("undefined"), json!(7), json!("a.b.c")] {
        assert_eq!(refresh(&app, &token).await.0, StatusCode::UNAUTHORIZED, "{token}");
    }
}

#[tokio::test]
async fn an_access_token_is_renewed_for_oneself_only_and_while_the_session_lives() {
    let app = app();
    let signed_up = app.marta().await;
    let token = text(&signed_up, "token");
    for name in ["Marta", "marta"] {
        let (status, answer) = app.get_as(token, &format!("/refresh-token/{name}")).await;
        assert_eq!((status, text(&answer, "message")), (StatusCode::OK, "Refresh token"));
        assert_eq!(keys(&answer), ["message", "token", "user"], "the refresh token stays as it is");
        assert_eq!(app.get_as(text(&answer, "token"), "/currentuser").await.0, StatusCode::OK);
    }
    for name in ["Other", "null", "%FF"] {
        assert_eq!(app.get_as(token, &format!("/refresh-token/{name}")).await.0, StatusCode::FORBIDDEN, "{name}");
    }
    app.call_as(token, Method::POST, "/session/end", Some(json!({}))).await;
    assert_eq!(app.get_as(token, "/refresh-token/Marta").await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn signing_out_works_by_either_token_and_without_one() {
    let app = app();
    let first = app.marta().await;
    let (_, second) = app.post("/signin", credentials("Marta", PASSWORD, "Chrome")).await;
    let told = |ended: bool| (StatusCode::OK, json!({"message": "Session ended", "ended": ended}));
    let (ended, nothing) = (told(true), told(false));
    assert_eq!(app.call_as(text(&first, "token"), Method::POST, "/session/end", Some(json!({}))).await, ended);
    assert_eq!(app.post("/session/end", json!({"refreshToken": second["refreshToken"]})).await, ended);
    for session in [&first, &second] {
        assert_eq!(app.get_as(text(session, "token"), "/currentuser").await.0, StatusCode::UNAUTHORIZED);
        assert_eq!(refresh(&app, &session["refreshToken"]).await.0, StatusCode::UNAUTHORIZED);
    }
    for body in [json!({}), json!({"refreshToken": null}), json!({"refreshToken": "x"})] {
        assert_eq!(app.post("/session/end", body).await, nothing);
    }
    assert_eq!(app.post("/session/end", json!({"refreshToken": second["refreshToken"]})).await, nothing, "again");
}

#[tokio::test]
async fn gateways_learn_which_sessions_ended() {
    let app = app();
    let signed_up = app.marta().await;
    let token = text(&signed_up, "token");
    let (_, listed) = app.get_as(token, "/sessions").await;
    let sid = text(&listed["sessions"][0], "sid").to_owned();
    app.call_as(token, Method::POST, "/session/end", Some(json!({}))).await;
    let ended = json!({"message": "Ended sessions",
        "sessions": [{"sid": sid, "username": "Marta", "endedAt": "2026-11-24T06:00:00.000Z"}]});
    let get = async |path: &str| app.call(Method::GET, path, &[], None).await;
    for path in
        ["/session/ended", "/session/ended?since=1795500000000", "/session/ended?since=2026-11-24T06:00:00.000Z"]
    {
        assert_eq!(get(path).await, (StatusCode::OK, ended.clone()), "{path}");
    }
    assert_eq!(get("/session/ended?since=2026-11-24T06:00:01Z").await.1["sessions"], json!([]));
    assert_eq!(get("/session/ended?since=yesterday").await.0, StatusCode::BAD_REQUEST);
    let translate = app.service.translator().unwrap();
    let message = app.store.events().iter().flat_map(|entry| translate(entry).unwrap()).last().unwrap();
    let heard: Realtime = message.json().unwrap();
    assert_eq!(message.exchange, "jobapp-realtime");
    assert_eq!((heard.event.as_str(), &heard.arguments[..]), ("session ended", &[json!(sid)][..]));
}

#[tokio::test]
async fn ones_own_sessions_are_listed_and_ended_one_by_one() {
    let app = app();
    let first = app.marta().await;
    app.clock.advance(Duration::from_secs(5));
    let (_, second) = app.post("/signin", credentials("Marta", PASSWORD, "Chrome")).await;
    let mut somebody = marta();
    somebody["username"] = "somebody".into();
    somebody["email"] = "somebody@example.org".into();
    let (_, other) = app.post("/signup", somebody).await;
    let token = text(&first, "token");
    let (status, listed) = app.get_as(token, "/sessions").await;
    assert_eq!(status, StatusCode::OK);
    let sessions = listed["sessions"].as_array().unwrap();
    assert_eq!(sessions.len(), 2);
    assert_eq!(
        sessions[1],
        json!({"sid": sessions[1]["sid"], "browserName": "Chrome", "deviceType": "browser", "current": true,
            "createdAt": "2026-11-24T06:00:00.000Z", "lastUsedAt": "2026-11-24T06:00:00.000Z",
            "expiresAt": "2026-12-01T06:00:00.000Z"})
    );
    let (_, others) = app.get_as(text(&other, "token"), "/sessions").await;
    let foreign = text(&others["sessions"][0], "sid");
    let end = async |sid: &str| app.call_as(token, Method::DELETE, &format!("/sessions/{sid}"), None).await;
    for sid in [foreign, "66f0c0ffee0000000000b001", "undefined"] {
        assert_eq!(end(sid).await.0, StatusCode::NOT_FOUND, "{sid}");
    }
    assert_eq!(end(text(&sessions[0], "sid")).await.0, StatusCode::OK);
    assert_eq!(app.get_as(text(&second, "token"), "/currentuser").await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(app.get_as(token, "/currentuser").await.0, StatusCode::OK);
}
