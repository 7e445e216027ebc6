//! Forgotten, reset and changed passwords.

use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::app::{App, PASSWORD, app, credentials, error, text};

const NEW: &str = "battery staple";
const WRONG: &str = "The current password is wrong.";
const TOO_SHORT: &str = "Password must have at least 8 characters.";
const TOO_COMMON: &str = "This password is too common. Please choose another one.";

async fn is_right(app: &App, password: &str) -> bool {
    app.post("/signin", credentials("Marta", password, "Chrome")).await.0 == StatusCode::OK
}

async fn change(app: &App, token: &str, current: &str, new: &str) -> (StatusCode, Value) {
    let body = json!({"currentPassword": current, "newPassword": new});
    app.call_as(token, Method::PUT, "/change-password", Some(body)).await
}

#[tokio::test]
async fn forgetting_is_answered_alike_for_known_and_unknown_addresses() {
    let app = app();
    app.marta().await;
    let known = app.put("/forgot-password", json!({"email": "Marta@example.org"})).await;
    let unknown = app.put("/forgot-password", json!({"email": "nobody@example.org"})).await;
    assert_eq!(known, (StatusCode::OK, json!({"message": "Password reset email sent."})));
    assert_eq!(known, unknown);
    let mails = app.mails();
    assert_eq!(mails.iter().filter(|mail| mail.template == "forgotPassword").count(), 1);
    assert!(mails[1].reset_link.as_deref().unwrap().starts_with("http://localhost:3000/reset_password?token="));
    let at = "Password forgotPassword() method error";
    let refused = app.put("/forgot-password", json!({"email": "marta"})).await;
    assert_eq!(refused, (StatusCode::BAD_REQUEST, error(400, "Field must be valid", at)));
}

#[tokio::test]
async fn a_link_resets_the_password_once_and_ends_the_sessions() {
    let app = app();
    let signed_up = app.marta().await;
    app.put("/forgot-password", json!({"email": "marta@example.org"})).await;
    let path = format!("/reset-password/{}", app.last_link());
    let at = "Password resetPassword() method error";
    for (password, confirm, message) in [
        ("short", "short", TOO_SHORT),
        (&"x1".repeat(65), &"x1".repeat(65), "Password must have at most 128 characters."),
        ("password123", "password123", TOO_COMMON),
        (NEW, "another one", "Passwords should match"),
    ] {
        let body = json!({"password": password, "confirmPassword": confirm});
        assert_eq!(app.put(&path, body).await, (StatusCode::BAD_REQUEST, error(400, message, at)));
    }
    let body = json!({"password": NEW, "confirmPassword": NEW});
    let updated = (StatusCode::OK, json!({"message": "Password successfully updated."}));
    assert_eq!(app.put(&path, body.clone()).await, updated);
    assert_eq!(app.mails().pop().unwrap().template, "resetPasswordSuccess");
    assert_eq!(app.get_as(text(&signed_up, "token"), "/currentuser").await.0, StatusCode::UNAUTHORIZED);
    assert!(is_right(&app, NEW).await && !is_right(&app, PASSWORD).await);
    let expired = (StatusCode::BAD_REQUEST, error(400, "Reset token has expired", at));
    assert_eq!(app.put(&path, body.clone()).await, expired);
    assert_eq!(app.put("/reset-password/nonsense", body).await, expired);
}

#[tokio::test]
async fn the_secret_of_a_link_may_be_pasted_with_blanks_and_a_password_composed_in_any_way() {
    let app = app();
    app.marta().await;
    app.put("/forgot-password", json!({"email": " MARTA@example.org"})).await;
    let (decomposed, composed) = ("pa\u{308}sswo\u{308}rter", "p\u{e4}ssw\u{f6}rter");
    let body = json!({"password": decomposed, "confirmPassword": decomposed});
    let path = format!("/reset-password/%20{}%0A", app.last_link());
    assert_eq!(app.put(&path, body).await.0, StatusCode::OK);
    assert!(is_right(&app, composed).await && is_right(&app, decomposed).await);
}

#[tokio::test]
async fn a_link_is_good_for_an_hour() {
    let app = app();
    app.marta().await;
    app.put("/forgot-password", json!({"email": "marta@example.org"})).await;
    app.clock.advance(Duration::from_secs(3600));
    let body = json!({"password": NEW, "confirmPassword": NEW});
    assert_eq!(app.put(&format!("/reset-password/{}", app.last_link()), body).await.0, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn changing_the_password_needs_the_current_one() {
    let app = app();
    let signed_up = app.marta().await;
    let token = text(&signed_up, "token");
    let at = "Password changePassword() method error";
    for (current, new, message) in [
        ("wrong", NEW, WRONG),
        (&"x".repeat(900), NEW, WRONG),
        (PASSWORD, "short", TOO_SHORT),
        (PASSWORD, "😀😁😂😃", TOO_SHORT),
        (PASSWORD, &"x1".repeat(65), "Password must have at most 128 characters."),
        (PASSWORD, "12345678", TOO_COMMON),
        (PASSWORD, "ｐａｓｓｗｏｒｄ", TOO_COMMON),
    ] {
        let refused = (StatusCode::BAD_REQUEST, error(400, message, at));
        assert_eq!(change(&app, token, current, new).await, refused, "{current} {new}");
    }
    assert!(is_right(&app, PASSWORD).await);
    let updated = (StatusCode::OK, json!({"message": "Password successfully updated."}));
    assert_eq!(change(&app, token, PASSWORD, NEW).await, updated);
    assert!(is_right(&app, NEW).await && !is_right(&app, PASSWORD).await);
}

#[tokio::test]
async fn changing_the_password_ends_every_session() {
    let app = app();
    let first = app.marta().await;
    let (_, second) = app.post("/signin", credentials("Marta", PASSWORD, "Chrome")).await;
    assert_eq!(change(&app, text(&first, "token"), PASSWORD, NEW).await.0, StatusCode::OK);
    for session in [&first, &second] {
        assert_eq!(app.get_as(text(session, "token"), "/currentuser").await.0, StatusCode::UNAUTHORIZED);
        assert_eq!(change(&app, text(session, "token"), NEW, "something else").await.0, StatusCode::UNAUTHORIZED);
        let (status, _) = app.post("/session/refresh", json!({"refreshToken": session["refreshToken"]})).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
    }
}
