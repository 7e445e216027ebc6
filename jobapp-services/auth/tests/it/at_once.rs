//! Many calls about one account at once: each is answered as if it came alone, and nobody is told of the others.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::future::join_all;
use http::{Method, StatusCode};
use jobapp_auth::{Account, PendingSignIn};
use jobapp_auth_service::{AuthConfig, AuthService};
use jobapp_platform::Service;
use serde_json::json;

use crate::app::{Answer, App, PASSWORD, app, app_with, credentials, error, ports, text};

/// How many answers there were of each kind: status and text.
fn counted(answers: impl IntoIterator<Item = Answer>) -> BTreeMap<(u16, String), usize> {
    let mut counts = BTreeMap::new();
    for (status, body) in answers {
        *counts.entry((status.as_u16(), text(&body, "message").to_owned())).or_default() += 1;
    }
    counts
}

fn all(count: usize, status: u16, message: &str) -> BTreeMap<(u16, String), usize> {
    BTreeMap::from([((status, message.to_owned()), count)])
}

/// The same accounts, as another process serves them.
fn in_another_process(app: &App) -> App {
    let store = app.store.of_another_process();
    let service = AuthService::new(ports(&store, Arc::clone(&app.clock)), AuthConfig::default());
    App {
        router: service.router(),
        service,
        store,
        media: Arc::clone(&app.media),
        clock: Arc::clone(&app.clock),
        gateway: app.gateway.clone(),
    }
}

async fn forgotten(apps: &[&App], email: &str, count: usize) -> Vec<Answer> {
    let calls = apps.iter().cycle().take(count).map(|app| app.put("/forgot-password", json!({ "email": email })));
    join_all(calls).await
}

#[tokio::test]
async fn forgetting_at_once_is_answered_alike_for_known_and_unknown_addresses() {
    let app = app();
    app.marta().await;
    let there = in_another_process(&app);
    for processes in [&[&app][..], &[&app, &there]] {
        for count in [9, 50] {
            let known = forgotten(processes, "marta@example.org", count).await;
            let unknown = forgotten(processes, "nobody@example.org", count).await;
            let expected = (StatusCode::OK, json!({"message": "Password reset email sent."}));
            assert!(known.iter().all(|answer| *answer == expected), "{count}: {known:?}");
            assert_eq!(known, unknown);
        }
    }
    assert_eq!(app.mails().iter().filter(|mail| mail.template == "forgotPassword").count(), 2 * (9 + 50));
    // The last link of them all is good.
    let body = json!({"password": "battery staple", "confirmPassword": "battery staple"});
    assert_eq!(app.put(&format!("/reset-password/{}", app.last_link()), body).await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_link_that_is_followed_many_times_at_once_sets_one_password() {
    let app = app();
    app.marta().await;
    app.put("/forgot-password", json!({"email": "marta@example.org"})).await;
    let path = format!("/reset-password/{}", app.last_link());
    let body = json!({"password": "battery staple", "confirmPassword": "battery staple"});
    let answers = join_all((0..20).map(|_| app.put(&path, body.clone()))).await;
    let mut expected = all(19, 400, "Reset token has expired");
    expected.extend(all(1, 200, "Password successfully updated."));
    assert_eq!(counted(answers), expected);
}

#[tokio::test]
async fn verify_links_asked_for_and_followed_at_once_all_work() {
    let app = app();
    let signed_up = app.marta().await;
    let token = text(&signed_up, "token");
    let there = in_another_process(&app);
    let body = json!({"email": "marta@example.org", "userId": 1});
    let calls = [&app, &there].into_iter().cycle().take(20);
    let resent = join_all(calls.map(|app| app.call_as(token, Method::POST, "/resend-email", Some(body.clone())))).await;
    assert_eq!(counted(resent), all(20, 200, "Email verification sent"));
    let link = json!({"token": app.last_link()});
    let calls = [&app, &there].into_iter().cycle().take(20);
    let verified = join_all(calls.map(|app| app.put("/verify-email", link.clone()))).await;
    assert_eq!(counted(verified), all(20, 200, "Email verified successfully."));
}

async fn code_sent(app: &App) -> (String, String) {
    let (_, answer) = app.post("/signin", credentials("Marta", PASSWORD, "Firefox")).await;
    (text(&answer, "pendingToken").to_owned(), app.mails().pop().unwrap().otp.unwrap())
}

async fn codes_entered(app: &App, pending: &str, code: &str) -> Vec<Answer> {
    let (path, headers) = (format!("/verify-otp/{code}"), [("x-pending-token", pending)]);
    join_all((0..20).map(|_| app.call(Method::PUT, &path, &headers, Some(json!({}))))).await
}

#[tokio::test]
async fn a_code_that_is_entered_many_times_at_once_is_good_once() {
    let app = app();
    app.marta().await;
    let (pending, code) = code_sent(&app).await;
    let answers = codes_entered(&app, &pending, &code).await;
    let mut expected = all(19, 400, "OTP is invalid.");
    expected.extend(all(1, 200, "OTP verified successfully."));
    assert_eq!(counted(answers), expected);
}

#[tokio::test]
async fn wrong_codes_at_once_are_wrong_and_count() {
    let app = app();
    app.marta().await;
    let (pending, code) = code_sent(&app).await;
    let wrong = if code == "000000" { "000001" } else { "000000" };
    assert_eq!(counted(codes_entered(&app, &pending, wrong).await), all(20, 400, "OTP is invalid."));
    assert_eq!(counted(codes_entered(&app, &pending, &code).await), all(20, 400, "OTP is invalid."));
}

#[tokio::test]
async fn sign_ins_at_once_are_mailed_no_more_codes_than_one_after_the_other() {
    let app = app_with(AuthConfig { codes_per_hour: 2, ..AuthConfig::default() });
    app.marta().await;
    let sign_in = || app.post("/signin", credentials("Marta", PASSWORD, "Firefox"));
    let answers = counted(join_all((0..5).map(|_| sign_in())).await);
    let mut expected = all(2, 200, "OTP code sent");
    expected.extend(all(3, 429, "Too many codes were sent. Please try again later."));
    assert_eq!(answers, expected);
    assert_eq!(app.store.count::<PendingSignIn>(), 2);
}

#[tokio::test]
async fn guesses_and_changes_of_a_password_at_once_are_answered_in_the_words_of_the_business() {
    let app = app();
    let signed_up = app.marta().await;
    let wrong = join_all((0..20).map(|_| app.post("/signin", credentials("Marta", "wrong", "Chrome")))).await;
    for ((status, message), _) in counted(wrong) {
        let is_named = matches!(
            (status, message.as_str()),
            (400, "Invalid credentials") | (429, "Too many attempts. Please try again later.")
        );
        assert!(is_named, "{status} {message}");
    }
    let token = text(&signed_up, "token");
    let body = json!({"currentPassword": PASSWORD, "newPassword": "battery staple"});
    let change = || app.call_as(token, Method::PUT, "/change-password", Some(body.clone()));
    let changed = counted(join_all((0..20).map(|_| change())).await);
    assert_eq!(changed[&(200, "Password successfully updated.".to_owned())], 1, "{changed:?}");
    assert!(changed.keys().all(|(status, _)| matches!(status, 200 | 400 | 401 | 429)), "{changed:?}");
}

#[tokio::test]
async fn signing_out_and_up_many_times_at_once_is_answered_in_the_words_of_the_business() {
    let app = app();
    let sign_ups = join_all((0..20).map(|_| app.post("/signup", crate::app::marta()))).await;
    let (made, refused): (Vec<_>, Vec<_>) =
        sign_ups.into_iter().partition(|(status, _)| *status == StatusCode::CREATED);
    assert_eq!((made.len(), app.store.count::<Account>()), (1, 1));
    let taken = error(400, "Invalid credentials. Email or Username", text(&refused[0].1, "comingFrom"));
    assert!(refused.iter().all(|answer| *answer == (StatusCode::BAD_REQUEST, taken.clone())), "{refused:?}");
    let token = text(&made[0].1, "token");
    let sign_out = || app.call_as(token, Method::POST, "/session/end", Some(json!({})));
    let out = join_all((0..20).map(|_| sign_out())).await;
    assert!(out.iter().all(|(status, _)| *status == StatusCode::OK), "{out:?}");
}
