//! The process is killed while two people do business, started again, and nothing is lost and nothing happened twice.
//!
//! The moments of the kills are the same in every run, as parts of a journey. To hunt for others, choose them:
//!
//! ```text
//! JOBAPP_CRASH_SEED=0.42 JOBAPP_CRASH_KILLS=100 cargo test -p jobapp-all-in-one --test crash
//! ```
//!
//! The seed is a number from 0 to 1, the part of the journey before the first kill.

#[path = "../../../../examples/journey.rs"]
#[expect(dead_code, reason = "the example's own main is not called here")]
mod journey;

use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::str::FromStr;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use jobapp_client::Client;
use reqwest::Method;

/// How often the process is killed, once in each of as many journeys, if `JOBAPP_CRASH_KILLS` does not say.
const KILLS: u32 = 25;
/// Chooses the moments of the kills, if `JOBAPP_CRASH_SEED` does not.
const SEED: f64 = 0.137;
/// How long anything may take before the test fails instead of hanging.
const PATIENCE: Duration = Duration::from_secs(90);

/// A running marketplace, killed without warning when dropped.
struct Running(Child);

impl Running {
    fn start(data: &Path, port: u16) -> Self {
        let child = Command::new(env!("CARGO_BIN_EXE_jobapp"))
            .args(["--port", &port.to_string(), "--log", "warn,jobapp=warn", "--data"])
            .arg(data)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Self(child)
    }

    fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    fn stop(mut self) -> anyhow::Result<()> {
        let asked = Command::new("kill").args(["-TERM", &self.0.id().to_string()]).status()?;
        ensure!(asked.success(), "the marketplace cannot be asked to stop: {asked}");
        let ended = self.0.wait()?;
        ensure!(ended.success(), "the marketplace did not stop politely: {ended}");
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Fails only if it has ended already.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// A free port below those that systems give to whoever connects or asks for any: while the marketplace is down, nobody is
/// given its port.
fn free_port() -> u16 {
    const FIRST: u32 = 20_000;
    const COUNT: u32 = 10_000;
    // Tests that run at once begin far from each other.
    let begin = std::process::id().wrapping_mul(7919);
    (0..COUNT)
        .map(|n| u16::try_from(FIRST + begin.wrapping_add(n) % COUNT).unwrap())
        .find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
        .unwrap()
}

fn base(port: u16) -> String {
    format!("http://localhost:{port}")
}

fn options(port: u16) -> journey::Options {
    let suffix = "000001".to_owned();
    journey::Options { base: base(port), patience: PATIENCE, suffix, mailpit: None, tell: |_| {} }
}

/// Waits until no event and no message is under way.
async fn settled(port: u16) -> anyhow::Result<()> {
    let client = Client::new(&base(port))?.retrying(PATIENCE);
    let deadline = Instant::now() + PATIENCE;
    loop {
        let status = client.call(Method::GET, "/_dev/status", None).await?;
        if status["settled"] == true {
            let queues = status["queues"].as_object().context("a status without queues")?;
            ensure!(queues.values().all(|queue| queue["dead"] == 0), "dead letters: {status}");
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "it does not settle: {status}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Everything stored, with ids and times replaced, and the address, which is part of those of pictures.
fn dump(data: &Path, port: u16) -> Vec<String> {
    let output = Command::new(env!("CARGO_BIN_EXE_jobapp"))
        .args(["dump", "--canonical", "--log", "warn", "--data"])
        .arg(data)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap().replace(&base(port), "<base>");
    // How often somebody's session was started differs when an answer was lost on its way; nothing else may.
    text.lines().filter(|line| !line.contains(r#""aggregate":"session""#)).map(str::to_owned).collect()
}

async fn undisturbed() -> (Vec<String>, Duration) {
    let data = tempfile::tempdir().unwrap();
    let port = free_port();
    let running = Running::start(data.path(), port);
    settled(port).await.unwrap();
    let started = Instant::now();
    journey::travel(&options(port)).await.unwrap();
    let took = started.elapsed();
    settled(port).await.unwrap();
    running.stop().unwrap();
    (dump(data.path(), port), took)
}

/// A journey during which the process is killed after `after`, and started again at once.
async fn disturbed(after: Duration) -> anyhow::Result<Vec<String>> {
    let data = tempfile::tempdir().unwrap();
    let port = free_port();
    let mut running = Running::start(data.path(), port);
    settled(port).await?;
    let travelling = tokio::spawn(async move { journey::travel(&options(port)).await });
    // The moment of the kill is what the test is about: no condition to wait for.
    tokio::time::sleep(after).await;
    running.kill();
    let running = Running::start(data.path(), port);
    travelling.await.unwrap()?;
    settled(port).await?;
    running.stop()?;
    Ok(dump(data.path(), port))
}

/// The seeded points, spread over the journey: an additive recurrence fills an interval evenly for any count.
fn moments(journey: Duration, seed: f64, kills: u32) -> impl Iterator<Item = Duration> {
    const GOLDEN: f64 = 0.618_033_988_749_895;
    (0..kills).map(move |n| journey.mul_f64((seed + f64::from(n) * GOLDEN).fract()))
}

/// A number from the environment, or `default` if it is not set.
fn chosen<T: FromStr>(name: &str, default: T) -> T {
    let Some(text) = std::env::var_os(name) else { return default };
    text.to_str().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("{name} is no number: {text:?}"))
}

/// What one dump has and the other has not; empty if they are the same.
fn difference(expected: &[String], found: &[String]) -> String {
    let shown = |sign: char, these: &[String], those: &[String]| -> String {
        these
            .iter()
            .filter(|line| !those.contains(line))
            .fold(String::new(), |text, line| text + &format!("{sign} {line}\n"))
    };
    let lines = shown('-', expected, found) + &shown('+', found, expected);
    if lines.is_empty() && expected.len() != found.len() {
        return format!("{} lines instead of {}, all of them known\n", found.len(), expected.len());
    }
    lines
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_anywhere_nothing_is_lost_and_nothing_happens_twice() {
    let (seed, kills) = (chosen("JOBAPP_CRASH_SEED", SEED), chosen("JOBAPP_CRASH_KILLS", KILLS));
    assert!((0.0..=1.0).contains(&seed), "JOBAPP_CRASH_SEED is a number from 0 to 1, not {seed}");
    let (expected, took) = undisturbed().await;
    assert!(expected.len() > 20, "the dump is nearly empty: {expected:#?}");
    for (kill, after) in (1..).zip(moments(took, seed, kills)) {
        let moment = format!("seed {seed}, kill {kill} of {kills}, after {after:?} of {took:?}");
        let found = disturbed(after).await.unwrap_or_else(|error| panic!("{moment}: {error:#}"));
        let difference = difference(&expected, &found);
        assert!(difference.is_empty(), "{moment}: - is missing, + is too much\n{difference}");
    }
}
