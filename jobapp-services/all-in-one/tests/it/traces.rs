//! Traces: one from a browser's request to all that follows from it, and never a secret in it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::agent::{Agent, Opening};
use crate::collector::{Collector, Mood, Told};
use crate::harness::people::{order_number, sign_in, token_in};
use crate::harness::{Server, Trade, bodies, soon};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// A marketplace in this folder, in whose environment these variables are.
fn started(data: &Path, variables: &[(&str, &str)]) -> Server {
    let mut command = Command::new(env!("CARGO_BIN_EXE_jobapp"));
    command.arg("--data").arg(data).args(["--port", "0", "--log", "info", "--log-format", "json"]);
    command.envs(variables.iter().copied());
    Server::try_run(command).unwrap_or_else(|ended| panic!("{ended:#?}"))
}

/// As `service: name`, of whichever service a span is, or is called by.
fn named(span: &Told, by_id: &BTreeMap<&str, &Told>) -> String {
    let mut at = Some(span);
    while let Some(one) = at {
        if let Some(service) = one.attributes.get("jobapp.service") {
            return format!("{service}: {}", span.name);
        }
        at = by_id.get(one.parent.as_str()).copied();
    }
    format!("?: {}", span.name)
}

/// Each span of a trace with its parent, in words: `child <- parent`.
fn tree(spans: &[Told], trace: &str) -> BTreeSet<String> {
    let of_trace: Vec<&Told> = spans.iter().filter(|span| span.trace == trace).collect();
    let by_id: BTreeMap<&str, &Told> = of_trace.iter().map(|span| (span.id.as_str(), *span)).collect();
    let line = |span: &&Told| {
        let parent = by_id.get(span.parent.as_str()).map_or("browser".to_owned(), |parent| named(parent, &by_id));
        format!("{} <- {parent}", named(span, &by_id))
    };
    of_trace.iter().map(line).collect()
}

/// A paid order, whose request is part of a trace that a browser began. Returns its number.
async fn order_within_a_trace(trade: &Trade) -> String {
    let price = trade.gig.document["price"].as_f64().unwrap();
    let (number, intent) = (order_number(), trade.buyer.pay(price).await);
    let body = trade.order_body(&number, &intent, price);
    let request = trade.buyer.request("POST", "/api/gateway/v1/order").header("traceparent", PARENT).json(&body);
    trade.buyer.send(request).await.says("Order created successfully.");
    number
}

/// What of a trace must be there: each span with its parent.
const ORDER: [&str; 22] = [
    // The request, its way to the service, and what that does.
    "gateway: POST /order <- browser",
    "gateway: POST order <- gateway: POST /order",
    "order: POST /api/v1/order <- gateway: POST order",
    "order: find_by payment <- order: POST /api/v1/order",
    "order: save payment <- order: POST /api/v1/order",
    "order: save order <- order: POST /api/v1/order",
    // What it tells others.
    "order: send jobapp-order-changed <- order: save order",
    "order: send jobber-order-notification <- order: save order",
    "order: send jobber-seller-update <- order: save order",
    // The seller's figures.
    "users: process user-seller-queue <- order: send jobber-seller-update",
    "users: decide seller <- users: process user-seller-queue",
    // Who may review.
    "review: process review-order-queue <- order: send jobapp-order-changed",
    "review: decide order_fact <- review: process review-order-queue",
    // Mails.
    "notification: process order-email-queue <- order: send jobber-order-notification",
    "notification: mail orderPlaced <- notification: process order-email-queue",
    "notification: mail orderReceipt <- notification: process order-email-queue",
    // What is written for the seller, and what his sockets hear.
    "order: process order-activity-queue <- order: send jobapp-order-changed",
    "order: find order <- order: process order-activity-queue",
    "order: save order_notification <- order: process order-activity-queue",
    "order: send jobapp-realtime <- order: save order_notification",
    "gateway: process gateway-realtime-queue <- order: send jobapp-realtime",
    "gateway: deliver event <- gateway: process gateway-realtime-queue",
];

#[tokio::test]
async fn an_order_is_one_trace_from_the_browser_to_mails_and_sockets() {
    let (folder, collector) = (tempfile::tempdir().unwrap(), Collector::start().await);
    let base = collector.base();
    let variables = [("OTEL_EXPORTER_OTLP_ENDPOINT", base.as_str()), ("OTEL_BSP_SCHEDULE_DELAY", "20")];
    let server = started(folder.path(), &variables);
    let (trade, agent) = (server.trade().await, Agent::start().await);
    let cookie = trade.seller.cookie("session").map(|session| format!("session={session}"));
    let mut tab = agent.joined("seller", &server.base, Opening { cookie, ..Opening::default() }).await;
    let missing = |spans: &[Told]| {
        let tree = tree(spans, TRACE);
        ORDER.into_iter().filter(|line| !tree.contains(*line)).count()
    };
    let whole = || async { if missing(&collector.spans()) == 0 { Ok(()) } else { Err("not yet".to_owned()) } };
    for _ in 0..3 {
        order_within_a_trace(&trade).await;
        assert_eq!(tab.news().await[0], "order notification");
        // On a busy machine a message may be tried again, or delivered with others: it has another place then.
        let waiting = async {
            while whole().await.is_err() {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        };
        if tokio::time::timeout(std::time::Duration::from_secs(15), waiting).await.is_ok() {
            break;
        }
    }
    soon("the whole trace", whole).await;
    let access = soon("the log names the trace", || async {
        let lines = server.log();
        let mut lines = lines.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.find(|line| line["target"] == "access" && line["trace_id"] == TRACE).ok_or_else(|| "not yet".to_owned())
    })
    .await;
    assert!(server.stop().success());

    let spans = collector.spans();
    let of_trace: Vec<&Told> = spans.iter().filter(|span| span.trace == TRACE).collect();
    let known: BTreeSet<&str> = of_trace.iter().map(|span| span.id.as_str()).chain(["b7ad6b7169203331"]).collect();
    for span in &of_trace {
        assert!(known.contains(span.parent.as_str()), "{span:?} hangs in the air");
        assert!(!span.is_error, "{span:?}");
    }
    let of = |name: &str| *of_trace.iter().find(|span| span.name == name).unwrap();
    let (door, order) = (of("POST /order"), of("POST /api/v1/order"));
    assert_eq!((door.kind, of("POST order").kind, order.kind), (SpanKind::Server, SpanKind::Client, SpanKind::Server));
    assert_eq!((&*door.attributes["http.route"], &*door.attributes["http.response.status_code"]), ("/order", "201"));
    assert_eq!(access["request_id"], door.attributes["jobapp.request_id"]);
    assert_eq!(door.attributes["jobapp.request_id"], order.attributes["jobapp.request_id"]);
    assert_eq!(of("save order").attributes["db.system.name"], "sqlite");
    assert_eq!(of("deliver event").attributes["jobapp.receivers"], "2");
    assert_eq!(collector.resource()["service.name"], "jobapp");
    // Another request is another trace, and its consumers are in it.
    let sign_up = spans.iter().find(|span| span.name == "POST /auth/signup").unwrap();
    assert!(sign_up.trace != TRACE && sign_up.parent.is_empty(), "{sign_up:?}");
    assert!(tree(&spans, &sign_up.trace).iter().any(|line| line.contains(": process ")), "{spans:#?}");
}

#[tokio::test]
async fn no_span_holds_what_somebody_sent() {
    let (folder, collector) = (tempfile::tempdir().unwrap(), Collector::start().await);
    let base = collector.base();
    let variables =
        [("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", &*format!("{base}/v1/traces")), ("OTEL_BSP_SCHEDULE_DELAY", "20")];
    let server = started(folder.path(), &variables);
    let trade = server.trade().await;
    let token = trade.buyer.verify_token().await;
    trade.buyer.put("/auth/verify-email", json!({ "token": token })).await.good();
    let wrong = json!({ "username": trade.seller.username, "password": "no such password", "browserName": "curl", "deviceType": "browser" });
    assert_eq!(server.browser().post("/auth/signin", wrong).await.status, 400);
    let again = sign_in(&server, &trade.seller.username).await;
    trade.say(true, None, "Do you draw whales?").await;
    let number = trade.completed_order().await;
    trade.buyer.get(&format!("/no/such/{}?q={}", trade.buyer.username, trade.buyer.email)).await;
    trade.seller.get(&format!("/order/{number}")).await.good();
    let sessions: Vec<String> =
        [&trade.buyer.browser, &trade.seller.browser, &again].iter().filter_map(|one| one.cookie("session")).collect();
    trade.buyer.put("/auth/forgot-password", json!({ "email": trade.buyer.email })).await.good();
    let reset = token_in(&trade.buyer.mail("forgotPassword").await, "token=");
    let new = json!({ "password": "an0ther Secret", "confirmPassword": "an0ther Secret" });
    server.browser().put(&format!("/auth/reset-password/{reset}"), new).await.good();
    collector
        .until("a trace of the end", |spans| {
            spans.iter().any(|span| span.name.contains("reset-password")).then_some(())
        })
        .await;
    assert!(server.stop().success());

    let told = format!("{:?}{:?}", collector.spans(), collector.resource());
    assert!(told.contains("PUT /auth/reset-password/:token") && told.contains("mail forgotPassword"), "{told}");
    let mut private = sessions;
    for person in [&trade.buyer, &*trade.seller] {
        private.extend([person.username.clone(), person.username.to_lowercase(), person.email.clone()]);
    }
    let words = [
        "an0ther Secret",
        "no such password",
        bodies::PASSWORD,
        "whales",
        "Blue tones",
        "Here it is.",
        "@",
        "/no/such",
    ];
    private.extend(words.map(str::to_owned));
    private.extend([token, reset]);
    for secret in private {
        assert!(!secret.is_empty() && !told.contains(&secret), "{secret} is told");
    }
}

#[tokio::test]
async fn nothing_is_told_where_traces_are_off_or_nothing_is_sampled() {
    for (variable, value) in
        [("OTEL_SDK_DISABLED", "true"), ("OTEL_TRACES_EXPORTER", "none"), ("OTEL_TRACES_SAMPLER", "always_off")]
    {
        let (folder, collector) = (tempfile::tempdir().unwrap(), Collector::start().await);
        let variables = [("OTEL_EXPORTER_OTLP_ENDPOINT", &*collector.base()), (variable, value)];
        let server = started(folder.path(), &variables);
        let person = server.person().await;
        let request = person.request("GET", "/api/gateway/v1/buyer/username").header("traceparent", PARENT);
        person.send(request).await.good();
        let log = soon("the log has the request", || async {
            let log = server.log();
            if log.contains("/buyer/username") { Ok(log) } else { Err("not yet".to_owned()) }
        })
        .await;
        assert_eq!(log.contains("trace_id"), variable == "OTEL_TRACES_SAMPLER", "{log}");
        assert!(server.stop().success());
        assert!(collector.headers().is_empty(), "{variable}");
    }
}

#[tokio::test]
async fn a_collector_that_hangs_slows_nobody_and_what_is_lost_is_counted() {
    let (folder, collector) = (tempfile::tempdir().unwrap(), Collector::always(Mood::Hangs).await);
    let port = crate::metrics::free_port().to_string();
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &*collector.base()),
        ("OTEL_BSP_SCHEDULE_DELAY", "1"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "16"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "1000000"),
        ("JOBAPP_METRICS_PORT", &port),
    ];
    let server = started(folder.path(), &variables);
    server.trade().await.order().await;
    let page = reqwest::get(format!("http://127.0.0.1:{port}/metrics")).await.unwrap().text().await.unwrap();
    let lost =
        page.lines().find_map(|line| line.strip_prefix("jobapp_spans_lost_total ")).unwrap_or_else(|| panic!("{page}"));
    assert!(lost.parse::<f64>().unwrap() > 0.0, "{lost}");
    let log = server.log();
    assert_eq!(log.matches("spans of traces are lost").count(), 1, "{log}");
    server.signal(Signal::TERM);
    let began = Instant::now();
    assert!(server.wait().success());
    // Three seconds for the collector, and what a debug build on a busy machine takes.
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
    assert!(server.log().contains("spans of traces were lost"), "{}", server.log());
}

#[test]
fn a_collector_that_nobody_could_speak_to_is_told_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_jobapp"));
    command.arg("--data").arg(folder.path()).args(["--port", "0"]).env("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317");
    let ended = Server::try_run(command).unwrap_err();
    let told = "OTEL_EXPORTER_OTLP_ENDPOINT in the environment: \"collector:4317\" is not an address such as";
    assert!(!ended.status.success() && ended.stderr.contains(told), "{ended:#?}");
}
