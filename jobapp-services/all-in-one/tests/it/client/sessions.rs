//! Accounts and sessions.

use serde_json::{Value, json};

use crate::harness::bodies::{self, PASSWORD};
use crate::harness::checks::{has, text};
use crate::harness::people::{token_in, unique};
use crate::harness::{Browser, Person, shared, soon};

fn credentials(person: &Person, browser: &str, device: &str) -> Value {
    json!({ "username": person.username, "password": PASSWORD, "browserName": browser, "deviceType": device })
}

/// Signs in with a browser the account is not known by; returns the browser and the code that was mailed.
async fn asked_for_a_code(person: &Person, name: &str) -> (Browser, String) {
    let before = codes(person).await;
    let browser = person.without_cookies();
    browser.post("/auth/signin", credentials(person, name, "mobile")).await.says("OTP code sent");
    let code = soon("the code is mailed", || async {
        let now = codes(person).await;
        if now.len() > before.len() { Ok(now[0].clone()) } else { Err(format!("{} codes", now.len())) }
    })
    .await;
    (browser, code)
}

async fn codes(person: &Person) -> Vec<String> {
    person.mails().await.iter().filter(|mail| mail["template"] == "otpEmail").map(|mail| text(mail, "/code")).collect()
}

#[tokio::test]
async fn the_profile_is_there_right_after_sign_up() {
    for _ in 0..5 {
        let name = format!("Quick{}", unique());
        let browser = shared().browser();
        browser.post("/auth/signup", bodies::sign_up(&name, &format!("{name}@example.org"))).await.good();
        has(&browser.get("/buyer/username").await.says("Buyer profile"), "/buyer/username", name);
    }
}

#[tokio::test]
async fn sign_up_tells_only_that_one_of_two_is_taken_and_other_answers_tell_nothing() {
    let person = shared().person().await;
    let nobody = shared().browser();
    let free = format!("free{}@example.org", unique());
    for body in [bodies::sign_up(&person.username, &free), bodies::sign_up(&format!("Free{}", unique()), &person.email)]
    {
        nobody.post("/auth/signup", body).await.refused_with(400, "Invalid credentials. Email or Username");
    }
    let known = nobody.put("/auth/forgot-password", json!({ "email": person.email })).await;
    let unknown = nobody.put("/auth/forgot-password", json!({ "email": free })).await;
    assert_eq!((known.status, known.json()), (unknown.status, unknown.json()));
    let wrong_password = json!({ "username": person.username, "password": "x", "browserName": "F", "deviceType": "b" });
    let wrong_name = json!({ "username": "Nobody99", "password": "x", "browserName": "F", "deviceType": "b" });
    let known = nobody.post("/auth/signin", wrong_password).await;
    let unknown = nobody.post("/auth/signin", wrong_name).await;
    assert_eq!((known.status, known.json()), (unknown.status, unknown.json()));
    assert_eq!(known.status, 400);
}

#[tokio::test]
async fn a_session_without_its_access_cookie_is_renewed_on_any_route() {
    let person = shared().person().await;
    for path in ["/auth/currentuser", "/buyer/username"] {
        person.set_cookie("session", None);
        let answer = person.get(path).await;
        answer.good();
        assert!(
            answer.set_cookies().iter().any(|cookie| cookie.starts_with("session=")),
            "{answer}: {:?}",
            answer.headers
        );
        assert!(person.cookie("session").is_some());
    }
    person.get("/auth/currentuser").await.says("Authenticated user");
}

#[tokio::test]
async fn tabs_that_renew_at_the_same_time_all_stay_signed_in() {
    let person = shared().person().await;
    person.set_cookie("session", None);
    let tabs: Vec<Browser> = (0..4).map(|_| person.copy()).collect();
    let calls: Vec<_> =
        tabs.iter().cloned().map(|tab| tokio::spawn(async move { tab.get("/auth/currentuser").await })).collect();
    for call in calls {
        call.await.unwrap().says("Authenticated user");
    }
    for tab in &tabs {
        tab.set_cookie("session", None);
        tab.get("/auth/currentuser").await.says("Authenticated user");
    }
}

#[tokio::test]
async fn refreshing_works_for_oneself_and_is_a_plain_error_otherwise() {
    let (person, other) = tokio::join!(shared().person(), shared().person());
    let path = format!("/auth/refresh-token/{}", person.username);
    let answer = person.get(&path).await;
    has(&answer.says("Refresh token"), "/user/username", person.username.as_str());
    assert!(answer.set_cookies().iter().any(|cookie| cookie.starts_with("session=")), "{:?}", answer.headers);
    person.get("/auth/currentuser").await.says("Authenticated user");

    other.get(&path).await.refused(403);
    has(&other.get("/auth/currentuser").await.good(), "/user/username", other.username.as_str());
    for name in ["null", "undefined", "Nobody99"] {
        let answer = person.get(&format!("/auth/refresh-token/{name}")).await;
        assert!((400..500).contains(&answer.status), "{answer}");
        answer.error();
    }
    // The client asks so when it has forgotten the name.
    let answer = person.get("/auth/refresh-token/").await;
    assert!((400..500).contains(&answer.status), "{answer}");
    answer.error();
}

#[tokio::test]
async fn asking_who_is_signed_in_is_never_limited() {
    let person = shared().person().await;
    for _ in 0..300 {
        person.get("/auth/currentuser").await.says("Authenticated user");
    }
}

#[tokio::test]
async fn sign_out_works_without_a_session_and_ends_one_by_either_cookie() {
    let nobody = shared().browser();
    for _ in 0..3 {
        let answer = nobody.post("/auth/signout", json!({})).await;
        let nothing = json!({ "message": "Logout successful", "user": {}, "sessionEnded": false });
        assert_eq!((answer.status, answer.json()), (200, nothing));
        assert!(answer.set_cookies().iter().all(|cookie| cookie.contains("Max-Age=0")), "{:?}", answer.headers);
    }
    for cookie in ["session", "session.refresh"] {
        let person = shared().person().await;
        let thief = person.copy();
        let half = person.copy();
        half.set_cookie(if cookie == "session" { "session.refresh" } else { "session" }, None);
        let out = half.post("/auth/signout", json!({})).await;
        assert_eq!(out.says("Logout successful")["sessionEnded"], true, "{out}");
        thief.set_cookie("session", None);
        thief.get("/auth/currentuser").await.refused_with(401, "Token is not available. Please login again.");
    }
    let person = shared().person().await;
    person.post("/auth/signout", json!({})).await.says("Logout successful");
    assert_eq!((person.cookie("session"), person.cookie("session.refresh")), (None, None));
    person.get("/auth/currentuser").await.refused(401);
    person.delete(&format!("/auth/logged-in-user/{}", person.username)).await.refused(401);
}

#[tokio::test]
async fn a_code_belongs_to_the_sign_in_that_asked_for_it() {
    let person = shared().person().await;
    let (browser, code) = asked_for_a_code(&person, "Opera").await;
    let path = format!("/auth/verify-otp/{code}");
    let device = json!({ "browserName": "Opera", "deviceType": "mobile" });
    let stranger = shared().browser();
    stranger.put(&path, device.clone()).await.refused_with(400, "OTP is invalid.");
    browser.get("/auth/currentuser").await.refused(401);
    has(
        &browser.put(&path, device.clone()).await.says("OTP verified successfully."),
        "/user/username",
        person.username.as_str(),
    );
    browser.get("/auth/currentuser").await.says("Authenticated user");
    // Once.
    browser.put(&path, device).await.refused_with(400, "OTP is invalid.");
}

#[tokio::test]
async fn a_code_is_taken_without_a_browser_and_guessed_only_five_times() {
    let person = shared().person().await;
    let (browser, code) = asked_for_a_code(&person, "Opera").await;
    browser.put(&format!("/auth/verify-otp/{code}"), json!({})).await.says("OTP verified successfully.");

    let (browser, code) = asked_for_a_code(&person, "Safari").await;
    let wrong = if code == "100000" { "100001" } else { "100000" };
    for _ in 0..5 {
        browser.put(&format!("/auth/verify-otp/{wrong}"), json!({})).await.refused_with(400, "OTP is invalid.");
    }
    browser.put(&format!("/auth/verify-otp/{code}"), json!({})).await.refused_with(400, "OTP is invalid.");
}

#[tokio::test]
async fn several_devices_are_remembered() {
    let person = shared().person().await;
    for name in ["Opera", "Safari"] {
        let (browser, code) = asked_for_a_code(&person, name).await;
        let device = json!({ "browserName": name, "deviceType": "mobile" });
        browser.put(&format!("/auth/verify-otp/{code}"), device).await.says("OTP verified successfully.");
    }
    for (name, device) in [("Firefox", "browser"), ("Opera", "mobile"), ("Safari", "mobile")] {
        let answer = shared().browser().post("/auth/signin", credentials(&person, name, device)).await;
        answer.says("User login successfully");
    }
}

#[tokio::test]
async fn a_sign_in_without_a_code_names_no_browser_and_one_with_a_code_does() {
    let person = shared().person().await;
    let known = shared().browser().post("/auth/signin", credentials(&person, "Firefox", "browser")).await;
    let body = known.says("User login successfully");
    assert_eq!((&body["browserName"], &body["deviceType"]), (&json!(""), &json!("")), "{known}");
    let unknown = shared().browser().post("/auth/signin", credentials(&person, "Opera", "mobile")).await;
    let body = unknown.says("OTP code sent");
    assert_eq!((&body["browserName"], &body["deviceType"]), (&json!("Firefox"), &json!("browser")), "{unknown}");
    assert!(body["user"].is_null());
    let wrong =
        json!({ "username": person.username, "password": "x", "browserName": "Firefox", "deviceType": "browser" });
    shared().browser().post("/auth/signin", wrong).await.refused_with(400, "Invalid credentials");
}

#[tokio::test]
async fn a_new_password_ends_every_session_and_is_the_only_one_that_works() {
    for by_mail in [false, true] {
        let person = shared().person().await;
        let elsewhere = shared().browser();
        elsewhere
            .post("/auth/signin", credentials(&person, "Firefox", "browser"))
            .await
            .says("User login successfully");
        let new = "another horse 8";
        if by_mail {
            person.put("/auth/forgot-password", json!({ "email": person.email })).await.good();
            let token = token_in(&person.mail("forgotPassword").await, "token=");
            let body = json!({ "password": new, "confirmPassword": new });
            shared().browser().put(&format!("/auth/reset-password/{token}"), body).await.good();
        } else {
            let body = json!({ "currentPassword": PASSWORD, "newPassword": new });
            person.put("/auth/change-password", body).await.says("Password successfully updated.");
        }
        for browser in [&elsewhere, &person.browser] {
            browser.set_cookie("session", None);
            browser.get("/auth/currentuser").await.refused(401);
        }
        let old = credentials(&person, "Firefox", "browser");
        shared().browser().post("/auth/signin", old.clone()).await.refused_with(400, "Invalid credentials");
        let mut right = old;
        right["password"] = json!(new);
        shared().browser().post("/auth/signin", right).await.says("User login successfully");
        person.mail("resetPasswordSuccess").await;
    }
}

#[tokio::test]
async fn sessions_elsewhere_are_listed_and_can_be_ended() {
    let (person, other) = tokio::join!(shared().person(), shared().person());
    let elsewhere = shared().browser();
    elsewhere.post("/auth/signin", credentials(&person, "Firefox", "browser")).await.says("User login successfully");
    let sessions = person.get("/auth/sessions").await.good()["sessions"].as_array().unwrap().clone();
    assert_eq!(sessions.len(), 2);
    let theirs = sessions.iter().find(|one| one["current"] == false).unwrap();
    has(theirs, "/browserName", "Firefox");
    let path = format!("/auth/sessions/{}", text(theirs, "/sid"));
    other.delete(&path).await.refused(404);
    for _ in 0..2 {
        person.delete(&path).await.says("Session ended");
    }
    person.delete("/auth/sessions/nothing").await.refused(404);
    elsewhere.set_cookie("session", None);
    elsewhere.get("/auth/currentuser").await.refused(401);
    person.get("/auth/currentuser").await.says("Authenticated user");
    assert_eq!(person.get("/auth/sessions").await.good()["sessions"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_verify_link_may_be_followed_twice_within_minutes() {
    let person = shared().person().await;
    let body = json!({ "token": person.verify_token().await });
    let browser = shared().browser();
    let (first, second) =
        tokio::join!(browser.put("/auth/verify-email", body.clone()), browser.put("/auth/verify-email", body));
    for answer in [first, second] {
        has(&answer.says("Email verified successfully."), "/user/emailVerified", true);
    }
    has(&person.get("/auth/currentuser").await.good(), "/user/emailVerified", true);
}

#[tokio::test]
async fn names_that_break_the_clients_paths_cannot_be_had() {
    for name in [
        "a/bcd",
        "a\\bcd",
        "ab?cd",
        "ab#cd",
        "ab%cd",
        "ab\ncd",
        "ab\u{0}cd",
        "Email",
        "USERNAME",
        "conversation",
        "conversations",
    ] {
        let body = bodies::sign_up(name, &format!("odd{}@example.org", unique()));
        shared().browser().post("/auth/signup", body).await.refused_with(400, "Invalid username");
    }
    let (first, second) = (format!("ann{}", unique()), "o'BRIEN");
    let stored = format!("Ann{}", first.trim_start_matches("ann"));
    for (typed, stored) in [(format!("{first} x"), format!("{stored} X")), (second.to_owned(), "O'brien".to_owned())] {
        let body = bodies::sign_up(&typed, &format!("odd{}@example.org", unique()));
        has(&shared().browser().post("/auth/signup", body).await.good(), "/user/username", stored);
    }
}

#[tokio::test]
async fn new_passwords_may_be_long_and_hold_any_character() {
    let name = format!("Long{}", unique());
    let password = format!("pässwörd 🦀 {}", "x".repeat(100));
    let mut body = bodies::sign_up(&name, &format!("{name}@example.org"));
    body["password"] = json!(password);
    shared().browser().post("/auth/signup", body).await.says("User created successfully");
    let body = json!({ "username": name, "password": password, "browserName": "Firefox", "deviceType": "browser" });
    shared().browser().post("/auth/signin", body).await.says("User login successfully");
}
