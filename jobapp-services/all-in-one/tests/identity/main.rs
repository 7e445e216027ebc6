//! Sessions, roles and keys across starts of the one binary, seen from outside.

mod server;

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sha2::Sha256;

use server::{Browser, Folder, PASSWORD};

const NEW_PASSWORD: &str = "battery staple";

/// The claims of an access token, unverified.
fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

/// A token of the reference system.
fn reference_token(id: i64, username: &str, secret: &str) -> String {
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let email = format!("{}@example.org", username.to_lowercase());
    let claims = json!({"id": id, "email": email, "username": username, "iat": 1_700_000_000});
    let text = format!("{}.{}", part(json!({"alg": "HS256", "typ": "JWT"})), part(claims));
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(text.as_bytes());
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}

#[tokio::test]
async fn a_change_of_the_password_ends_the_sessions_of_every_browser_at_once() {
    let folder = Folder::new();
    let running = folder.start(&[]).await;
    let mut first = Browser::new(&running);
    first.sign_up("Marta").await;
    let mut second = Browser::new(&running);
    second.sign_in("Marta", PASSWORD).await;
    assert_eq!(second.current().await, StatusCode::OK);
    let stolen = second.clone();
    let body = json!({"currentPassword": PASSWORD, "newPassword": NEW_PASSWORD});
    assert_eq!(first.call(Method::PUT, "/auth/change-password", Some(body)).await.0, StatusCode::OK);
    // Before the answer the sessions are over; the gateway hears of it from the feed, within a second.
    running.soon(Duration::from_secs(1), || async { second.clone().current().await == StatusCode::UNAUTHORIZED }).await;
    assert_eq!(first.clone().current().await, StatusCode::UNAUTHORIZED);
    let mut with_refresh_only = Browser { session: None, ..stolen };
    assert_eq!(with_refresh_only.current().await, StatusCode::UNAUTHORIZED, "the refresh token is worth nothing");
    running.stop();

    // A gateway that was not there when the sessions ended knows as well.
    let running = folder.start(&[]).await;
    for browser in [&first, &second] {
        assert_eq!(browser.at(&running).current().await, StatusCode::UNAUTHORIZED);
    }
    let mut third = Browser::new(&running);
    third.sign_in("Marta", NEW_PASSWORD).await;
    assert_eq!(third.current().await, StatusCode::OK);
    running.stop();
}

#[tokio::test]
async fn an_operator_is_made_beside_the_marketplace_and_the_sessions_of_before_are_over() {
    let folder = Folder::new();
    let running = folder.start(&[]).await;
    let mut browser = Browser::new(&running);
    browser.sign_up("Marta").await;
    assert!(claims(browser.session.as_ref().unwrap()).get("role").is_none());
    let (refused, text) = folder.command(&["operator", "create", "Marta"], "");
    assert!(!refused && text.contains("in use by another jobapp"), "{text}");
    running.stop();

    let (done, text) = folder.command(&["operator", "create", "marta"], "");
    assert!(done && text.contains("Marta runs the marketplace."), "{text}");
    let (done, text) = folder.command(&["operator", "create", "Nobody"], "");
    assert!(!done && text.contains("--email"), "{text}");
    let arguments = ["operator", "create", "Boss", "--email", "boss@example.org", "--password-stdin"];
    let (done, text) = folder.command(&arguments, "mountain lake\n");
    assert!(done && !text.contains("mountain"), "{text}");
    let (_, text) = folder.command(&["operator", "create", "Chief", "--email", "chief@example.org"], "");
    let link = text.lines().find_map(|line| line.split_once("/reset_password?token=")).unwrap().1.to_owned();
    let (_, text) = folder.command(&["operator", "list"], "");
    assert!(["Marta", "Boss", "Chief"].iter().all(|name| text.contains(name)), "{text}");

    let running = folder.start(&[]).await;
    assert_eq!(browser.at(&running).current().await, StatusCode::UNAUTHORIZED);
    let mut again = Browser::new(&running);
    again.sign_in("Marta", PASSWORD).await;
    assert_eq!(claims(again.session.as_ref().unwrap())["role"], "operator");
    let body = json!({"password": NEW_PASSWORD, "confirmPassword": NEW_PASSWORD});
    let path = format!("/auth/reset-password/{link}");
    assert_eq!(Browser::new(&running).call(Method::PUT, &path, Some(body.clone())).await.0, StatusCode::OK);
    assert_eq!(Browser::new(&running).call(Method::PUT, &path, Some(body)).await.0, StatusCode::BAD_REQUEST);
    running.stop();

    let (done, _) = folder.command(&["operator", "remove", "Marta"], "");
    assert!(done);
    let running = folder.start(&[]).await;
    assert_eq!(again.at(&running).current().await, StatusCode::UNAUTHORIZED);
    running.stop();
}

#[tokio::test]
async fn new_keys_sign_nobody_out() {
    let folder = Folder::new();
    let running = folder.start(&[]).await;
    let mut browser = Browser::new(&running);
    browser.sign_up("Marta").await;
    let (done, text) = folder.command(&["keys", "rotate"], "");
    assert!(done && text.contains("users  2  signs") && text.contains("users  1  verifies until "), "{text}");
    running.stop();

    let running = folder.start(&[]).await;
    let mut only_access = Browser { refresh: None, ..browser.at(&running) };
    assert_eq!(only_access.current().await, StatusCode::OK, "the old key verifies");
    let mut newer = Browser::new(&running);
    newer.sign_in("Marta", PASSWORD).await;
    let header = newer.session.as_ref().unwrap().split('.').next().unwrap();
    let header: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap();
    assert_eq!(header["kid"], "2", "the new key signs");
    running.stop();
}

#[tokio::test]
async fn tokens_of_the_reference_are_accepted_only_where_the_settings_say_so() {
    let folder = Folder::new();
    let running = folder.start(&[("JWT_TOKEN", "their secret")]).await;
    let mut browser = Browser::new(&running);
    let id = browser.sign_up("Marta").await["id"].as_i64().unwrap();
    let bring = |secret: &str| {
        let session = Some(reference_token(id, "Marta", secret));
        Browser { session, refresh: None, ..browser.clone() }
    };
    assert_eq!(bring("their secret").current().await, StatusCode::UNAUTHORIZED, "the secret alone turns nothing on");
    running.stop();
    let running = folder.start(&[("JWT_TOKEN", "their secret"), ("JOBAPP_COMPAT", "reference")]).await;
    assert_eq!(bring("their secret").at(&running).current().await, StatusCode::OK);
    let cookie = STANDARD.encode(json!({ "jwt": reference_token(id, "Marta", "their secret") }).to_string());
    let as_cookie = Browser { session: Some(cookie), refresh: None, ..browser.clone() };
    assert_eq!(as_cookie.at(&running).current().await, StatusCode::OK, "as the reference's gateway wrote it");
    assert_eq!(bring("another").at(&running).current().await, StatusCode::UNAUTHORIZED);
    running.stop();
}

#[tokio::test]
async fn a_second_factor_is_set_up_and_asked_for_through_the_gateway() {
    let folder = Folder::new();
    let running = folder.start(&[]).await;
    let mut browser = Browser::new(&running);
    browser.sign_up("Marta").await;
    let (status, begun) = browser.call(Method::POST, "/auth/second-factor", Some(json!({"password": PASSWORD}))).await;
    assert_eq!(status, StatusCode::CREATED, "{begun}");
    assert!(begun["otpauthUrl"].as_str().unwrap().starts_with("otpauth://totp/JobApp:Marta?secret="), "{begun}");
    let (status, answer) = browser.call(Method::PUT, "/auth/second-factor", Some(json!({"code": "000000"}))).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{answer}");
    let (status, state) = browser.call(Method::GET, "/auth/second-factor", None).await;
    assert_eq!((status, &state["enabled"]), (StatusCode::OK, &json!(false)));
    let body = json!({"password": PASSWORD, "code": "000000"});
    let (status, answer) = browser.call(Method::DELETE, "/auth/second-factor", Some(body)).await;
    assert_eq!(status, StatusCode::CONFLICT, "{answer}");
    assert_eq!(Browser::new(&running).call(Method::GET, "/auth/second-factor", None).await.0, StatusCode::UNAUTHORIZED);
    running.stop();
}
