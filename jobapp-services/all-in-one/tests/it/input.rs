//! Bad input: each has a clear answer, and the server goes on as before.

use serde_json::{Value, json};

use crate::harness::bodies::{self, PASSWORD};
use crate::harness::checks::{has, text};
use crate::harness::people::unique;
use crate::harness::raw::{Raw, RawAnswer};
use crate::harness::{Browser, shared, soon};

const SIGN_IN: &str = "/api/gateway/v1/auth/signin";

fn typed(browser: &Browser, path: &str, content_type: &str, body: impl Into<reqwest::Body>) -> reqwest::RequestBuilder {
    browser.request("POST", path).header("content-type", content_type).body(body)
}

/// Checks that a raw answer is an error in the form of every error.
#[track_caller]
fn is_error(answer: &RawAnswer, status: u16) {
    assert_eq!(answer.status, status, "{answer:?}");
    assert!(answer.head.contains("content-type: application/json"), "{answer:?}");
    let body: Value = serde_json::from_str(&answer.body).unwrap_or_else(|error| panic!("{error}: {answer:?}"));
    assert_eq!((&body["statusCode"], &body["status"]), (&json!(status), &json!("error")), "{answer:?}");
}

#[tokio::test]
async fn malformed_json_is_refused_on_every_kind_of_route() {
    let person = shared().person().await;
    for path in [
        "/auth/signin",
        "/auth/signup",
        "/seller/create",
        "/gig/create",
        "/message",
        "/order",
        "/order/create-payment-intent",
        "/review",
    ] {
        let path = format!("/api/gateway/v1{path}");
        for body in ["{", "{\"username\": }", "{'username': 'x'}", "nonsense", "[1, 2", "{\"a\":1}}", "{}\u{feff}"] {
            person.send(typed(&person, &path, "application/json", body)).await.refused(400);
        }
        for body in ["1", "\"text\"", "null", "true"] {
            person.send(typed(&person, &path, "application/json", body)).await.refused(400);
        }
    }
    for path in ["/auth/verify-email", "/auth/forgot-password", "/message/offer", "/order/notification/mark-as-read"] {
        let request =
            person.request("PUT", &format!("/api/gateway/v1{path}")).header("content-type", "application/json");
        person.send(request.body("{")).await.refused(400);
    }
}

#[tokio::test]
async fn json_that_is_deep_or_odd_is_refused_or_ignored() {
    let nobody = shared().browser();
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    nobody.send(typed(&nobody, SIGN_IN, "application/json", deep)).await.refused(400);
    let deep = format!("{}1{}", "{\"username\":".repeat(10_000), "}".repeat(10_000));
    nobody.send(typed(&nobody, SIGN_IN, "application/json", deep)).await.refused(400);
    for body in ["{\"username\":1e999}", "{\"username\":\"\\ud800\"}", "{\"__proto__\":{\"username\":\"Anna\"}}"] {
        nobody.send(typed(&nobody, SIGN_IN, "application/json", body)).await.refused(400);
    }
    // The last of two equal keys counts.
    let twice = "{\"username\":1,\"username\":\"abc\"}";
    nobody.send(typed(&nobody, SIGN_IN, "application/json", twice)).await.refused_with(400, "Invalid username");
}

#[tokio::test]
async fn bodies_of_other_types_are_empty_ones_and_forms_are_read() {
    let person = shared().person().await;
    let body = json!({ "username": person.username, "password": PASSWORD }).to_string();
    for content_type in
        ["text/plain", "multipart/form-data; boundary=x", "application/xml", "application/octet-stream", "x"]
    {
        let answer = person.send(typed(&person, SIGN_IN, content_type, body.clone())).await;
        answer.refused_with(400, "\"username\" is required");
    }
    let nobody = shared().browser();
    let answer = nobody.send(typed(&nobody, SIGN_IN, "application/json; charset=utf-8", body)).await;
    assert_eq!(answer.status, 200, "{answer}");
    let form = format!("username={}&password=correct+horse+7&browserName=Firefox&deviceType=browser", person.username);
    let answer = nobody.send(typed(&nobody, SIGN_IN, "application/x-www-form-urlencoded", form)).await;
    answer.says("User login successfully");
    let nested = "username=Anna1&password[$ne]=x";
    let answer = nobody.send(typed(&nobody, SIGN_IN, "application/x-www-form-urlencoded", nested)).await;
    answer.refused_with(400, "Password must be of type string");
    // No body at all.
    nobody.send(nobody.request("POST", SIGN_IN)).await.refused_with(400, "\"username\" is required");
}

#[tokio::test]
async fn operators_match_nobody() {
    let nobody = shared().browser();
    shared().person().await;
    let anything = json!({ "$ne": null });
    nobody.post("/auth/signin", json!({ "username": anything, "password": anything })).await.refused(400);
    nobody.put("/auth/forgot-password", json!({ "email": anything })).await.refused(400);
    nobody.put("/auth/verify-email", json!({ "token": anything })).await.refused(400);
    let body = json!({ "password": "another horse 8", "confirmPassword": "another horse 8" });
    nobody.put("/auth/reset-password/%7B%22$ne%22:null%7D", body).await.refused(400);
    nobody.get("/auth/search/gig/%7B%22$ne%22:null%7D").await.error();
}

/// A text compressed by gzip.
fn gzip(text: &str) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn compressed_bodies_are_inflated_within_the_limit_or_refused() {
    let person = shared().person().await;
    let sent = async |path: &str, encoding: &str, body: Vec<u8>| {
        let request = typed(&person, &format!("/api/gateway/v1{path}"), "application/json", body);
        person.send(request.header("content-encoding", encoding)).await
    };
    let body = json!({ "username": person.username, "password": PASSWORD }).to_string();
    let nobody = shared().browser();
    let request = typed(&nobody, SIGN_IN, "application/json", gzip(&body)).header("content-encoding", "gzip");
    nobody.send(request).await.good();
    sent("/order/create-payment-intent", "gzip", gzip("{\"price\":20}")).await.good();
    // Where a file may come along, and where a body goes on as it is.
    sent("/message", "gzip", gzip("{}")).await.refused_with(400, "Seller id is required");
    for (path, most) in [("/order", 256), ("/order/create-payment-intent", 256), ("/message", 256)] {
        let bomb = gzip(&format!("{{\"body\":\"{}\"}}", "x".repeat(2 * most * 1024)));
        assert!(bomb.len() < 4096);
        sent(path, "gzip", bomb).await.refused(413);
        let text = "The body is not valid gzip, as its Content-Encoding says it is.";
        sent(path, "gzip", b"{\"price\":20}".to_vec()).await.refused_with(400, text);
        for encoding in ["br", "zstd", "gzip, br"] {
            let answer = sent(path, encoding, b"{\"price\":20}".to_vec()).await;
            answer.refused(415);
            assert_eq!(answer.header("accept-encoding"), "gzip, deflate");
        }
    }
}

#[tokio::test]
async fn a_byte_order_mark_means_nothing_and_half_a_surrogate_pair_is_named() {
    let person = shared().person().await;
    let body = json!({ "username": person.username, "password": PASSWORD });
    let marked = format!("\u{feff}{body}");
    person.send(typed(&person, SIGN_IN, "application/json", marked)).await.good();
    let answer = person.send(typed(&person, SIGN_IN, "application/json", "{\"username\":\"\\ud83d\"}")).await;
    assert!(answer.json()["message"].as_str().unwrap().contains("half of a surrogate pair"), "{answer}");
}

#[tokio::test]
async fn a_query_with_thousands_of_keys_is_refused() {
    let nobody = shared().browser();
    let query = (0..10_000).map(|at| format!("k{at}")).collect::<Vec<_>>().join("&");
    for path in ["/livez", "/api/gateway/v1/auth/search/gig/0/10/forward"] {
        nobody.send(nobody.request("GET", &format!("{path}?{query}"))).await.refused(400);
    }
}

#[tokio::test]
async fn a_cookie_of_somebody_else_that_cannot_be_read_leaves_the_session_as_it_is() {
    let person = shared().person().await;
    let cookies = format!(
        "session={}; session.refresh={}; nick=Jos",
        person.cookie("session").unwrap(),
        person.cookie("session.refresh").unwrap()
    );
    let head = |method: &str, path: &str| {
        let line =
            format!("{method} /api/gateway/v1{path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\ncookie: ");
        [line.as_bytes(), cookies.as_bytes(), b"\xe9\r\n\r\n"].concat()
    };
    let mut raw = Raw::connect(shared().port).await;
    raw.write(head("GET", "/auth/currentuser")).await;
    assert_eq!(raw.answer().await.status, 200);
    raw.write(head("POST", "/auth/signout")).await;
    let out = raw.answer().await;
    assert!(out.status == 200 && out.body.contains("\"sessionEnded\":true"), "{out:?}");
    person.get("/auth/currentuser").await.refused(401);
}

#[tokio::test]
async fn a_body_that_says_it_is_too_large_is_refused_and_the_connection_goes_on() {
    let mut raw = Raw::connect(shared().port).await;
    let size = 300 * 1024;
    let head = format!(
        "POST {SIGN_IN} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {size}\r\n\r\n"
    );
    assert!(raw.write(head).await);
    assert!(raw.write(vec![b' '; size]).await, "closed while the body was being sent");
    is_error(&raw.answer().await, 413);
    assert!(raw.write("GET /gateway-health HTTP/1.1\r\nhost: localhost\r\n\r\n").await);
    assert_eq!(raw.answer().await.status, 200);
}

#[tokio::test]
async fn a_body_that_grows_too_large_in_chunks_is_refused_and_the_answer_arrives() {
    for path in [SIGN_IN, "/api/gateway/v1/auth/forgot-password"] {
        let method = if path == SIGN_IN { "POST" } else { "PUT" };
        let mut raw = Raw::connect(shared().port).await;
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
        );
        assert!(raw.write(head).await);
        let mut chunk = b"10000\r\n".to_vec();
        chunk.extend(vec![b' '; 0x10000]);
        chunk.extend(b"\r\n");
        let mut listened = true;
        for _ in 0..10 {
            listened = listened && raw.write(&chunk).await;
        }
        listened = listened && raw.write("0\r\n\r\n").await;
        let answer = raw.answer().await;
        is_error(&answer, 413);
        if listened && !answer.head.contains("connection: close") {
            if raw.write("GET /gateway-health HTTP/1.1\r\nhost: localhost\r\n\r\n").await {
                assert_eq!(raw.answer().await.status, 200);
            }
        } else {
            assert!(raw.is_closed().await, "neither answered nor closed");
        }
    }
}

#[tokio::test]
async fn bodies_beyond_the_limit_of_pictures_and_files_are_refused() {
    let person = shared().person().await;
    for (path, size) in [
        ("/auth/signup", 21),
        ("/seller/create", 21),
        ("/gig/create", 21),
        ("/order", 1),
        ("/review", 1),
        ("/message", 141),
    ] {
        let request =
            person.request("POST", &format!("/api/gateway/v1{path}")).header("content-type", "application/json");
        let answer = person.send(request.body(vec![b' '; size * 1024 * 1024])).await;
        answer.refused(413);
    }
    // Below the limit it is the body that counts.
    let request = person.request("POST", "/api/gateway/v1/message").header("content-type", "application/json");
    let padded = format!("{{}}{}", " ".repeat(16 * 1024 * 1024));
    person.send(request.body(padded)).await.refused_with(400, "Seller id is required");
}

#[tokio::test]
async fn limits_can_be_set() {
    let folder = tempfile::tempdir().unwrap();
    let limits = ["--body-limit", "2048", "--picture-body-limit", "4096", "--file-body-limit", "8192"];
    let server = crate::harness::Server::start(folder.path(), &limits);
    let person = server.person().await;
    for (path, limit) in [("/order", 2048), ("/gig/create", 4096), ("/message", 8192)] {
        let request =
            || person.request("POST", &format!("/api/gateway/v1{path}")).header("content-type", "application/json");
        person.send(request().body(format!("{{}}{}", " ".repeat(limit - 2)))).await.refused(400);
        person.send(request().body(format!("{{}}{}", " ".repeat(limit)))).await.refused(413);
    }
}

#[tokio::test]
async fn encoded_slashes_and_dots_stay_where_they_are() {
    let person = shared().person().await;
    for path in [
        "/gig/..%2Fmetrics",
        "/gig/..%2f..%2f..%2fmetrics",
        "/gig/%2e%2e%2fseller%2fid",
        "/seller/id/..%2F..%2Fbuyer%2Fusername",
        "/order/..%2Forder-health",
        "/order/%2e%2e",
        "/gig/%2e",
        "/review/gig/..%2F..%2Fgig%2F1",
    ] {
        // An HTTP library would tidy the path up.
        let mut raw = Raw::connect(shared().port).await;
        let cookie = person.cookie("session").unwrap();
        let head = format!("GET /api/gateway/v1{path} HTTP/1.1\r\nhost: localhost\r\ncookie: session={cookie}\r\n\r\n");
        raw.write(head).await;
        let answer = raw.answer().await;
        assert!(matches!(answer.status, 200 | 400 | 404), "{path}: {answer:?}");
        let body: Value =
            serde_json::from_str(&answer.body).unwrap_or_else(|error| panic!("{path}: {error}: {answer:?}"));
        let is_empty_list = body["reviews"] == json!([]);
        assert!(answer.status != 200 || is_empty_list, "{path}: {answer:?}");
    }
    // A slash in a value is part of the value.
    let answer = person.get("/seller/username/a%2Fb").await.says("Seller profile");
    assert!(answer["seller"].is_null(), "{answer}");
}

#[tokio::test]
async fn a_repeated_query_key_keeps_its_last_value() {
    let seller = shared().seller().await;
    let word = format!("Repeating{}", unique());
    let gig = seller.gig_called(&word, 20.0).await;
    let finds = async |query: String| {
        let body = seller.get(&format!("/auth/search/gig/0/10/forward?{query}")).await.good();
        body["total"] == 1 && body["gigs"][0]["id"] == gig.id.as_str()
    };
    soon("the search finds it", || async {
        if finds(format!("query=nothing-like-it&query={word}")).await { Ok(()) } else { Err("not yet".to_owned()) }
    })
    .await;
    assert!(!finds(format!("query={word}&query=nothinglikeit")).await);
    assert!(!finds(format!("query={word}&minprice=1&maxprice=100&maxprice=5")).await);
    assert!(finds(format!("query={word}&minprice=90&minprice=1&maxprice=100")).await);
}

#[tokio::test]
async fn what_is_not_utf_8_is_refused() {
    let person = shared().person().await;
    for path in ["/buyer/%ff", "/gig/%c3%28", "/order/%80"] {
        person.get(path).await.refused(400);
    }
    let nobody = shared().browser();
    let body = b"{\"username\":\"\xff\xfe\",\"password\":\"x\"}".to_vec();
    nobody.send(typed(&nobody, SIGN_IN, "application/json", body)).await.refused(400);
    // In a query it is replaced: a search finds nothing.
    nobody.get("/auth/search/gig/0/10/forward?query=%ff%fe").await.says("Search gigs results");

    let mut raw = Raw::connect(shared().port).await;
    raw.write(b"GET /api/gateway/v1/buyer/\xff\xfe HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    let answer = raw.answer().await;
    assert!(matches!(answer.status, 400 | 401 | 404), "{answer:?}");
    let mut raw = Raw::connect(shared().port).await;
    raw.write(
        b"GET /gateway-health HTTP/1.1\r\nhost: localhost\r\ncookie: session=\xff\xfe\r\nidempotency-key: \xff\r\n\r\n",
    )
    .await;
    assert_eq!(raw.answer().await.status, 200);
}

#[tokio::test]
async fn requests_that_are_none_end_the_connection() {
    for bytes in [&b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..], b"HELLO\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n"] {
        let mut raw = Raw::connect(shared().port).await;
        raw.write(bytes).await;
        raw.write(b"\r\n\r\n\r\n\r\n").await;
        // Answered with 400 or closed; either way it goes on with others.
        let closed = tokio::time::timeout(std::time::Duration::from_secs(40), raw.is_closed()).await;
        assert!(closed.is_ok());
    }
    let nobody = shared().browser();
    let health = nobody.send(nobody.request("GET", "/gateway-health")).await;
    assert_eq!(health.status, 200);
}

#[tokio::test]
async fn cookies_of_any_kind_are_no_session() {
    let nobody = shared().browser();
    let person = shared().person().await;
    let token = person.cookie("session").unwrap();
    let parts: Vec<&str> = token.split('.').collect();
    // Signed by nobody, cut, and with another's signature.
    let none = "eyJhbGciOiJub25lIn0.eyJpZCI6MSwiZW1haWwiOiJhQGIuYyIsInVzZXJuYW1lIjoiQW5uYSJ9.";
    let cut = &token[..token.len() - 2];
    let mixed = format!("{}.eyJpZCI6MX0.{}", parts[0], parts[parts.len() - 1]);
    for value in [none, cut, mixed.as_str(), "", "x", "..", "\u{fc}"] {
        nobody.set_cookie("session", Some(value).filter(|value| value.is_ascii()));
        nobody.get("/auth/currentuser").await.refused_with(401, "Token is not available. Please login again.");
    }
    nobody.set_cookie("session", None);
    for value in ["x", "0000000000000000000000000000000000000000000000000000000000000000", &token] {
        nobody.set_cookie("session.refresh", Some(value));
        nobody.get("/auth/currentuser").await.refused(401);
        nobody.set_cookie("session.refresh", None);
    }
    // An access token is no service token and goes by no other way.
    let request =
        nobody.request("GET", "/api/gateway/v1/auth/currentuser").header("authorization", format!("Bearer {token}"));
    nobody.send(request).await.refused(401);
    let request = nobody.request("GET", "/api/gateway/v1/auth/currentuser").header("gatewayToken", token);
    nobody.send(request).await.refused(401);
}

#[tokio::test]
async fn idempotency_keys_of_any_shape() {
    let person = shared().person().await;
    for key in ["x".repeat(129), " ".to_owned()] {
        let request =
            person.request("POST", "/api/gateway/v1/order/create-payment-intent").header("idempotency-key", key);
        let answer = person.send(request.json(&json!({ "price": 20 }))).await;
        assert!(answer.status == 400 || answer.status == 201, "{answer}");
    }
    // One person's key is not another's.
    let other = shared().person().await;
    let mut intents = Vec::new();
    for who in [&person, &other] {
        let request =
            who.request("POST", "/api/gateway/v1/order/create-payment-intent").header("idempotency-key", "same");
        intents.push(text(&who.send(request.json(&json!({ "price": 20 }))).await.good(), "/paymentIntentId"));
    }
    assert_ne!(intents[0], intents[1]);
}

#[tokio::test]
async fn security_headers_are_on_every_kind_of_answer() {
    let person = shared().person().await;
    let nobody = shared().browser();
    let api = |path: &str| format!("/api/gateway/v1{path}");
    let picture = text(&person.get("/auth/currentuser").await.good(), "/user/profilePicture");
    let mut answers = vec![
        (200, &nobody, nobody.request("GET", "/")),
        (200, &nobody, nobody.request("GET", "/gateway-health")),
        (404, &nobody, nobody.request("GET", "/nothing")),
        (401, &nobody, nobody.request("GET", &api("/auth/currentuser"))),
        (200, &person.browser, person.request("GET", &api("/auth/currentuser"))),
        (404, &person.browser, person.request("GET", &api("/nothing"))),
        (400, &nobody, nobody.request("POST", &api("/auth/signin")).json(&json!({}))),
        (413, &nobody, nobody.request("POST", &api("/auth/signin")).body(vec![b' '; 300 * 1024])),
        (403, &nobody, nobody.request("POST", &api("/auth/signin")).header("origin", "http://evil.example")),
        (200, &nobody, nobody.request("POST", &api("/auth/signout")).json(&json!({}))),
        (
            204,
            &nobody,
            nobody
                .request("OPTIONS", &api("/auth/signin"))
                .header("origin", "http://localhost:3000")
                .header("access-control-request-method", "POST"),
        ),
        (200, &nobody, nobody.request("GET", "/openapi.json")),
    ];
    if shared().serves_media() {
        answers.push((200, &nobody, nobody.request("GET", &picture)));
    }
    for (status, browser, request) in answers {
        let answer = browser.send(request).await;
        assert_eq!(answer.status, status, "{answer}");
        for (name, value) in [
            ("cross-origin-resource-policy", "cross-origin"),
            ("cross-origin-opener-policy", "same-origin"),
            ("origin-agent-cluster", "?1"),
            ("referrer-policy", "no-referrer"),
            ("x-content-type-options", "nosniff"),
            ("x-dns-prefetch-control", "off"),
            ("x-download-options", "noopen"),
            ("x-frame-options", "SAMEORIGIN"),
            ("x-permitted-cross-domain-policies", "none"),
            ("x-xss-protection", "0"),
        ] {
            assert_eq!(answer.header(name), value, "{name}: {answer}");
        }
        assert!(answer.header("content-security-policy").contains("default-src"), "{answer}");
        assert_eq!(answer.header("x-powered-by"), "");
        // Over http a browser must not be told to insist on https.
        assert_eq!(answer.header("strict-transport-security"), "", "{answer}");
        // The page of an error, and a file, may do nothing at all.
    }
    let home = nobody.send(nobody.request("GET", "/")).await;
    for part in
        ["default-src 'self'", "object-src 'none'", "frame-ancestors 'self'", "script-src 'self'", "base-uri 'self'"]
    {
        assert!(home.header("content-security-policy").split(';').any(|own| own.trim() == part), "{part}");
    }
}

#[tokio::test]
async fn large_answers_are_compressed_for_who_understands_it() {
    let nobody = shared().browser();
    let plain = nobody.send(nobody.request("GET", "/openapi.json")).await;
    let small = nobody.send(nobody.request("GET", "/openapi.json").header("accept-encoding", "gzip")).await;
    assert_eq!((plain.header("content-encoding"), small.header("content-encoding")), ("", "gzip"));
    assert!(small.bytes.len() < plain.bytes.len() / 2);
    let values = small.headers.get_all("vary").iter().map(|value| value.to_str().unwrap().to_lowercase());
    assert!(values.collect::<Vec<_>>().join(",").contains("accept-encoding"));
}

#[tokio::test]
async fn answers_carry_a_tag_and_are_not_sent_again_to_who_has_them() {
    let person = shared().person().await;
    let first = person.get("/buyer/username").await;
    let tag = first.header("etag").to_owned();
    assert!(tag.starts_with("W/\""), "{:?}", first.headers);
    let request = person.request("GET", "/api/gateway/v1/buyer/username").header("if-none-match", &tag);
    let again = person.send(request).await;
    assert_eq!((again.status, again.bytes.len()), (304, 0), "{again}");
}

#[tokio::test]
async fn secrets_are_in_no_answer() {
    let person = shared().person().await;
    let token = person.verify_token().await;
    let refresh = person.cookie("session.refresh").unwrap();
    let access = person.cookie("session").unwrap();
    for path in ["/auth/currentuser", "/auth/sessions", "/buyer/username"] {
        let shown = person.get(path).await.text();
        for secret in [token.as_str(), &refresh, &access, "argon2", PASSWORD] {
            assert!(!shown.contains(secret), "{path}: {shown}");
        }
    }
    let refreshed = person.get(&format!("/auth/refresh-token/{}", person.username)).await;
    let body = refreshed.good();
    assert!(body["user"].get("password").is_none() && body.get("token").is_none(), "{body}");
}

#[tokio::test]
async fn texts_come_back_as_they_were_written() {
    let trade = shared().trade().await;
    let words = "<script>alert(1)</script> ' \" \\ \u{0} ${{7*7}} {{7*7}} \u{202e}🦀 Ünïcödé\r\n\tend";
    trade.say(true, None, words).await;
    has(&trade.messages().await[0], "/body", words);
    let gig = trade.seller.gig_called("<b>Bold</b> & {{title}}", 20.0).await;
    has(&trade.buyer.get(&format!("/gig/{}", gig.id)).await.good(), "/gig/title", "<b>Bold</b> & {{title}}");
    let mut profile = bodies::seller(&trade.seller.email);
    profile["description"] = json!(words);
    let answer = trade.seller.put(&format!("/seller/{}", trade.seller.seller_id), profile).await.good();
    has(&answer, "/seller/description", words);
}
