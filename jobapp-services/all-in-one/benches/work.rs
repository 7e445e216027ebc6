//! Sets a `jobapp` to work, for a build that counts what it does: journeys from sign-up to review, gigs, and many reads by
//! visitors and users. Measures nothing.
//!
//! `PROGRAM LOG`: the program to start, and the file for what it logs.
#![expect(clippy::print_stdout, reason = "it says how far it is")]

mod marketplace;

#[path = "../../../examples/journey.rs"]
#[expect(dead_code, reason = "the example's own main is not called here")]
mod journey;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use marketplace::{Running, fill, first_search, free_port, read, seller};

const JOURNEYS: usize = 8;
const GIGS: usize = 500;
/// How often each page is read.
const READS: u32 = 4_000;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (program, log) = arguments.next().zip(arguments.next()).context("usage: work PROGRAM LOG")?;
    work(&program, &log)
        .await
        .with_context(|| format!("{} did not do its work; its log is {}", program.display(), log.display()))
}

async fn work(program: &Path, log: &Path) -> anyhow::Result<()> {
    let data = tempfile::tempdir()?;
    let port = free_port()?;
    let base = format!("http://localhost:{port}");
    let log = std::fs::File::create(log).with_context(|| format!("{} could not be written", log.display()))?;
    let running =
        Running::start(program, data.path(), port, &["--log-format", "json", "--rate-limits", "off"], log.into())?;

    println!("{JOURNEYS} journeys …");
    let seller = seller(&base).await?;
    for number in 0..JOURNEYS {
        let patience = Duration::from_secs(30);
        let suffix = format!("{number:06}");
        journey::travel(&journey::Options { base: base.clone(), patience, suffix, mailpit: None, tell: |_| {} })
            .await?;
    }
    println!("{GIGS} gigs …");
    let gig = fill(&base, &seller, GIGS).await?;
    first_search(&base).await?;
    let pages = [
        "/auth/search/gig/0/10/forward?query=modern%20logo".to_owned(),
        format!("/gig/{gig}"),
        format!("/gig/seller/{}", seller.id),
        "/auth/currentuser".to_owned(),
        "/buyer/username".to_owned(),
        "/message/conversations/Iria".to_owned(),
        format!("/order/seller/{}", seller.id),
    ];
    for page in &pages {
        println!("{READS} times {page} …");
        read(&seller.client, page, READS).await?;
    }
    running.stop()
}
