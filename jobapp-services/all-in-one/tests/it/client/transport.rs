//! Cookies, origins, media and sizes.

use serde_json::json;

use crate::harness::bodies::{self, PASSWORD, PICTURE};
use crate::harness::checks::text;
use crate::harness::people::unique;
use crate::harness::{Answer, Browser, shared};

/// Where the browser client lives by default.
const CLIENT: &str = "http://localhost:3000";

#[tokio::test]
async fn cookies_fit_a_client_on_localhost_and_cannot_be_read_by_scripts() {
    let name = format!("Cookie{}", unique());
    let browser = shared().browser();
    let answer = browser.post("/auth/signup", bodies::sign_up(&name, &format!("{name}@example.org"))).await;
    answer.good();
    let cookies = answer.set_cookies();
    let names: Vec<&str> = cookies.iter().map(|cookie| cookie.split('=').next().unwrap()).collect();
    assert_eq!(names[..2], ["session", "session.refresh"]);
    let mut ages = Vec::new();
    for cookie in &cookies {
        let parts: Vec<&str> = cookie.split("; ").skip(1).collect();
        for part in ["Path=/", "HttpOnly", "SameSite=Lax"] {
            assert!(parts.contains(&part), "{part}: {cookie}");
        }
        assert!(!parts.contains(&"Secure"), "{cookie}");
        ages.push(parts.iter().find(|part| part.starts_with("Max-Age=")).unwrap().to_string());
    }
    // A session is not outlived by its means of renewal, nor the other way round.
    assert_eq!(ages[..2], ["Max-Age=604800", "Max-Age=604800"]);

    let body = json!({ "username": name, "password": PASSWORD, "browserName": "Opera", "deviceType": "mobile" });
    let pending = browser.post("/auth/signin", body).await;
    pending.says("OTP code sent");
    let cookie = pending.set_cookies().into_iter().find(|cookie| cookie.starts_with("session.pending=")).unwrap();
    assert!(cookie.contains("HttpOnly") && cookie.contains("Max-Age=600"), "{cookie}");
}

#[tokio::test]
async fn cookies_are_secure_where_the_public_address_is() {
    let folder = tempfile::tempdir().unwrap();
    let server = crate::harness::Server::start(
        folder.path(),
        &["--public-url", "https://api.example.org", "--client-url", "https://app.example.net"],
    );
    let browser = server.browser();
    let answer = browser.post("/auth/signup", bodies::sign_up("Anna", "anna@example.org")).await;
    answer.good();
    for cookie in answer.set_cookies() {
        assert!(cookie.contains("; Secure; SameSite=None"), "{cookie}");
    }
}

fn from(browser: &Browser, method: &str, path: &str, origin: &str) -> reqwest::RequestBuilder {
    browser.request(method, &format!("/api/gateway/v1{path}")).header("origin", origin)
}

#[tokio::test]
async fn a_preflight_is_answered_before_anything_else() {
    let nobody = shared().browser();
    for path in ["/auth/currentuser", "/gig/create", "/nothing"] {
        let request = from(&nobody, "OPTIONS", path, CLIENT)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "content-type,accept");
        let answer = nobody.send(request).await;
        assert_eq!((answer.status, answer.bytes.len()), (204, 0), "{answer}");
        assert_eq!(answer.header("access-control-allow-origin"), CLIENT);
        assert_eq!(answer.header("access-control-allow-credentials"), "true");
        assert_eq!(answer.header("access-control-allow-methods"), "GET,POST,PUT,DELETE,OPTIONS,PATCH");
        let allowed = answer.header("access-control-allow-headers").to_lowercase();
        for name in ["content-type", "authorization", "x-requested-with", "accept", "origin"] {
            assert!(allowed.split(',').any(|own| own.trim() == name), "{name}: {allowed}");
        }
        assert_eq!(answer.header("access-control-max-age"), "86400");
        assert!(varies(&answer).contains("origin"), "{:?}", answer.headers);
    }
}

fn varies(answer: &Answer) -> String {
    let values = answer.headers.get_all("vary").iter().map(|value| value.to_str().unwrap().to_lowercase());
    values.collect::<Vec<_>>().join(",")
}

#[tokio::test]
async fn every_answer_lets_the_client_read_it_with_credentials() {
    let person = shared().person().await;
    let nobody = shared().browser();
    let huge = "x".repeat(300 * 1024);
    for (wanted, browser, request) in [
        (200, &person.browser, from(&person, "GET", "/auth/currentuser", CLIENT)),
        (401, &nobody, from(&nobody, "GET", "/auth/currentuser", CLIENT)),
        (404, &person.browser, from(&person, "GET", "/nothing", CLIENT)),
        (400, &nobody, from(&nobody, "POST", "/auth/signin", CLIENT).json(&json!({}))),
        (
            400,
            &nobody,
            from(&nobody, "POST", "/auth/signin", CLIENT).header("content-type", "application/json").body("{"),
        ),
        (413, &nobody, from(&nobody, "POST", "/auth/signin", CLIENT).json(&json!({ "username": huge }))),
        (403, &person.browser, from(&person, "GET", "/auth/refresh-token/Nobody99", CLIENT)),
        (200, &nobody, nobody.request("GET", "/").header("origin", CLIENT)),
        (404, &nobody, nobody.request("GET", "/nothing").header("origin", CLIENT)),
    ] {
        let answer = browser.send(request).await;
        assert_eq!(answer.status, wanted, "{answer}");
        assert_eq!(answer.header("access-control-allow-origin"), CLIENT, "{answer}");
        assert_eq!(answer.header("access-control-allow-credentials"), "true", "{answer}");
        assert!(varies(&answer).contains("origin"), "{answer}");
        // The client throws where there is no JSON to read.
        answer.json();
    }
}

#[tokio::test]
async fn a_foreign_origin_writes_nothing_and_reads_nothing() {
    let person = shared().person().await;
    for origin in [
        "http://evil.example",
        "http://localhost:3001",
        "https://localhost:3000",
        "null",
        "http://localhost:3000.evil.example",
    ] {
        let write = person.send(from(&person, "POST", "/auth/signout", origin).json(&json!({}))).await;
        assert_eq!(write.status, 403, "{write}");
        let body = write.json();
        assert_eq!((&body["message"], &body["origin"]), (&json!("Not allowed by CORS"), &json!(origin)), "{body}");
        assert!(write.set_cookies().is_empty());
        assert_eq!(write.header("access-control-allow-origin"), "");
        let preflight =
            from(&person, "OPTIONS", "/auth/signout", origin).header("access-control-request-method", "POST");
        assert_eq!(person.send(preflight).await.status, 403);
        let read = person.send(from(&person, "GET", "/auth/currentuser", origin)).await;
        assert_eq!(read.header("access-control-allow-origin"), "", "{read}");
    }
    person.get("/auth/currentuser").await.says("Authenticated user");
    // Without an origin, and from the client's.
    person.put("/message/offer", json!({})).await.error();
    let own = from(&person, "POST", "/order/create-payment-intent", CLIENT).json(&json!({ "price": 20 }));
    person.send(own).await.says("Order intent created successfully.");
}

#[tokio::test]
async fn media_need_no_session_and_may_be_shown_anywhere() {
    let person = shared().person().await;
    let picture = text(&person.get("/auth/currentuser").await.good(), "/user/profilePicture");
    let nobody = shared().browser();
    let answer = nobody.send(nobody.request("GET", &picture).header("origin", CLIENT)).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "image/png"), "{answer}");
    assert!(matches!(answer.header("access-control-allow-origin"), "*" | CLIENT), "{:?}", answer.headers);
    // A host has a place of its own, and answers as it does.
    if shared().serves_media() {
        assert_eq!(answer.header("cross-origin-resource-policy"), "cross-origin");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert!(answer.header("content-security-policy").contains("sandbox"), "{:?}", answer.headers);
    }
    assert!(answer.set_cookies().is_empty());
    // Nobody guesses a name.
    let name = picture.rsplit('/').next().unwrap();
    assert!(name.split('.').next().unwrap().len() >= 32, "{name}");
    for path in ["/media/", "/media/..%2Fsecrets.toml", "/media/../secrets.toml", "/media/0000.png"] {
        let answer = nobody.send(nobody.request("GET", path)).await;
        assert_eq!(answer.status, 404, "{answer}");
    }
}

#[tokio::test]
async fn a_file_of_twenty_megabytes_is_sent_and_delivered() {
    let trade = shared().trade().await;
    let bytes = 20 * 1024 * 1024 / 4 * 3;
    let file = format!("data:application/zip;base64,{}", "UEsDBAAA".repeat(bytes / 6));
    let mut message = trade.message(true, None, "All of it");
    message["file"] = json!(file);
    message["fileType"] = json!("zip");
    message["fileName"] = json!("all.zip");
    message["fileSize"] = json!("15 MB");
    let answer = trade.buyer.post("/message", message).await.says("Message added");
    let url = text(&answer, "/messageData/file");
    assert!(url.ends_with(".zip"), "{url}");
    let nobody = shared().browser();
    assert_eq!(nobody.send(nobody.request("GET", &url)).await.bytes.len(), bytes / 6 * 6);
    let number = trade.order().await;
    let body =
        json!({ "message": "All of it", "file": file, "fileType": "zip", "fileSize": bytes, "fileName": "all.zip" });
    trade.seller.put(&format!("/order/deliver-order/{number}"), body).await.says("Order delivered successfully.");
}

#[tokio::test]
async fn a_picture_may_be_large_but_not_without_end() {
    let seller = shared().seller().await;
    let mut body = bodies::gig(&seller.seller_id, "Large", 20.0);
    // A picture followed by bytes that do not disturb it.
    body["coverImage"] = json!(format!("{}{}", &PICTURE[..PICTURE.len() - 4], "AAAA".repeat(1024 * 1024)));
    let answer = seller.post("/gig/create", body.clone()).await;
    assert!(answer.status == 201 || answer.status == 400, "{answer}");
    body["coverImage"] = json!(format!("data:image/png;base64,{}", "AAAA".repeat(5 * 1024 * 1024)));
    seller.post("/gig/create", body).await.refused(413);
}
