//! What Prometheus is told: that it is all there, that it names nobody, and that rules, dashboards and saved searches ask for what there is.

use std::collections::BTreeSet;
use std::net::TcpListener;

use futures::StreamExt;
use jobapp_cluster::observability::{Told, fields, queries, saved_fields};
use serde_json::json;

use crate::harness::checks::within;
use crate::harness::{Browser, Server, Trade, soon};

/// A port that is free at the moment.
pub fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

struct Observed {
    server: Server,
    metrics: String,
    _folder: tempfile::TempDir,
}

impl Observed {
    fn start(log: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = free_port().to_string();
        let arguments = ["--metrics-port", &port, "--log", log, "--log-format", "json"];
        let server = Server::start(folder.path(), &arguments);
        Self { server, metrics: format!("http://127.0.0.1:{port}/metrics"), _folder: folder }
    }

    async fn page(&self) -> String {
        let answer = reqwest::get(&self.metrics).await.unwrap();
        assert_eq!(answer.status(), 200);
        assert!(answer.headers()["content-type"].to_str().unwrap().starts_with("text/plain; version=0.0.4"));
        answer.text().await.unwrap()
    }

    /// Waits until the series has this value.
    async fn tells(&self, series: &str, value: &str) {
        soon(&format!("{series} {value}"), || async {
            let page = self.page().await;
            let (name, _) = series.split_once('{').unwrap_or((series, ""));
            let alike: Vec<&str> = page.lines().filter(|line| line.starts_with(name)).collect();
            let wanted = format!("{series} {value}");
            if alike.contains(&wanted.as_str()) { Ok(()) } else { Err(alike.join("\n")) }
        })
        .await;
    }
}

/// Everything that happens between two people; what must be found in no metric.
async fn journey(trade: &Trade, stranger: &Browser) -> Vec<String> {
    let conversation = trade.say(true, None, "Do you draw whales?").await;
    let number = trade.completed_order().await;
    for by_buyer in [true, false] {
        let side = if by_buyer { &trade.buyer } else { &*trade.seller };
        soon("the review is taken", || async {
            let answer = side.post("/review", trade.review(by_buyer, &number, 5)).await;
            if answer.status == 201 { Ok(()) } else { Err(answer.to_string()) }
        })
        .await;
    }
    let wrong = json!({ "username": trade.buyer.username, "password": "no such password", "browserName": "curl", "deviceType": "browser" });
    assert_eq!(stranger.post("/auth/signin", wrong).await.status, 400);
    assert_eq!(trade.buyer.get(&format!("/no/such/{}", trade.buyer.username)).await.status, 404);
    trade.buyer.get(&format!("/gig/{}", trade.gig.id)).await.good();
    trade.buyer.get("/gig/search/0/10/forward?query=whales").await.good();
    let mut private = vec![conversation, number, trade.gig.id.clone(), trade.seller.seller_id.clone()];
    for person in [&trade.buyer, &*trade.seller] {
        private.extend([person.username.clone(), person.email.clone(), person.buyer_id.clone()]);
    }
    private
}

#[tokio::test]
async fn a_journey_is_told_and_nobody_is_named() {
    let observed = Observed::start("debug");
    let trade = observed.server.trade().await;
    let private = journey(&trade, &observed.server.browser()).await;
    for (event, service, count) in [
        ("signed_up", "auth", 2),
        ("gig_created", "gig", 1),
        ("message_sent", "chat", 1),
        ("order_placed", "order", 1),
        ("order_started", "order", 1),
        ("order_delivered", "order", 1),
        ("order_approved", "order", 1),
        ("review_written", "review", 2),
    ] {
        observed
            .tells(&format!("jobapp_events_total{{event=\"{event}\",service=\"{service}\"}}"), &count.to_string())
            .await;
    }
    observed.tells("jobapp_sign_ins_total{outcome=\"wrong_credentials\"}", "1").await;
    observed.tells("jobapp_mails_total{outcome=\"sent\",template=\"verifyEmail\"}", "2").await;
    for service in ["auth", "users", "gig", "chat", "order", "review"] {
        observed.tells(&format!("jobapp_outbox_waiting{{service=\"{service}\"}}"), "0").await;
        observed.tells(&format!("jobapp_outbox_oldest_seconds{{service=\"{service}\"}}"), "0").await;
    }
    observed.tells("jobapp_queue_dead{queue=\"user-seller-queue\",service=\"users\"}", "0").await;
    observed.tells("jobapp_breaker_state{state=\"closed\",upstream=\"gig\"}", "1").await;
    observed.tells("jobapp_parts_in_trouble{vital=\"yes\"}", "0").await;
    observed.tells("gig_service_gigs_created_total{categories=\"Graphics & Design\"}", "1").await;

    let page = observed.page().await;
    let mut told = Told::default();
    told.add(&page).unwrap();
    for (metric, label, value) in told.values() {
        let lower = value.to_lowercase();
        for secret in &private {
            assert!(!lower.contains(&secret.to_lowercase()), "{metric} names {secret} in {label}={value:?}");
        }
        // Addresses, ids of documents, of payments and of messages, and paths with numbers.
        assert!(!value.contains('@'), "{metric} {label}={value:?}");
        let is_id = |part: &str| part.len() >= 12 && part.bytes().filter(u8::is_ascii_digit).count() > 3;
        assert!(!value.split(|sign: char| !sign.is_alphanumeric()).any(is_id), "{metric} {label}={value:?}");
        let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        assert!(label != "route" || !value.split('/').any(is_number), "{metric} {label}={value:?}");
    }
    // Every event that happened has a name here.
    for line in page.lines().filter(|line| line.starts_with("jobapp_events_total{event=\"other\"")) {
        assert!(line.ends_with(" 0"), "{line}");
    }
    // Both ends of a call within the process.
    for (service, route) in [("gateway", "/gig/:gigId"), ("gig", "/api/v1/gig/:gigId")] {
        let labels = format!("method=\"GET\",route=\"{route}\",service=\"{service}\",status=\"2xx\"");
        let line = format!("jobapp_http_request_duration_seconds_count{{{labels}}}");
        assert!(page.contains(&line), "{line} is not in\n{page}");
    }
}

#[tokio::test]
async fn rules_dashboards_and_saved_searches_ask_for_what_there_is() {
    let observed = Observed::start("debug");
    let trade = observed.server.trade().await;
    journey(&trade, &observed.server.browser()).await;
    observed.tells("jobapp_events_total{event=\"review_written\",service=\"review\"}", "2").await;
    let mut told = Told::default();
    told.add(&observed.page().await).unwrap();
    // What only the eight services have is looked at where they run.
    let queries: Vec<_> = queries().unwrap().into_iter().filter(|query| !query.file.starts_with("services.")).collect();
    assert!(queries.len() > 60, "{}", queries.len());
    let missing: Vec<String> = queries.iter().flat_map(|query| told.missing(query).unwrap()).collect();
    assert!(missing.is_empty(), "{missing:#?}");

    let known = fields(&observed.server.log()).unwrap();
    let asked = saved_fields().unwrap();
    assert!(asked.len() > 20, "{asked:?}");
    let missing: BTreeSet<_> = asked.into_iter().filter(|(_, field)| !known.contains(field)).collect();
    assert!(missing.is_empty(), "{missing:?} are no fields of a line; those are {known:?}");
}

#[tokio::test]
async fn ten_thousand_paths_ids_and_names_make_no_series() {
    let observed = Observed::start("warn");
    let person = observed.server.person().await;
    let path = |number: u32| match number % 4 {
        0 => format!("/gig/{number:024x}"),
        1 => format!("/seller/username/Nobody{number}"),
        2 => format!("/nowhere/{number}/{number}"),
        _ => format!("/order/JO{number:011}"),
    };
    let ask = |number: u32| {
        let method = if number % 8 == 7 { format!("BREW{number}") } else { "GET".to_owned() };
        let (browser, path) = (&person.browser, path(number));
        async move {
            let answer = browser.call(&method, &path, None).await;
            // Who asks for the profile of nobody is told that there is none.
            assert!((200..500).contains(&answer.status) && answer.status != 429, "{answer}");
        }
    };
    let series = async || observed.page().await.lines().filter(|line| line.starts_with("jobapp_")).count();
    for number in 0..64 {
        ask(number).await;
    }
    let before = series().await;
    futures::stream::iter(64..10_064).map(ask).buffer_unordered(64).collect::<Vec<()>>().await;
    let after = series().await;
    assert_eq!(after, before);
}

#[tokio::test]
async fn metrics_are_at_their_own_port_and_nowhere_else() {
    let observed = Observed::start("warn");
    let public = reqwest::get(format!("{}/metrics", observed.server.base)).await.unwrap();
    assert_eq!(public.status(), 404);
    let other = reqwest::get(observed.metrics.replace("/metrics", "/livez")).await.unwrap();
    assert_eq!(other.status(), 404);
    // Without the setting nothing listens but the marketplace.
    let folder = tempfile::tempdir().unwrap();
    let silent = Server::start(folder.path(), &[]);
    let listening = within(std::time::Duration::from_secs(10), "what it listens to", || async {
        let ports = listened_to(silent.id());
        if ports.is_empty() { Err("nothing".to_owned()) } else { Ok(ports) }
    })
    .await;
    assert_eq!(listening, [silent.port].into());
    // One that is asked for must be had.
    let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let elsewhere = tempfile::tempdir().unwrap();
    let ended = Server::try_start(elsewhere.path(), &["--metrics-port", &port]).unwrap_err();
    assert!(ended.stderr.contains(&port) && ended.stderr.contains("in use"), "{ended:#?}");
}

/// The ports at which a process listens, as the system tells.
fn listened_to(process: u32) -> BTreeSet<u16> {
    let sockets: BTreeSet<String> = std::fs::read_dir(format!("/proc/{process}/fd"))
        .unwrap()
        .filter_map(|file| std::fs::read_link(file.ok()?.path()).ok())
        .filter_map(|link| Some(link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned()))
        .collect();
    let mut ports = BTreeSet::new();
    for table in ["tcp", "tcp6"] {
        let table = std::fs::read_to_string(format!("/proc/{process}/net/{table}")).unwrap();
        for line in table.lines().skip(1) {
            let cells: Vec<&str> = line.split_whitespace().collect();
            // State 0A listens.
            if cells[3] == "0A" && sockets.contains(cells[9]) {
                let (_, port) = cells[1].rsplit_once(':').unwrap();
                ports.insert(u16::from_str_radix(port, 16).unwrap());
            }
        }
    }
    ports
}
