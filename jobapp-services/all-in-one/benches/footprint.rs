//! Measures the one binary: how soon the first search is answered, what it holds in memory when idle, and what a gig by id
//! costs through the gateway. Prints figures and the machine; judges nothing.
//!
//! `[gigs] [program]`: 10,000, and the `jobapp` beside this program.
#![expect(clippy::print_stdout, reason = "a bench prints")]

mod marketplace;
mod process;

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use jobapp_client::Client;
use marketplace::{Running, fill, first_search, free_port, read, seller};
use process::{arguments, cpu_seconds, machine, resident_mib};

/// How many requests the CPU time of one is averaged over.
const REQUESTS: u32 = 20_000;
/// How many starts the time to the first search is the median of.
const STARTS: usize = 5;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let (gigs, program) = arguments(10_000, "how many gigs?")?;
    let gigs = gigs as usize;
    let data = tempfile::tempdir()?;
    let port = free_port()?;
    let base = format!("http://localhost:{port}");

    println!("machine: {}", machine());
    println!("filling a marketplace with {gigs} gigs …");
    let running = start(&program, data.path(), port)?;
    let seller = seller(&base).await?;
    let started = Instant::now();
    let gig = fill(&base, &seller, gigs).await?;
    println!("  {:.0} gigs a second", gigs as f64 / started.elapsed().as_secs_f64());
    running.stop()?;

    let mut first = Vec::new();
    for _ in 0..STARTS {
        let executed = Instant::now();
        let running = start(&program, data.path(), port)?;
        first_search(&base).await?;
        first.push(executed.elapsed());
        running.stop()?;
    }
    first.sort();
    report("first search answered after exec", first[STARTS / 2].as_secs_f64() * 1e3, 300.0, "ms");

    let running = start(&program, data.path(), port)?;
    first_search(&base).await?;
    settled(&base).await?;
    report("resident when idle", resident_mib(running.0.id())?, 64.0, "MiB");

    let before = cpu_seconds(running.0.id())?;
    read(&seller.client, &format!("/gig/{gig}"), REQUESTS).await?;
    let each = (cpu_seconds(running.0.id())? - before) / f64::from(REQUESTS);
    report("CPU of a gig by id through the gateway", each * 1e6, 150.0, "µs");
    report("resident after that", resident_mib(running.0.id())?, 64.0, "MiB");
    running.stop()
}

fn start(program: &Path, data: &Path, port: u16) -> anyhow::Result<Running> {
    Running::start(program, data, port, &["--log", "warn"], Stdio::inherit())
}

fn report(what: &str, found: f64, goal: f64, unit: &str) {
    println!("{what}: {found:.1} {unit} (goal {goal} {unit}, ratio {:.2})", found / goal);
}

/// Idle: nothing under way, and a pause for what is given back after a while.
async fn settled(base: &str) -> anyhow::Result<()> {
    let client = Client::new(base)?;
    while client.call(reqwest::Method::GET, "/_dev/status", None).await?["settled"] != true {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    tokio::time::sleep(Duration::from_secs(10)).await;
    Ok(())
}
