//! Users, buyers and sellers.

use serde_json::json;

use super::Is::{self, Bool, Date, Id, Ids, Null, Number, Object, Objects, Text, Texts, Url, Uuid, Whole, Words};
use super::{STARS, looks_like};
use crate::harness::checks::{keys, list, text};
use crate::harness::{bodies, shared};

const USER: &[(&str, Is)] = &[
    ("id", Whole),
    ("username", Words),
    ("email", Words),
    ("profilePublicId", Uuid),
    ("country", Words),
    ("profilePicture", Url),
    ("emailVerified", Bool),
    ("createdAt", Date),
    ("updatedAt", Date),
];

#[tokio::test]
async fn a_user_has_no_secrets() {
    let person = shared().person().await;
    let token = person.verify_token().await;
    let credentials = json!({ "username": person.username, "password": bodies::PASSWORD, "browserName": "Firefox",
        "deviceType": "browser" });
    let name = format!("Docu{}", crate::harness::people::unique());
    let sign_up = bodies::sign_up(&name, &format!("{name}@example.org"));
    for answer in [
        person.without_cookies().post("/auth/signup", sign_up).await,
        person.without_cookies().post("/auth/signin", credentials).await,
        person.get("/auth/currentuser").await,
        person.get(&format!("/auth/refresh-token/{}", person.username)).await,
        person.put("/auth/verify-email", json!({ "token": token })).await,
        person.post("/auth/resend-email", json!({ "userId": person.id, "email": person.email })).await,
    ] {
        looks_like(&answer.good()["user"], USER);
    }
}

#[tokio::test]
async fn the_user_after_a_code_has_no_secrets() {
    let person = shared().person().await;
    let browser = person.without_cookies();
    let body = json!({ "username": person.username, "password": bodies::PASSWORD, "browserName": "Opera", "deviceType": "mobile" });
    let asked = browser.post("/auth/signin", body).await.says("OTP code sent");
    assert_eq!(keys(&asked), ["browserName", "deviceType", "hint", "message", "user"]);
    assert!(asked["user"].is_null(), "{asked}");
    let code = text(&person.mail("otpEmail").await, "/code");
    let device = json!({ "browserName": "Opera", "deviceType": "mobile" });
    let answer = browser.put(&format!("/auth/verify-otp/{code}"), device).await;
    looks_like(&answer.good()["user"], USER);
}

#[tokio::test]
async fn a_buyer_is_whole_to_oneself_and_public_to_others() {
    const PUBLIC: &[(&str, Is)] =
        &[("_id", Id), ("username", Words), ("profilePicture", Url), ("country", Words), ("isSeller", Bool)];
    const OWN: &[(&str, Is)] = &[
        ("_id", Id),
        ("username", Words),
        ("email", Words),
        ("profilePicture", Url),
        ("country", Words),
        ("isSeller", Bool),
        ("purchasedGigs", Ids),
        ("createdAt", Date),
    ];
    let (person, other) = tokio::join!(shared().person(), shared().person());
    for path in ["/buyer/username".to_owned(), "/buyer/email".to_owned(), format!("/buyer/{}", person.username)] {
        looks_like(&person.get(&path).await.good()["buyer"], OWN);
    }
    looks_like(&other.get(&format!("/buyer/{}", person.username)).await.good()["buyer"], PUBLIC);
}

const SELLER: &[(&str, Is)] = &[
    ("_id", Id),
    ("fullName", Words),
    ("username", Words),
    ("profilePicture", Url),
    ("description", Words),
    ("profilePublicId", Text),
    ("oneliner", Words),
    ("country", Words),
    ("languages", Objects(&[("_id", Id), ("language", Words), ("level", Words)])),
    ("skills", Texts),
    ("ratingsCount", Whole),
    ("ratingSum", Whole),
    ("ratingCategories", Object(STARS)),
    ("responseTime", Number),
    ("recentDelivery", Null),
    (
        "experience",
        Objects(&[
            ("_id", Id),
            ("company", Text),
            ("title", Text),
            ("startDate", Text),
            ("endDate", Text),
            ("description", Text),
            ("currentlyWorkingHere", Bool),
        ]),
    ),
    (
        "education",
        Objects(&[
            ("_id", Id),
            ("country", Text),
            ("university", Text),
            ("title", Text),
            ("major", Text),
            ("year", Text),
        ]),
    ),
    ("socialLinks", Texts),
    ("certificates", Objects(&[("_id", Id), ("name", Text), ("from", Text), ("year", Whole)])),
    ("ongoingJobs", Whole),
    ("completedJobs", Whole),
    ("totalGigs", Whole),
    ("createdAt", Date),
];
const SELLER_ONLY: [(&str, Is); 3] = [("email", Words), ("cancelledJobs", Whole), ("totalEarnings", Number)];

#[tokio::test]
async fn a_seller_is_whole_to_oneself_and_public_to_others() {
    let (seller, other) = tokio::join!(shared().seller(), shared().person());
    let own: Vec<(&str, Is)> = SELLER.iter().copied().chain(SELLER_ONLY).collect();
    for path in [format!("/seller/id/{}", seller.seller_id), format!("/seller/username/{}", seller.username)] {
        looks_like(&seller.get(&path).await.good()["seller"], &own);
    }
    let update = seller.put(&format!("/seller/{}", seller.seller_id), bodies::seller(&seller.email)).await;
    looks_like(&update.good()["seller"], &own);
    looks_like(&other.get(&format!("/seller/id/{}", seller.seller_id)).await.good()["seller"], SELLER);
    for one in list(&other.get("/seller/random/3").await.good(), "/sellers") {
        let mut public = one.clone();
        // Another test's seller may have delivered already.
        public["recentDelivery"] = json!(null);
        looks_like(&public, SELLER);
    }
}
