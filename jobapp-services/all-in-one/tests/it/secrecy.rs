//! What a journey leaves in the log: lines that tell what happened, and no secret; on standard error and on a server of log lines alike.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex};

use axum::http::{Method, StatusCode, Uri};
use axum::{Json, Router};
use jobapp_auth::AuthenticatorKey;
use jobapp_kernel::Clock;
use jobapp_runtime::SystemClock;
use serde_json::{Value, json};

use crate::harness::bodies::{FILE, PASSWORD, PICTURE};
use crate::harness::checks::text;
use crate::harness::people::token_in;
use crate::harness::{Browser, Server, Trade};

const NEW_PASSWORD: &str = "another horse 8";
const WRONG_PASSWORD: &str = "a wrong horse 9";
const HALF_A_BODY: &str = r#"{"username": "Marta", "password": "half a horse 10""#;
const WORDS: &str = "a whisper for two";
const LOG_SERVER_PASSWORD: &str = "hush4711";
/// Everything of ours, and what libraries tell.
const FILTER: &str = "info,jobapp=debug";
const COOKIES: [&str; 4] = ["session", "session.refresh", "session.device", "session.pending"];

/// A server that takes log lines.
async fn log_server() -> (String, Arc<Mutex<Vec<Value>>>) {
    let kept = Arc::new(Mutex::new(Vec::new()));
    let keeping = Arc::clone(&kept);
    let answer = move |method: Method, uri: Uri, body: String| {
        let keeping = Arc::clone(&keeping);
        async move {
            if method == Method::GET && uri.path() != "/" {
                return (StatusCode::NOT_FOUND, Json(json!({})));
            }
            if uri.path() != "/_bulk" {
                return (StatusCode::OK, Json(json!({})));
            }
            let lines: Vec<Value> = body.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
            let items: Vec<Value> = lines.chunks(2).map(|_| json!({"create": {"status": 201}})).collect();
            keeping.lock().unwrap().extend(lines.into_iter().skip(1).step_by(2));
            (StatusCode::OK, Json(json!({"items": items})))
        }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await.unwrap() });
    (format!("http://elastic:{LOG_SERVER_PASSWORD}@{host}"), kept)
}

/// What must not be told.
#[derive(Default)]
struct Secrets {
    /// Wherever it stands.
    anywhere: BTreeSet<String>,
    /// Where it stands by itself: six digits are part of many numbers.
    alone: BTreeSet<String>,
}

impl Secrets {
    fn add(&mut self, secret: impl Into<String>) {
        let secret = secret.into();
        assert!(secret.len() >= 8, "{secret:?} may be anything");
        self.anywhere.insert(secret);
    }

    fn add_cookies(&mut self, browser: &Browser) {
        for cookie in COOKIES.iter().filter_map(|name| browser.cookie(name)) {
            // The longest part of a token is enough to tell. The name of a session stands before that of a refresh token, and is
            // in its messages: it opens nothing.
            let is_id = |part: &str| part.len() == 24 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
            cookie.split('.').filter(|part| part.len() >= 20 && !is_id(part)).for_each(|part| self.add(part));
            self.add(cookie);
        }
    }

    /// Keys the marketplace made for itself.
    fn add_keys(&mut self, data: &Path) {
        let file = std::fs::read_to_string(data.join("secrets.toml")).unwrap();
        let keys: Vec<&str> = file.split('"').skip(1).step_by(2).filter(|text| text.len() >= 20).collect();
        assert!(!keys.is_empty(), "{file}");
        keys.into_iter().for_each(|key| self.add(key));
    }

    fn told_in<'s>(&'s self, line: &str) -> Vec<&'s str> {
        let stands_alone = |secret: &str| {
            line.match_indices(secret).any(|(at, _)| {
                let around = [line[..at].chars().next_back(), line[at + secret.len()..].chars().next()];
                around.into_iter().flatten().all(|c| !c.is_alphanumeric() && c != '.')
            })
        };
        let anywhere = self.anywhere.iter().filter(|secret| line.contains(secret.as_str()));
        anywhere.chain(self.alone.iter().filter(|secret| stands_alone(secret))).map(String::as_str).collect()
    }
}

fn credentials(username: &str, password: &str, browser: &str) -> Value {
    json!({ "username": username, "password": password, "browserName": browser, "deviceType": "browser" })
}

/// The code an authenticator shows that was set up with this address.
fn code(url: &str) -> String {
    let secret = url.split("secret=").nth(1).unwrap().split('&').next().unwrap();
    let value = |letter: u8| if letter.is_ascii_digit() { letter - b'2' + 26 } else { letter - b'A' };
    let bits: String = secret.bytes().map(|letter| format!("{:05b}", value(letter))).collect();
    let bytes = bits.as_bytes().chunks_exact(8).map(|byte| u8::from_str_radix(std::str::from_utf8(byte).unwrap(), 2));
    let digits: String = bytes.map(|byte| format!("{:02x}", byte.unwrap())).collect();
    let key: AuthenticatorKey = serde_json::from_value(json!(digits)).unwrap();
    key.code_at(SystemClock.now()).unwrap().expose().to_owned()
}

/// Signs in from elsewhere with a code, resets the password with a link, and tries what is not right.
async fn signs_in_in_every_way(server: &Server, trade: &Trade, secrets: &mut Secrets) {
    let person = &trade.buyer;
    let verify = person.verify_token().await;
    person.put("/auth/verify-email", json!({ "token": verify })).await.good();
    secrets.add(verify);

    let elsewhere = server.browser();
    let asked = elsewhere.post("/auth/signin", credentials(&person.username, PASSWORD, "Opera")).await;
    asked.says("OTP code sent");
    secrets.add_cookies(&elsewhere);
    let mailed = text(&person.mail("otpEmail").await, "/code");
    let device = json!({ "browserName": "Opera", "deviceType": "browser" });
    elsewhere.put(&format!("/auth/verify-otp/{mailed}"), device.clone()).await.good();
    secrets.alone.insert(mailed);
    secrets.add_cookies(&elsewhere);

    let nobody = server.browser();
    nobody.put("/auth/forgot-password", json!({ "email": person.email })).await.good();
    let reset = token_in(&person.mail("forgotPassword").await, "token=");
    let body = json!({ "password": NEW_PASSWORD, "confirmPassword": NEW_PASSWORD });
    nobody.put(&format!("/auth/reset-password/{reset}"), body.clone()).await.good();
    nobody.put(&format!("/auth/reset-password/{reset}"), body).await.refused(400);
    secrets.add(reset);

    nobody.post("/auth/signin", credentials(&person.username, WRONG_PASSWORD, "Firefox")).await.refused(400);
    nobody.post("/auth/signin", credentials(&person.email, WRONG_PASSWORD, "Firefox")).await.refused(400);
    let half = nobody.request("POST", "/api/gateway/v1/auth/signin").header("content-type", "application/json");
    nobody.send(half.body(HALF_A_BODY)).await.refused(400);
    let forged = server.browser();
    forged.set_cookie("session", Some("forged.cookie.of.nobody"));
    forged.get("/auth/currentuser").await.refused(401);
    for secret in [NEW_PASSWORD, WRONG_PASSWORD, "half a horse 10", "forged.cookie.of.nobody"] {
        secrets.add(secret);
    }
}

async fn has_a_second_factor(server: &Server, trade: &Trade, secrets: &mut Secrets) {
    let person = &trade.seller;
    let begun = person.post("/auth/second-factor", json!({ "password": PASSWORD })).await.good();
    secrets.add(text(&begun, "/secret"));
    let first = code(&text(&begun, "/otpauthUrl"));
    let confirmed = person.put("/auth/second-factor", json!({ "code": first })).await.good();
    secrets.alone.insert(first);
    let recovery: Vec<String> = serde_json::from_value(confirmed["recoveryCodes"].clone()).unwrap();
    let browser = server.browser();
    let asked = browser.post("/auth/signin", credentials(&person.username, PASSWORD, "Firefox")).await;
    asked.says("Enter the code of your authenticator.");
    secrets.add_cookies(&browser);
    browser.put("/auth/verify-otp/000000", json!({})).await.refused(400);
    browser.put(&format!("/auth/verify-otp/{}", recovery[0]), json!({})).await.good();
    recovery.into_iter().for_each(|code| secrets.add(code));
    secrets.add_cookies(&browser);
}

async fn trades(trade: &Trade, secrets: &mut Secrets) {
    let conversation = trade.say(true, None, WORDS).await;
    trade.say(false, Some(&conversation), WORDS).await;
    let intent = trade.buyer.post("/order/create-payment-intent", json!({ "price": 20.0 })).await.good();
    secrets.add(text(&intent, "/clientSecret"));
    let number = trade.completed_order().await;
    for by_buyer in [true, false] {
        let person = if by_buyer { &trade.buyer } else { &*trade.seller };
        person.post("/review", trade.review(by_buyer, &number, 5)).await.good();
    }
    for words in [WORDS, "Quick and tidy.", "Blue tones", "Three drafts by hand."] {
        secrets.add(words);
    }
    for file in [FILE, PICTURE] {
        secrets.add(file.split_once(',').unwrap().1.trim_end_matches('='));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journey_leaves_no_secret_in_the_log_and_every_line_on_the_log_server() {
    let folder = tempfile::tempdir().unwrap();
    let (address, shipped) = log_server().await;
    let arguments = ["--log", FILTER, "--log-format", "json", "--log-server", &address];
    let server = Server::start(folder.path(), &arguments);
    let trade = server.trade().await;
    let mut secrets = Secrets::default();
    secrets.add_cookies(&trade.buyer);
    secrets.add_cookies(&trade.seller);
    trades(&trade, &mut secrets).await;
    has_a_second_factor(&server, &trade, &mut secrets).await;
    signs_in_in_every_way(&server, &trade, &mut secrets).await;
    secrets.add_keys(folder.path());
    for secret in [PASSWORD, LOG_SERVER_PASSWORD, "@example.org", "%40example.org"] {
        secrets.add(secret);
    }
    // A token of any kind begins so.
    secrets.anywhere.insert("eyJ".to_owned());
    let log = server.log_at_its_end();

    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for needed in ["/auth/reset-password/:token", "/auth/verify-otp/:otp", "/review", "/message"] {
        assert!(lines.iter().any(|line| line["route"] == needed), "{needed} is not told, or the search is blind");
    }
    assert!(lines.iter().any(|line| line["level"] == "DEBUG"), "or the search is blind");
    let told = |line: &Value| {
        let mut line = line.clone();
        line.as_object_mut().unwrap().remove("timestamp");
        let line = line.to_string();
        secrets.told_in(&line).into_iter().map(|secret| format!("{secret} in {line}")).collect::<Vec<_>>()
    };
    assert_eq!(lines.iter().flat_map(told).collect::<Vec<_>>(), Vec::<String>::new());

    let of_shipping =
        |line: &&Value| line["target"].as_str().is_some_and(|target| target.starts_with("jobapp_elastic"));
    let sorted = |lines: &mut dyn Iterator<Item = &Value>| {
        let mut texts: Vec<String> = lines.map(Value::to_string).collect();
        texts.sort();
        texts
    };
    let mut shipped = shipped.lock().unwrap().clone();
    let instances: BTreeSet<String> = shipped
        .iter_mut()
        .map(|line| line.as_object_mut().unwrap().remove("instance").unwrap().as_str().unwrap().to_owned())
        .collect();
    assert!(instances.len() == 1 && instances.first().unwrap().contains('/'), "{instances:?}");
    let told_here = sorted(&mut lines.iter().filter(|line| !of_shipping(line)));
    assert_eq!(sorted(&mut shipped.iter()), told_here, "every line is there once, up to the last");
    assert!(lines.iter().all(|line| line["service"].is_string()));
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_are_shipped_where_people_read_them_too() {
    let folder = tempfile::tempdir().unwrap();
    let (address, shipped) = log_server().await;
    let arguments = ["--log", "info", "--log-format", "text", "--log-server", &address];
    let server = Server::start(folder.path(), &arguments);
    server.browser().get("/auth/currentuser").await.refused(401);
    let log = server.log_at_its_end();
    assert!(log.contains("answered") && !log.contains("{\"timestamp\""), "{log}");
    let shipped = shipped.lock().unwrap();
    let access: Vec<&Value> = shipped.iter().filter(|line| line["target"] == "access").collect();
    assert_eq!(access.len(), 1, "{shipped:?}");
    assert_eq!((&access[0]["status"], &access[0]["service"]), (&json!(401), &json!("jobapp")));
}

#[test]
fn a_log_server_that_never_answers_delays_neither_start_nor_requests_and_the_end_by_seconds() {
    let folder = tempfile::tempdir().unwrap();
    // Connections are taken by the system, and nobody ever looks at them.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://elastic:{LOG_SERVER_PASSWORD}@{}", silent.local_addr().unwrap());
    let server = Server::start(folder.path(), &["--log", "info", "--log-format", "json", "--log-server", &address]);
    let log = server.log_at_its_end();
    assert!(log.contains("log lines were not shipped before the end"), "{log}");
    assert!(!log.contains(LOG_SERVER_PASSWORD), "{log}");
}
