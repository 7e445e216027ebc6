//! Accounts and sessions.

use serde_json::json;

use super::{Case, body, check, gone, optional_text, own_words, set};
use crate::harness::bodies::{self, PASSWORD};
use crate::harness::people::{token_in, unique};
use crate::harness::shared;

const TOO_SHORT: &str = "Password must have at least 8 characters.";
const TOO_LONG: &str = "Password must have at most 128 characters.";
const TOO_COMMON: &str = "This password is too common. Please choose another one.";
const WRONG: &str = "The current password is wrong.";

fn device() -> Vec<Case> {
    [optional_text("/browserName"), optional_text("/deviceType")].concat()
}

/// The same text as an input method for Chinese or Japanese writes it.
fn in_full_width(text: &str) -> String {
    text.chars().map(|c| char::from_u32(u32::from(c) + 0xfee0).filter(|_| c.is_ascii_graphic()).unwrap_or(c)).collect()
}

#[tokio::test]
async fn sign_up() {
    let taken = shared().person().await;
    let name = format!("Fresh{}", unique());
    let valid = bodies::sign_up(&name, &format!("{name}@example.org"));
    let username = own_words(
        "/username",
        "Username must be of type string",
        "Username is a required field",
        "\"username\" is required",
    );
    let password = own_words(
        "/password",
        "Password must be of type string",
        "Password is a required field",
        "\"password\" is required",
    );
    let country = own_words(
        "/country",
        "Country must be of type string",
        "Country is a required field",
        "\"country\" is required",
    );
    let email =
        own_words("/email", "Email must be of type string", "Email is a required field", "\"email\" is required");
    let picture = own_words(
        "/profilePicture",
        "Please add a profile picture",
        "Profile picture is required",
        "\"profilePicture\" is required",
    );
    let own = vec![
        set("/username", "abc", "Invalid username"),
        set("/username", "abcdefghijklm", "Invalid username"),
        set("/password", "seven77", TOO_SHORT),
        set("/password", "x".repeat(129), TOO_LONG),
        set("/password", "password1", TOO_COMMON),
        set("/password", "12345678", TOO_COMMON),
        set("/password", "😀😁😂😃", TOO_SHORT),
        set("/username", "mar\u{3164}ta", "Invalid username"),
        set("/username", "mar\u{2800}ta", "Invalid username"),
        set("/username", "q@ab.co", "Invalid username"),
        set("/username", "evil.com", "Invalid username"),
        set("/email", "jörg@example.org", "Invalid email"),
        set("/email", "nobody", "Invalid email"),
        set("/email", "a@b.local", "Invalid email"),
        set("/email", "a@localhost", "Invalid email"),
        set("/email", "a b@example.org", "Invalid email"),
        set("/profilePicture", "no picture", "File upload error. Try again"),
        set("/profilePicture", "data:image/png;base64,%%%", "File upload error. Try again"),
        set("/isAdmin", true, "\"isAdmin\" is not allowed"),
        set("/id", 1, "\"id\" is not allowed"),
        set("/username", taken.username.as_str(), "Invalid credentials. Email or Username"),
        set("/username", taken.username.to_uppercase(), "Invalid credentials. Email or Username"),
        set("/username", in_full_width(&taken.username), "Invalid credentials. Email or Username"),
        set("/email", taken.email.to_uppercase(), "Invalid credentials. Email or Username"),
        set("/email", in_full_width(&taken.email), "Invalid credentials. Email or Username"),
        body(json!({}), "\"username\" is required"),
        body(json!([]), "\"username\" is required"),
        body(json!({ "x": 1 }), "\"username\" is required"),
        body(json!({ "username": "Fresh1", "x": 1 }), "\"password\" is required"),
    ];
    let cases = [username, password, country, email, picture, device(), own].concat();
    check(&shared().browser(), "POST", "/auth/signup", &valid, "SignUp create() method error", cases).await;
}

#[tokio::test]
async fn sign_up_without_a_browser_or_device_gets_a_default() {
    let name = format!("Plain{}", unique());
    let mut body = bodies::sign_up(&name, &format!("{name}@example.org"));
    body.as_object_mut().unwrap().retain(|key, _| key != "browserName" && key != "deviceType");
    let browser = shared().browser();
    browser.post("/auth/signup", body).await.says("User created successfully");
    browser.get("/auth/currentuser").await.says("Authenticated user");
}

#[tokio::test]
async fn sign_in() {
    let person = shared().person().await;
    let valid =
        json!({ "username": person.username, "password": PASSWORD, "browserName": "Firefox", "deviceType": "browser" });
    let username = own_words(
        "/username",
        "Username must be of type string",
        "Username is a required field",
        "\"username\" is required",
    );
    let password = own_words(
        "/password",
        "Password must be of type string",
        "Password is a required field",
        "\"password\" is required",
    );
    let own = vec![
        set("/username", "abc", "Invalid username"),
        set("/username", "abcdefghijklm", "Invalid username"),
        // Not by length: a password somebody has may be as short as it was allowed to be.
        set("/password", "x", "Invalid credentials"),
        set("/password", "x".repeat(200), "Invalid credentials"),
        set("/username", "Nobody77", "Invalid credentials"),
        set("/username", "nobody77@example.org", "Invalid credentials"),
        set("/remember", true, "\"remember\" is not allowed"),
        body(json!({}), "\"username\" is required"),
        body(json!({ "username": { "$ne": null }, "password": { "$ne": null } }), "Username must be of type string"),
    ];
    let cases = [username, password, device(), own].concat();
    check(&shared().browser(), "POST", "/auth/signin", &valid, "SignIn read() method error", cases).await;

    let mut by_address = valid.clone();
    by_address["username"] = json!(person.email.to_uppercase());
    shared().browser().post("/auth/signin", by_address).await.says("User login successfully");
    let mut by_any_case = valid;
    by_any_case["username"] = json!(person.username.to_uppercase());
    shared().browser().post("/auth/signin", by_any_case).await.says("User login successfully");
}

#[tokio::test]
async fn verify_email() {
    let person = shared().person().await;
    let text = "Verification token is either invalid or is already used.";
    let valid = json!({ "token": person.verify_token().await });
    let cases = vec![
        set("/token", "0123456789abcdef0123456789abcdef01234567", text),
        set("/token", "", text),
        set("/token", json!({ "$ne": null }), text),
        set("/token", json!(null), text),
        gone("/token", text),
    ];
    check(&shared().browser(), "PUT", "/auth/verify-email", &valid, "VerifyEmail update() method error", cases).await;
}

#[tokio::test]
async fn verify_otp() {
    let nobody = shared().browser();
    for code in ["123456", "abc", "%7B%22$ne%22:null%7D"] {
        let answer =
            nobody.put(&format!("/auth/verify-otp/{code}"), json!({ "browserName": "F", "deviceType": "b" })).await;
        let error = answer.refused_with(400, "OTP is invalid.");
        assert_eq!(error["comingFrom"], "VerifyOTP updateOTP() method error");
    }
}

#[tokio::test]
async fn forgot_password() {
    let person = shared().person().await;
    let valid = json!({ "email": person.email });
    let mut cases =
        own_words("/email", "Field must be valid", "\"email\" is not allowed to be empty", "\"email\" is required");
    cases.push(set("/email", "nobody", "Field must be valid"));
    cases.push(set("/email", "a@localhost", "Field must be valid"));
    let from = "Password forgotPassword() method error";
    check(&shared().browser(), "PUT", "/auth/forgot-password", &valid, from, cases).await;
}

#[tokio::test]
async fn reset_password() {
    let person = shared().person().await;
    person.put("/auth/forgot-password", json!({ "email": person.email })).await.says("Password reset email sent.");
    let token = token_in(&person.mail("forgotPassword").await, "token=");
    // The client sends the token, too; it is in the path.
    let valid = json!({ "password": "another horse 8", "confirmPassword": "another horse 8", "token": token });
    let mut cases = own_words(
        "/password",
        "Password should be of type string",
        "Password is a required field",
        "\"password\" is required",
    );
    cases.extend([
        set("/password", "seven77", TOO_SHORT),
        set("/password", "x".repeat(129), TOO_LONG),
        set("/password", "another horse 9", "Passwords should match"),
        set("/confirmPassword", "another horse 9", "Passwords should match"),
        set("/confirmPassword", json!({ "$ne": null }), "Passwords should match"),
        gone("/confirmPassword", "Confirm password is a required field"),
        body(json!({ "password": "password1", "confirmPassword": "password1" }), TOO_COMMON),
    ]);
    let from = "Password resetPassword() method error";
    let path = format!("/auth/reset-password/{token}");
    check(&shared().browser(), "PUT", &path, &valid, from, cases).await;

    for used in [token.as_str(), "0123456789abcdef0123456789abcdef01234567"] {
        let answer = shared().browser().put(&format!("/auth/reset-password/{used}"), valid.clone()).await;
        let error = answer.refused_with(400, "Reset token has expired");
        assert_eq!(error["comingFrom"], from);
    }
}

#[tokio::test]
async fn change_password() {
    let person = shared().person().await;
    let valid = json!({ "currentPassword": PASSWORD, "newPassword": "another horse 8" });
    let current = own_words(
        "/currentPassword",
        "Password should be of type string",
        "Password is a required field",
        "\"currentPassword\" is required",
    );
    let new = own_words(
        "/newPassword",
        "Password should be of type string",
        "Password is a required field",
        "\"newPassword\" is required",
    );
    let own = vec![
        set("/newPassword", "seven77", TOO_SHORT),
        set("/newPassword", "x".repeat(129), TOO_LONG),
        set("/newPassword", "password1", TOO_COMMON),
        // A wrong one, whatever its length.
        set("/currentPassword", "x", WRONG),
        set("/currentPassword", "another horse 1", WRONG),
    ];
    let cases = [current, new, own].concat();
    check(&person, "PUT", "/auth/change-password", &valid, "Password changePassword() method error", cases).await;
}

#[tokio::test]
async fn keys_the_gateway_does_not_pass_on_are_ignored() {
    let person = shared().person().await;
    let token = person.verify_token().await;
    let more = json!({ "$where": "1", "x": [] });
    let body = json!({ "token": token, "more": more });
    person.put("/auth/verify-email", body).await.says("Email verified successfully.");
    let body = json!({ "email": person.email, "more": more });
    person.put("/auth/forgot-password", body).await.says("Password reset email sent.");
    let body = json!({ "price": 20, "buyerId": person.buyer_id, "more": more });
    person.post("/order/create-payment-intent", body).await.says("Order intent created successfully.");
    let body = json!({ "currentPassword": PASSWORD, "newPassword": "another horse 8", "more": more });
    person.put("/auth/change-password", body).await.says("Password successfully updated.");
}

#[tokio::test]
async fn resend_email() {
    let (person, other) = tokio::join!(shared().person(), shared().person());
    let valid = json!({ "userId": person.id, "email": person.email });
    let cases = vec![
        set("/email", other.email.as_str(), "Email is invalid"),
        set("/email", json!({ "$ne": null }), "Email is invalid"),
    ];
    check(&person, "POST", "/auth/resend-email", &valid, "CurrentUser resentEmail() method error", cases).await;

    let answer = person.post("/auth/resend-email", json!({ "userId": other.id, "email": person.email })).await;
    assert!(matches!(answer.status, 400 | 403), "{answer}");
    answer.error();
    let as_text = json!({ "userId": person.id.to_string(), "email": person.email });
    person.post("/auth/resend-email", as_text).await.says("Email verification sent");
}
