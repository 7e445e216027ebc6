//! Measures reads that are answered from the index and the store: a search of ten of 200 hits, and lists of twenty orders,
//! over 1 and 32 connections. Prints figures and the machine; judges nothing.
//!
//! `[seconds] [program]`: 5 for each figure, and the `jobapp` beside this program.
#![expect(clippy::print_stdout, reason = "a bench prints")]

#[expect(dead_code, reason = "each bench uses a part of it")]
mod crowd;
mod load;
#[expect(dead_code, reason = "each bench uses a part of it")]
mod marketplace;
#[expect(dead_code, reason = "each bench uses a part of it")]
mod process;

use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::ensure;
use crowd::{API, text};
use load::{Call, Connection};
use marketplace::{Running, free_port};
use process::{arguments, cpu_seconds, machine};
use serde_json::Value;

/// How many gigs the search finds.
const GIGS: usize = 200;
const ORDERS: usize = 20;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let (seconds, program) = arguments(5, "how many seconds?")?;
    let folder = tempfile::tempdir()?;
    println!("machine: {}", machine());
    let port = free_port()?;
    let flags = ["--log", "error", "--rate-limits", "off"];
    let running = Running::start(&program, folder.path(), port, &flags, Stdio::inherit())?;
    crowd::answers(port).await?;
    let people = crowd::gather(port, 2).await?;
    let (buyer, seller) = (&people[0], &people[1]);
    println!("{GIGS} gigs and {ORDERS} orders …");
    let mut connection = Connection::open(port).await?;
    let mut gig = String::new();
    for number in 0..GIGS {
        let answer = connection.call(crowd::gig(seller, &format!("I will make logo {number}"))).await?.json()?;
        gig = text(&answer, "/gig/id")?;
    }
    for number in 0..ORDERS {
        let intent = crowd::pay(&mut connection, buyer).await?;
        let order = crowd::order(buyer, seller, &gig, &intent, &format!("JO12345{number:05}"));
        connection.call(order).await?.json()?;
    }
    crowd::settled(port, Duration::from_secs(60)).await?;

    let search = Call::get(format!("{API}/auth/search/gig/0/10/forward?query=logo"), "");
    let deadline = Instant::now() + Duration::from_secs(30);
    while connection.call(search.clone()).await?.json()?["total"] != GIGS {
        ensure!(Instant::now() < deadline, "the search does not find {GIGS} gigs");
    }
    let reads = [
        ("search, 10 of 200 hits", search, ("/gigs", 10)),
        (
            "orders of a buyer, 20",
            Call::get(format!("{API}/order/buyer/{}", buyer.buyer_id), &buyer.cookies),
            ("/orders", ORDERS),
        ),
        (
            "orders of a seller, 20",
            Call::get(format!("{API}/order/seller/{}", seller.seller_id), &seller.cookies),
            ("/orders", ORDERS),
        ),
    ];
    for (what, call, (list, long)) in reads {
        let answer = connection.call(call.clone()).await?.json()?;
        let found = answer.pointer(list).and_then(Value::as_array).map(Vec::len);
        ensure!(found == Some(long), "{what}: {found:?} found");
        for connections in [1, 32] {
            let cpu = cpu_seconds(running.0.id())?;
            let call = call.clone();
            let run = load::run(port, connections, Duration::from_secs(seconds.into()), move |_, _| Some(call.clone()))
                .await?;
            let cpu = (cpu_seconds(running.0.id())? - cpu) / run.answered.len() as f64;
            println!(
                "{what:24} {connections:3} at once: {:6.0} a second, p50 {:6.2} ms, p99 {:6.2} ms, CPU {:6.3} ms, {} refused",
                run.a_second(),
                run.percentile(0.5).as_secs_f64() * 1e3,
                run.percentile(0.99).as_secs_f64() * 1e3,
                cpu * 1e3,
                run.refused,
            );
        }
    }
    running.stop()
}
