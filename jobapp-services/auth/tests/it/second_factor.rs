//! Setting up the second factor, signing in with it, and taking it away, through the routes.

use std::time::Duration;

use http::{Method, StatusCode};
use jobapp_auth::AuthenticatorKey;
use jobapp_kernel::Clock;
use serde_json::{Value, json};

use crate::app::{App, PASSWORD, app, credentials, error, keys, text};

const PATH: &str = "/second-factor";
const AT: &str = "SecondFactor method error";

/// What the authenticator shows that was set up with this address.
fn code(app: &App, url: &str) -> String {
    let secret = url.split("secret=").nth(1).unwrap().split('&').next().unwrap();
    // Base32 by hand: the key type reads hexadecimal digits only, as it is stored.
    let bits: String = secret
        .bytes()
        .map(|letter| {
            let value = if letter.is_ascii_digit() { letter - b'2' + 26 } else { letter - b'A' };
            format!("{value:05b}")
        })
        .collect();
    let bytes: String = bits
        .as_bytes()
        .chunks(8)
        .map(|byte| u8::from_str_radix(std::str::from_utf8(byte).unwrap(), 2).unwrap())
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let key: AuthenticatorKey = serde_json::from_value(json!(bytes)).unwrap();
    key.code_at(app.clock.now()).unwrap().expose().to_owned()
}

async fn call(app: &App, token: &str, method: Method, body: Value) -> (StatusCode, Value) {
    app.call_as(token, method, PATH, Some(body)).await
}

async fn verify(app: &App, pending: &str, code: &str) -> (StatusCode, Value) {
    app.call(Method::PUT, &format!("/verify-otp/{code}"), &[("x-pending-token", pending)], Some(json!({}))).await
}

#[tokio::test]
async fn a_second_factor_goes_through_its_life() {
    let app = app();
    let signed_up = app.marta().await;
    let token = text(&signed_up, "token").to_owned();
    let (status, begun) = call(&app, &token, Method::POST, json!({"password": PASSWORD})).await;
    assert_eq!(status, StatusCode::CREATED, "{begun}");
    assert_eq!(keys(&begun), ["message", "otpauthUrl", "secret"]);
    let url = text(&begun, "otpauthUrl").to_owned();
    assert!(url.starts_with("otpauth://totp/JobApp:Marta?secret="), "{url}");

    let wrong = call(&app, &token, Method::PUT, json!({"code": "000000"})).await;
    assert_eq!(wrong, (StatusCode::BAD_REQUEST, error(400, "OTP is invalid.", AT)));
    let (status, confirmed) = call(&app, &token, Method::PUT, json!({"code": code(&app, &url)})).await;
    assert_eq!((status, keys(&confirmed)), (StatusCode::OK, vec!["message", "recoveryCodes"]));
    let recovery: Vec<String> = serde_json::from_value(confirmed["recoveryCodes"].clone()).unwrap();
    assert_eq!(recovery.len(), 10);
    let (_, state) = app.get_as(&token, PATH).await;
    assert_eq!((&state["enabled"], &state["recoveryCodesLeft"]), (&json!(true), &json!(10)));
    let again = call(&app, &token, Method::POST, json!({"password": PASSWORD})).await;
    assert_eq!(again.0, StatusCode::CONFLICT);

    app.clock.advance(Duration::from_secs(60));
    let mails = app.mails().len();
    let (status, asked) = app.post("/signin", credentials("Marta", PASSWORD, "Chrome")).await;
    assert_eq!((status, text(&asked, "message")), (StatusCode::OK, "Enter the code of your authenticator."));
    assert_eq!((&asked["user"], text(&asked, "token"), text(&asked, "browserName")), (&json!(null), "", "Chrome"));
    assert_eq!(app.mails().len(), mails, "nothing is mailed");
    let pending = text(&asked, "pendingToken").to_owned();
    let invalid = (StatusCode::BAD_REQUEST, error(400, "OTP is invalid.", "VerifyOTP updateOTP() method error"));
    assert_eq!(verify(&app, &pending, "000000").await, invalid);
    let right = code(&app, &url);
    assert_eq!(verify(&app, &pending, &right).await.0, StatusCode::OK);
    let (_, asked) = app.post("/signin", credentials("Marta", PASSWORD, "Chrome")).await;
    let pending = text(&asked, "pendingToken").to_owned();
    assert_eq!(verify(&app, &pending, &right).await, invalid, "a code is used up");
    assert_eq!(verify(&app, &pending, &recovery[0]).await.0, StatusCode::OK);

    app.clock.advance(Duration::from_secs(60));
    let body = json!({"password": "wrong", "code": code(&app, &url)});
    assert_eq!(
        call(&app, &token, Method::DELETE, body).await,
        (StatusCode::BAD_REQUEST, error(400, "The current password is wrong.", AT))
    );
    let body = json!({"password": PASSWORD, "code": code(&app, &url)});
    assert_eq!(call(&app, &token, Method::DELETE, body.clone()).await.0, StatusCode::OK);
    assert_eq!(call(&app, &token, Method::DELETE, body).await.0, StatusCode::CONFLICT);
    let (_, open) = app.post("/signin", credentials("Marta", PASSWORD, "Chrome")).await;
    assert_eq!(text(&open, "message"), "User login successfully");
}

#[tokio::test]
async fn it_is_for_users_and_a_broken_rule_is_answered_with_its_text() {
    let app = app();
    for method in [Method::GET, Method::POST, Method::PUT, Method::DELETE] {
        assert_eq!(app.call(method, PATH, &[], Some(json!({}))).await.0, StatusCode::UNAUTHORIZED);
    }
    let token = text(&app.marta().await, "token").to_owned();
    for (method, body, message) in [
        (Method::POST, json!({}), "\"password\" is required"),
        (Method::POST, json!({"password": 7}), "Password must be of type string"),
        (Method::PUT, json!({}), "\"code\" is required"),
        (Method::PUT, json!({"code": ""}), "Code is a required field"),
        (Method::PUT, json!({"code": 7}), "Code must be of type string"),
        (Method::DELETE, json!({"code": "000000"}), "\"password\" is required"),
        (Method::DELETE, json!({"password": PASSWORD}), "\"code\" is required"),
    ] {
        assert_eq!(call(&app, &token, method, body).await, (StatusCode::BAD_REQUEST, error(400, message, AT)));
    }
}
