//! Signing up.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::app::{App, PASSWORD, app, credentials, error, keys, marta, text};

const AT: &str = "SignUp create() method error";
const TAKEN: &str = "Invalid credentials. Email or Username";

#[tokio::test]
async fn a_user_is_made_and_signed_in() {
    let app = app();
    let answer = app.marta().await;
    assert_eq!(keys(&answer), ["deviceToken", "message", "refreshToken", "token", "user"]);
    assert_eq!(text(&answer, "message"), "User created successfully");
    let public_id = text(&answer["user"], "profilePublicId").to_owned();
    assert_eq!(public_id.len(), 36);
    let at = "2026-11-24T06:00:00.000Z";
    assert_eq!(
        answer["user"],
        json!({"id": 1, "username": "Marta", "email": "marta@example.org", "profilePublicId": public_id,
            "country": "Portugal", "profilePicture": "https://img.example.org/1.png", "emailVerified": false,
            "createdAt": at, "updatedAt": at})
    );
    let (status, current) = app.get_as(text(&answer, "token"), "/currentuser").await;
    assert_eq!((status, &current["user"]), (StatusCode::OK, &answer["user"]));
    let mails = app.mails();
    assert_eq!(mails.len(), 1);
    assert_eq!(
        (mails[0].template.as_str(), mails[0].receiver_email.as_deref()),
        ("verifyEmail", Some("marta@example.org"))
    );
    let link = mails[0].verify_link.as_deref().unwrap();
    assert!(link.starts_with("http://localhost:3000/confirm_email?v_token="), "{link}");
    assert!(!answer.to_string().contains(link.rsplit_once('=').unwrap().1), "the answer verifies nothing");
}

#[tokio::test]
async fn a_broken_rule_is_answered_with_its_text() {
    let app = app();
    let cases = [
        ("username", json!("abc"), "Invalid username"),
        ("username", json!("a/bcd"), "Invalid username"),
        ("username", json!("Conversation"), "Invalid username"),
        ("username", json!("conversation"), "Invalid username"),
        ("username", json!("mar\u{3164}ta"), "Invalid username"),
        ("username", json!("q@ab.co"), "Invalid username"),
        ("username", json!("evil.com"), "Invalid username"),
        ("password", json!("short"), "Password must have at least 8 characters."),
        ("password", json!("😀😁😂😃"), "Password must have at least 8 characters."),
        ("password", json!("x1".repeat(65)), "Password must have at most 128 characters."),
        ("password", json!("password123"), "This password is too common. Please choose another one."),
        ("email", json!("marta@localhost"), "Invalid email"),
        ("profilePicture", json!("no picture"), "File upload error. Try again"),
        (
            "profilePicture",
            json!("data:image/png;base64,aGVsbG8="),
            "This is no picture that can be shown. Choose a PNG, JPEG, GIF, WebP, AVIF or BMP file.",
        ),
        ("browserName", json!(""), "\"browserName\" is not allowed to be empty"),
        ("role", json!("operator"), "\"role\" is not allowed"),
    ];
    for (key, value, message) in cases {
        let mut body = marta();
        body[key] = value.clone();
        assert_eq!(
            app.post("/signup", body).await,
            (StatusCode::BAD_REQUEST, error(400, message, AT)),
            "{key}: {value}"
        );
    }
    assert_eq!(app.store.count::<jobapp_auth::Account>(), 0);
}

#[tokio::test]
async fn an_address_too_long_to_be_found_again_is_refused() {
    let app = app();
    let mut body = marta();
    body["email"] = format!("{}@{}com", "a".repeat(60), "bbbbbbbbb.".repeat(15)).into();
    assert_eq!(app.post("/signup", body).await, (StatusCode::BAD_REQUEST, error(400, "Invalid email", AT)));
}

#[tokio::test]
async fn clients_that_do_not_say_what_they_are_can_sign_up() {
    let app = app();
    let mut body = marta();
    body.as_object_mut().unwrap().remove("browserName");
    body.as_object_mut().unwrap().remove("deviceType");
    assert_eq!(app.post("/signup", body).await.0, StatusCode::CREATED);
}

#[tokio::test]
async fn a_name_or_address_in_use_is_answered_alike() {
    let app = app();
    app.marta().await;
    let taken = (StatusCode::BAD_REQUEST, error(400, TAKEN, AT));
    for (key, value) in [("email", "other@example.org"), ("username", "somebody")] {
        let mut body = marta();
        body[key] = value.into();
        assert_eq!(app.post("/signup", body).await, taken);
    }
}

#[tokio::test]
async fn a_name_or_an_address_that_is_only_written_differently_is_in_use() {
    let app = app();
    let mut first = marta();
    (first["username"], first["email"]) = ("\u{e9}abcde".into(), "x@b\u{fc}cher.com".into());
    let (status, answer) = app.post("/signup", first).await;
    assert_eq!(status, StatusCode::CREATED);
    let shown = (text(&answer["user"], "username"), text(&answer["user"], "email"));
    assert_eq!(shown, ("\u{c9}abcde", "x@xn--bcher-kva.com"));
    let taken = (StatusCode::BAD_REQUEST, error(400, TAKEN, AT));
    for (name, email) in [
        ("e\u{301}abcde", "other@example.org"),
        ("éａｂｃｄｅ", "other@example.org"),
        ("éabcd\u{435}", "other@example.org"),
        ("Somebody", "x@xn--bcher-kva.com"),
        ("Somebody", "x@bu\u{308}cher.com"),
        ("Somebody", "x@ｂüｃｈｅｒ．ｃｏｍ"),
    ] {
        let mut again = marta();
        (again["username"], again["email"]) = (name.into(), email.into());
        assert_eq!(app.post("/signup", again).await, taken, "{name} {email}");
    }
    for login in
        ["e\u{301}abcde", "ÉＡＢＣＤＥ", "X@bu\u{308}cher.com", "x@ｂüｃｈｅｒ．ｃｏｍ", " x@xn--bcher-kva.com "]
    {
        let (status, answer) = app.post("/signin", credentials(login, PASSWORD, "Chrome")).await;
        assert_eq!((status, &answer["user"]["id"]), (StatusCode::OK, &json!(1)), "{login}");
    }
    assert_eq!(app.store.count::<jobapp_auth::Account>(), 1);
}

async fn race(app: &App, first: Value, second: Value) -> Vec<StatusCode> {
    let (first, second) = tokio::join!(app.post("/signup", first), app.post("/signup", second));
    let mut statuses = vec![first.0, second.0];
    statuses.sort();
    statuses
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_sign_ups_at_once_with_the_same_name_or_address_one_is_refused() {
    for (key, value) in [("email", "other@example.org"), ("username", "somebody")] {
        let app = app();
        let mut second = marta();
        second[key] = value.into();
        assert_eq!(race(&app, marta(), second).await, [StatusCode::CREATED, StatusCode::BAD_REQUEST]);
        assert_eq!(app.store.count::<jobapp_auth::Account>(), 1);
    }
}

#[tokio::test]
async fn a_repeat_with_the_same_idempotency_key_answers_as_the_first_time() {
    let app = app();
    let key = [("idempotency-key", "k-1")];
    let post = |body: Value| app.call(Method::POST, "/signup", &key, Some(body));
    let (status, first) = post(marta()).await;
    assert_eq!(status, StatusCode::CREATED);
    let (status, again) = post(marta()).await;
    assert_eq!((status, &again["user"]), (StatusCode::CREATED, &first["user"]));
    for (field, value) in [("country", "Kenya"), ("password", "battery staple")] {
        let mut other = marta();
        other[field] = value.into();
        assert_eq!(post(other).await.0, StatusCode::UNPROCESSABLE_ENTITY, "{field}");
    }
    assert_eq!(app.store.count::<jobapp_auth::Account>(), 1);
}

const PIXEL: &str = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

#[tokio::test]
async fn an_outage_of_the_media_store_is_a_503_and_leaves_nothing() {
    let app = app();
    // A picture that is elsewhere stays there; this one is to be stored.
    let mut marta = marta();
    marta["profilePicture"] = PIXEL.into();
    app.media.set_away(true);
    assert_eq!(app.post("/signup", marta.clone()).await.0, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(app.store.count::<jobapp_auth::Account>(), 0);
    app.media.set_away(false);
    assert_eq!(app.post("/signup", marta).await.0, StatusCode::CREATED);
}

#[tokio::test]
async fn a_verify_link_verifies_and_repeats_its_success() {
    let app = app();
    let answer = app.marta().await;
    let token = app.last_link();
    for token in [token.clone(), format!(" {}\n{}\u{a0}", &token[..9], &token[9..])] {
        let (status, verified) = app.put("/verify-email", json!({"token": token})).await;
        assert_eq!((status, text(&verified, "message")), (StatusCode::OK, "Email verified successfully."));
        assert_eq!(verified["user"]["emailVerified"], true);
    }
    let (_, current) = app.get_as(text(&answer, "token"), "/currentuser").await;
    assert_eq!(current["user"]["emailVerified"], true);
    app.clock.advance(std::time::Duration::from_secs(601));
    let used_up =
        error(400, "Verification token is either invalid or is already used.", "VerifyEmail update() method error");
    for body in [json!({"token": token}), json!({"token": "x"}), json!({"token": {"$ne": null}}), json!({})] {
        assert_eq!(app.put("/verify-email", body).await, (StatusCode::BAD_REQUEST, used_up.clone()));
    }
}

#[tokio::test]
async fn a_verify_link_is_mailed_again_to_oneself_only() {
    let app = app();
    let answer = app.marta().await;
    let token = text(&answer, "token");
    let resend = |body: Value| app.call_as(token, Method::POST, "/resend-email", Some(body));
    let (status, resent) = resend(json!({"email": "marta@example.org", "userId": 1})).await;
    assert_eq!((status, text(&resent, "message")), (StatusCode::OK, "Email verification sent"));
    assert_eq!(resent["user"], answer["user"]);
    assert_eq!(app.mails().len(), 2);
    assert_eq!(resend(json!({"email": "marta@example.org", "userId": "1"})).await.0, StatusCode::OK);
    let (status, refused) = resend(json!({"email": "other@example.org", "userId": 1})).await;
    assert_eq!(
        (status, refused),
        (StatusCode::BAD_REQUEST, error(400, "Email is invalid", "CurrentUser resentEmail() method error"))
    );
    assert_eq!(resend(json!({"email": "marta@example.org", "userId": 2})).await.0, StatusCode::FORBIDDEN);
}
