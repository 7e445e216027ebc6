//! Signing in, with and without a code.

use http::{Method, StatusCode};
use jobapp_auth::{Account, Device, EmailAddress, Registration, Username};
use jobapp_kernel::{AccountId, Change, Timestamp};
use serde_json::{Value, json};

use crate::app::{App, PASSWORD, app, credentials, error, keys, text};

const AT: &str = "SignIn read() method error";

async fn code_sent(app: &App, browser: &str) -> (String, String) {
    let (status, answer) = app.post("/signin", credentials("Marta", PASSWORD, browser)).await;
    assert_eq!((status, text(&answer, "message")), (StatusCode::OK, "OTP code sent"), "{answer}");
    (text(&answer, "pendingToken").to_owned(), app.mails().pop().unwrap().otp.unwrap())
}

async fn verify(app: &App, pending: &str, code: &str, body: Value) -> (StatusCode, Value) {
    app.call(Method::PUT, &format!("/verify-otp/{code}"), &[("x-pending-token", pending)], Some(body)).await
}

#[tokio::test]
async fn a_known_device_is_let_in_by_name_or_address() {
    let app = app();
    let signed_up = app.marta().await;
    for username in ["Marta", "marta", "MARTA@example.org"] {
        let (status, answer) = app.post("/signin", credentials(username, PASSWORD, "Chrome")).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(
            keys(&answer),
            ["browserName", "deviceToken", "deviceType", "message", "refreshToken", "token", "user"]
        );
        assert_eq!(text(&answer, "message"), "User login successfully");
        assert_eq!((text(&answer, "browserName"), text(&answer, "deviceType")), ("", ""));
        assert_eq!(answer["user"], signed_up["user"]);
        assert_eq!(app.get_as(text(&answer, "token"), "/currentuser").await.0, StatusCode::OK);
    }
}

#[tokio::test]
async fn unknown_users_and_wrong_passwords_are_answered_alike() {
    let app = app();
    app.marta().await;
    let refused = (StatusCode::BAD_REQUEST, error(400, "Invalid credentials", AT));
    for (username, password) in
        [("Nobody", PASSWORD), ("nobody@example.org", PASSWORD), ("Marta", "wrong"), ("marta@example.org", "wrong")]
    {
        assert_eq!(app.post("/signin", credentials(username, password, "Chrome")).await, refused, "{username}");
    }
    assert_eq!(app.post("/signin", credentials("Marta", &"x".repeat(10_000), "Chrome")).await, refused);
}

#[tokio::test]
async fn a_broken_rule_is_answered_with_its_text() {
    let app = app();
    for (body, message) in [
        (json!({}), "\"username\" is required"),
        (json!({"username": "abc", "password": "x"}), "Invalid username"),
        (json!({"username": "Marta"}), "\"password\" is required"),
        (json!({"username": "Marta", "password": 5}), "Password must be of type string"),
    ] {
        assert_eq!(app.post("/signin", body).await, (StatusCode::BAD_REQUEST, error(400, message, AT)));
    }
}

#[tokio::test]
async fn an_unknown_device_is_let_in_with_the_mailed_code_and_remembered() {
    let app = app();
    app.marta().await;
    let (status, answer) = app.post("/signin", credentials("Marta", PASSWORD, "Firefox")).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(keys(&answer), ["browserName", "deviceType", "message", "pendingToken", "token", "user"]);
    assert_eq!((&answer["user"], text(&answer, "token")), (&json!(null), ""));
    assert_eq!((text(&answer, "browserName"), text(&answer, "deviceType")), ("Chrome", "browser"));
    let mail = app.mails().pop().unwrap();
    assert_eq!((mail.template.as_str(), mail.receiver_email.as_deref()), ("otpEmail", Some("marta@example.org")));
    let (pending, code) = (text(&answer, "pendingToken").to_owned(), mail.otp.unwrap());
    assert!(!answer.to_string().contains(&code));
    let (status, verified) = verify(&app, &pending, &code, json!({"deviceType": "mobile"})).await;
    assert_eq!((status, text(&verified, "message")), (StatusCode::OK, "OTP verified successfully."));
    assert_eq!(keys(&verified), ["deviceToken", "message", "refreshToken", "token", "user"]);
    assert_eq!(app.get_as(text(&verified, "token"), "/currentuser").await.0, StatusCode::OK);
    for browser in ["Firefox", "Chrome"] {
        let (_, answer) = app.post("/signin", credentials("Marta", PASSWORD, browser)).await;
        assert_eq!(text(&answer, "message"), "User login successfully", "{browser}");
    }
}

#[tokio::test]
async fn a_code_needs_its_own_sign_in_and_works_once() {
    let app = app();
    app.marta().await;
    let (pending, code) = code_sent(&app, "Firefox").await;
    let (other, _) = code_sent(&app, "Safari").await;
    let invalid = (StatusCode::BAD_REQUEST, error(400, "OTP is invalid.", "VerifyOTP updateOTP() method error"));
    assert_eq!(verify(&app, &other, &code, json!({})).await, invalid);
    assert_eq!(app.put(&format!("/verify-otp/{code}"), json!({})).await, invalid, "without the pending token");
    assert_eq!(verify(&app, &pending, "%FF", json!({})).await, invalid);
    assert_eq!(verify(&app, &pending, &code, json!({})).await.0, StatusCode::OK);
    assert_eq!(verify(&app, &pending, &code, json!({})).await, invalid);
}

#[tokio::test]
async fn a_code_may_be_pasted_with_blanks_and_dashes_and_in_digits_of_any_script() {
    let app = app();
    app.marta().await;
    let digits = |code: &str, nought: u32| -> String {
        code.bytes().map(|byte| char::from_u32(nought + u32::from(byte - b'0')).unwrap()).collect()
    };
    let spellings: [&dyn Fn(&str) -> String; 5] = [
        &|code| format!("%20{code}%0D%0A"),
        &|code| format!("{}%20{}", &code[..3], &code[3..]),
        &|code| format!("{}%E2%80%93{}%C2%A0", &code[..3], &code[3..]),
        &|code| percent(&digits(code, 0xff10)),
        &|code| percent(&digits(code, 0x660)),
    ];
    for (n, spelling) in spellings.iter().enumerate() {
        let (pending, code) = code_sent(&app, &format!("Browser {n}")).await;
        let pasted = spelling(&code);
        assert_eq!(verify(&app, &pending, &pasted, json!({})).await.0, StatusCode::OK, "{pasted}");
    }
}

fn percent(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

#[tokio::test]
async fn a_code_may_be_guessed_five_times_even_at_once() {
    let app = app();
    app.marta().await;
    let (pending, code) = code_sent(&app, "Firefox").await;
    let wrong = || verify(&app, &pending, "000000", json!({}));
    let (a, b, c) = tokio::join!(wrong(), wrong(), wrong());
    let (d, e) = tokio::join!(wrong(), wrong());
    assert!([a, b, c, d, e].iter().all(|(status, _)| *status == StatusCode::BAD_REQUEST));
    assert_eq!(verify(&app, &pending, &code, json!({})).await.0, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn many_codes_an_hour_are_too_many() {
    let app = app();
    app.marta().await;
    for n in 0..10 {
        code_sent(&app, &format!("Browser {n}")).await;
    }
    let (status, answer) = app.post("/signin", credentials("Marta", PASSWORD, "Firefox")).await;
    assert_eq!(status, StatusCode::TOO_MANY_REQUESTS, "{answer}");
}

#[tokio::test]
async fn an_imported_account_signs_in_with_its_short_password_and_gets_a_better_hash() {
    let app = app();
    let accounts = app.store.repository::<Account>();
    let registration = Registration {
        id: AccountId(7),
        username: Username::new("Marta").unwrap(),
        email: EmailAddress::new("marta@example.org").unwrap(),
        password_hash: bcrypt::hash("abcd", 4).unwrap().replacen("$2b$", "$2a$", 1),
        profile_public_id: "public".into(),
        profile_picture: "https://img.example.org/1.png".into(),
        country: "Portugal".into(),
        devices: vec![Device { browser: "Chrome".into(), kind: "browser".into() }],
    };
    let (account, events) = Account::register(registration, None, Timestamp::EPOCH);
    accounts.save(Change::insert(account, events)).await.map(drop).unwrap();
    let (status, answer) = app.post("/signin", credentials("Marta", "abcd", "Chrome")).await;
    assert_eq!((status, text(&answer, "message")), (StatusCode::OK, "User login successfully"));
    let stored = accounts.find(&AccountId(7)).await.unwrap().unwrap();
    assert!(stored.value.password_hash().starts_with("$argon2id$"));
    assert_eq!(app.post("/signin", credentials("Marta", "abcd", "Chrome")).await.0, StatusCode::OK);
}
