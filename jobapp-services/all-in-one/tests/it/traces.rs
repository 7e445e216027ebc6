//! Traces: one from a browser's request to all that follows from it, and never a secret in it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::json;

use crate::agent::{Agent, Opening};
use crate::collector::{Collector, Mood, Told};
use crate::harness::people::{order_number, sign_in};
use crate::harness::{Server, Trade, bodies};

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

#[tokio::test]
async fn an_order_is_one_trace_from_the_browser_to_mails_and_sockets() {
    let (folder, collector) = (tempfile::tempdir().unwrap(), Collector::start().await);
    let base = collector.base();
    let variables = [("OTEL_EXPORTER_OTLP_ENDPOINT", base.as_str()), ("OTEL_BSP_SCHEDULE_DELAY", "20")];
    let server = started(folder.path(), &variables);
    let (trade, agent) = (server.trade().await, Agent::start().await);
    let cookie = trade.seller.cookie("session").map(|session| format!("session={session}"));
    let mut tab = agent.joined("seller", &server.base, Opening { cookie, ..Opening::default() }).await;
    order_within_a_trace(&trade).await;
    trade.seller.told("placed an order for your gig.").await;
    trade.buyer.mail("orderReceipt").await;
    tab.news().await;
    let wanted = [
        // The request, and its way to the service.
        "gateway: POST /order <- browser",
        "gateway: POST order <- gateway: POST /order",
        "order: POST /api/v1/order <- gateway: POST order",
        "order: save order <- order: POST /api/v1/order",
    ];
    let missing = |spans: &[Told]| -> Vec<&str> {
        let tree = tree(spans, TRACE);
        wanted.into_iter().filter(|line| !tree.contains(*line)).collect()
    };
    collector.until("the whole trace", |spans| missing(spans).is_empty().then_some(())).await;
    assert!(server.stop().success());
    let spans = collector.spans();
    panic!("{:#?}", tree(&spans, TRACE));
}
