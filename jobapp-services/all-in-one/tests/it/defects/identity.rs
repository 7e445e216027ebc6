//! One user acted as another, or nobody as somebody.

use serde_json::{Value, json};

use crate::harness::bodies::{self, PASSWORD};
use crate::harness::people::unique;
use crate::harness::{Browser, Person, Server, shared, soon};

async fn sign_in(person: &Person, password: &str) -> Browser {
    let browser = person.without_cookies();
    let body = json!({ "username": person.username, "password": password, "browserName": "Firefox",
        "deviceType": "browser" });
    browser.post("/auth/signin", body).await.says("User login successfully");
    browser
}

#[tokio::test]
async fn a_call_without_a_cookie_changed_the_password_of_who_called_last() {
    let person = shared().person().await;
    person.get("/auth/currentuser").await.says("Authenticated user");
    let body = json!({ "currentPassword": PASSWORD, "newPassword": "another horse 8" });
    person.without_cookies().put("/auth/change-password", body).await.refused(401);
    sign_in(&person, PASSWORD).await;
}

#[tokio::test]
async fn a_password_was_changed_without_the_current_one() {
    let person = shared().person().await;
    for wrong in ["wrong", "another horse 8", "Correct horse 7"] {
        let body = json!({ "currentPassword": wrong, "newPassword": "another horse 8" });
        person.put("/auth/change-password", body).await.refused_with(400, "The current password is wrong.");
    }
    sign_in(&person, PASSWORD).await;
}

#[tokio::test]
async fn renewing_anothers_session_gave_it_away_with_the_password_hash() {
    let (person, thief) = tokio::join!(shared().person(), shared().person());
    let answer = thief.get(&format!("/auth/refresh-token/{}", person.username)).await;
    answer.refused(403);
    assert!(answer.set_cookies().is_empty(), "{:?}", answer.headers);
    let own = person.get(&format!("/auth/refresh-token/{}", person.username)).await;
    own.says("Refresh token");
    for secret in ["password", "$argon2", "token\":"] {
        assert!(!own.text().contains(secret), "{secret}: {own}");
    }
}

#[tokio::test]
async fn tokens_stayed_good_after_sign_out() {
    let person = shared().person().await;
    let thief = person.copy();
    person.post("/auth/signout", json!({})).await.says("Logout successful");
    thief.get("/auth/currentuser").await.refused(401);
    thief.get("/buyer/username").await.refused(401);
}

#[tokio::test]
async fn tokens_stayed_good_after_a_change_of_the_password() {
    let person = shared().person().await;
    let thief = sign_in(&person, PASSWORD).await;
    let body = json!({ "currentPassword": PASSWORD, "newPassword": "another horse 8" });
    person.put("/auth/change-password", body).await.good();
    thief.set_cookie("session", None);
    thief.get("/auth/currentuser").await.refused(401);
}

#[tokio::test]
async fn the_secrets_were_the_same_everywhere() {
    let person = shared().person().await;
    let folder = tempfile::tempdir().unwrap();
    let elsewhere = Server::start(folder.path(), &[]);
    let name = format!("Local{}", unique());
    elsewhere.browser().post("/auth/signup", bodies::sign_up(&name, &format!("{name}@example.org"))).await.good();
    let thief = elsewhere.browser();
    for cookie in ["session", "session.refresh"] {
        thief.set_cookie(cookie, person.cookie(cookie).as_deref());
    }
    thief.get("/auth/currentuser").await.refused(401);
}

#[tokio::test]
async fn a_verify_token_was_told_to_who_had_to_prove_the_address() {
    let person = shared().person().await;
    let first = person.verify_token().await;
    let resend = json!({ "userId": person.id, "email": person.email });
    let answers = [
        person.get("/auth/currentuser").await,
        person.post("/auth/resend-email", resend).await,
        person.get(&format!("/auth/refresh-token/{}", person.username)).await,
        person.get("/bff/home").await,
    ];
    let second = soon("another link is mailed", || async {
        let token = person.verify_token().await;
        if token == first { Err(token) } else { Ok(token) }
    })
    .await;
    for answer in answers {
        answer.good();
        for secret in [&first, &second, "Token\":"] {
            assert!(!answer.text().contains(secret), "{secret}: {answer}");
        }
    }
}

#[tokio::test]
async fn sign_up_wrote_the_password_into_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &["--log", "trace"]);
    let person = server.person().await;
    sign_in(&person, PASSWORD).await;
    let session = person.cookie("session").unwrap();
    let verify_token = person.verify_token().await;
    // Later than everything before it.
    person.get("/auth/currentuser").await.good();
    let told = soon("the requests are logged", || async {
        let told = server.log();
        if told.contains("/auth/currentuser") { Ok(told) } else { Err("another log".to_owned()) }
    })
    .await;
    assert!(told.contains("/auth/signin"), "the log is not that of these requests");
    for secret in [PASSWORD, &session, &verify_token] {
        assert!(!told.contains(secret), "a secret is in the log");
    }
}

#[tokio::test]
async fn an_approval_set_the_sellers_earnings_even_of_an_order_that_does_not_exist() {
    let trade = shared().trade().await;
    let number = trade.order().await;
    let mut body: Value = trade.approval();
    body["totalEarnings"] = json!(1_000_000);
    body["completedJobs"] = json!(50);
    trade.seller.put("/order/approve-order/JO99999999999", body.clone()).await.refused(404);
    trade.seller.put(&format!("/order/approve-order/{number}"), body.clone()).await.refused(403);
    trade.deliver(&number).await;
    trade.buyer.put(&format!("/order/approve-order/{number}"), body).await.says("Order approved successfully.");
    trade.seller_gets("/completedJobs", json!(1)).await;
    trade.seller_gets("/totalEarnings", json!(16)).await;
}
