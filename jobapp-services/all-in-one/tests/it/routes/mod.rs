//! Every route of the gateway: a good call and what it answers, and what it answers to strangers.

mod accounts;
mod gigs;
mod health;
mod messages;
mod orders;
mod pages;
mod reviews;
mod users;

use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::Arc;

use jobapp_gateway_service::routes::all;
use serde_json::Value;

use crate::harness::checks::keys;
use crate::harness::{Browser, Trade, shared};

/// A call in preparation.
type Prepared = Pin<Box<dyn Future<Output = Call> + Send>>;

/// A row of the table.
pub struct Row {
    /// The method.
    method: &'static str,
    /// The path as in the gateway's table.
    path: &'static str,
    /// Prepares what the call needs and says how to make it.
    prepare: fn(Arc<Trade>) -> Prepared,
    /// The status of the answer.
    status: u16,
    /// Its text.
    message: &'static str,
    /// Its keys, sorted.
    keys: &'static [&'static str],
    /// Whether it needs no session.
    public: bool,
}

/// A call that will succeed.
pub struct Call {
    browser: Browser,
    path: String,
    body: Option<Value>,
}

/// A call without a body.
pub fn call(browser: &Browser, path: impl Into<String>) -> Call {
    Call { browser: browser.clone(), path: path.into(), body: None }
}

impl Call {
    /// The call with a body.
    pub fn with(self, body: Value) -> Self {
        Self { body: Some(body), ..self }
    }
}

impl Row {
    /// The row of a route without a session.
    pub fn public(self) -> Self {
        Self { public: true, ..self }
    }
}

/// A row: method, path, status, text, keys, and what to do with a buyer, a seller and a gig to make the call.
macro_rules! row {
    ($method:literal $path:literal, $status:literal $message:literal [$($key:literal),*], |$trade:ident| $call:expr) => {
        $crate::routes::Row {
            method: $method,
            path: $path,
            prepare: |$trade| Box::pin(async move { $call }),
            status: $status,
            message: $message,
            keys: &[$($key),*],
            public: false,
        }
    };
}
pub(crate) use row;

fn table() -> Vec<Row> {
    let parts = [
        accounts::rows(),
        users::rows(),
        gigs::rows(),
        messages::rows(),
        orders::rows(),
        reviews::rows(),
        pages::rows(),
    ];
    parts.into_iter().flatten().chain(seeds()).collect()
}

/// Seed routes exist only where the settings say so.
fn seeds() -> Vec<Row> {
    vec![
        row!("PUT" "/auth/seed/:count", 200 "Seed users created successfully." ["message"], |trade| {
            call(&trade.buyer.without_cookies(), "/auth/seed/2")
        })
        .public(),
        row!("PUT" "/seller/seed/:count", 200 "Sellers created successfully" ["message"], |trade| {
            call(&trade.buyer, "/seller/seed/1")
        }),
        row!("PUT" "/gig/seed/:count", 200 "Gig created successfully" ["message"], |trade| {
            call(&trade.buyer, "/gig/seed/1")
        }),
    ]
}

/// Makes the calls of these rows one after the other and reports all wrong answers at once.
async fn check(rows: Vec<Row>, trade: Trade) {
    let trade = Arc::new(trade);
    let mut wrong = Vec::new();
    for row in rows {
        let prepared = (row.prepare)(Arc::clone(&trade)).await;
        let answer = prepared.browser.call(row.method, &prepared.path, prepared.body.as_ref()).await;
        if let Err(complaint) = judge(&row, &answer) {
            wrong.push(complaint);
        } else if row.method == "GET" {
            wrong.extend(variants(&row, &prepared).await);
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

fn judge(row: &Row, answer: &crate::harness::Answer) -> Result<(), String> {
    let expected = format!("expected {} {:?} {:?}, got {answer}", row.status, row.message, row.keys);
    let is_json = answer.header("content-type").starts_with("application/json");
    if answer.status != row.status || !is_json {
        return Err(expected);
    }
    let body = answer.json();
    if body["message"] != row.message || keys(&body) != row.keys { Err(expected) } else { Ok(()) }
}

/// What holds for every `GET`: `HEAD` answers the same without a body, and neither case nor a trailing slash matter.
async fn variants(row: &Row, prepared: &Call) -> Vec<String> {
    let mut wrong = Vec::new();
    let head = prepared.browser.call("HEAD", &prepared.path, None).await;
    let is_json = head.header("content-type").starts_with("application/json");
    if head.status != row.status || !head.bytes.is_empty() || !is_json {
        wrong.push(format!("HEAD: {head}"));
    }
    let (path, query) = prepared.path.split_once('?').unwrap_or((&prepared.path, ""));
    let segments = path.split('/').zip(row.path.split('/'));
    let shouted: Vec<String> = segments
        .map(|(own, pattern)| if pattern.starts_with(':') { own.to_owned() } else { own.to_uppercase() })
        .collect();
    let shouted = format!("{}/?{query}", shouted.join("/"));
    let answer = prepared.browser.call("GET", &shouted, None).await;
    if let Err(complaint) = judge(row, &answer) {
        wrong.push(format!("in capitals with a slash behind: {complaint}"));
    }
    wrong
}

#[test]
fn every_route_of_the_gateway_has_a_row_and_every_row_a_route() {
    let named = |routes: Vec<(String, &str)>| -> BTreeSet<String> {
        routes.into_iter().map(|(method, path)| format!("{method} {path}")).collect()
    };
    let rows = named(table().iter().map(|row| (row.method.to_owned(), row.path)).collect());
    // The second factor needs an authenticator and is tested with the rest of identity.
    let routes = all();
    let routes = routes.iter().filter(|route| route.path != "/auth/second-factor");
    let routes = named(routes.map(|route| (route.method.to_string(), route.path)).collect());
    assert_eq!(rows, routes);
    assert_eq!(table().len(), rows.len(), "a row stands there twice");
}

#[tokio::test]
async fn private_routes_answer_401_without_a_session_and_with_a_forged_one() {
    let (nobody, forger) = (shared().browser(), shared().browser());
    let mut wrong = Vec::new();
    // The seed routes are not there; what is not there is private.
    for row in table().iter().filter(|row| !row.public) {
        let path: Vec<&str> = row.path.split('/').map(|part| if part.starts_with(':') { "x" } else { part }).collect();
        for (browser, coming_from) in [
            (&nobody, "GatewayService verifyUser() method error"),
            (&forger, "GatewayService verifyUser() method invalid session error"),
        ] {
            forger.set_cookie("session", Some("eyJhbGciOiJIUzI1NiJ9.eyJpZCI6MX0.c2lnbmF0dXJl"));
            let body = (row.method != "GET").then(|| serde_json::json!({}));
            let answer = browser.call(row.method, &path.join("/"), body.as_ref()).await;
            let text = "Token is not available. Please login again.";
            let expected = serde_json::json!({
                "message": text, "statusCode": 401, "status": "error", "comingFrom": coming_from,
            });
            if answer.status != 401 || answer.json() != expected {
                wrong.push(answer.to_string());
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[tokio::test]
async fn public_routes_do_not_ask_for_a_session() {
    let nobody = shared().browser();
    for row in table().iter().filter(|row| row.public && !row.path.contains("seed")) {
        let path: Vec<&str> = row.path.split('/').map(|part| if part.starts_with(':') { "1" } else { part }).collect();
        let body = (row.method != "GET").then(|| serde_json::json!({}));
        let answer = nobody.call(row.method, &path.join("/"), body.as_ref()).await;
        assert_ne!(answer.status, 401, "{answer}");
    }
}

#[tokio::test]
async fn routes_of_accounts_answer_as_they_should() {
    check(accounts::rows(), shared().trade().await).await;
}

#[tokio::test]
async fn routes_of_buyers_and_sellers_answer_as_they_should() {
    check(users::rows(), shared().trade().await).await;
}

#[tokio::test]
async fn routes_of_gigs_answer_as_they_should() {
    check(gigs::rows(), shared().trade().await).await;
}

#[tokio::test]
async fn routes_of_messages_answer_as_they_should() {
    check(messages::rows(), shared().trade().await).await;
}

#[tokio::test]
async fn routes_of_orders_answer_as_they_should() {
    check(orders::rows(), shared().trade().await).await;
}

#[tokio::test]
async fn routes_of_reviews_answer_as_they_should() {
    check(reviews::rows(), shared().trade().await).await;
}

#[tokio::test]
async fn seed_routes_exist_only_where_the_settings_say_so() {
    let folder = tempfile::tempdir().unwrap();
    let server = crate::harness::Server::start(folder.path(), &["--seed-routes"]);
    check(seeds(), server.trade().await).await;

    let trade = shared().trade().await;
    for row in seeds() {
        let answer = trade.buyer.call(row.method, &row.path.replace(":count", "1"), None).await;
        answer.refused_with(404, "The endpoint called does not exist.");
    }
}
