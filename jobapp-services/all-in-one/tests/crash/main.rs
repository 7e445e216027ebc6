//! The process is killed while two people do business, started again, and nothing is lost and nothing happened twice.

#[path = "../../../../examples/journey.rs"]
#[expect(dead_code, reason = "the example's own main is not called here")]
mod journey;

use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use jobapp_client::Client;
use reqwest::Method;

/// How often the process is killed, once in each of as many journeys.
const KILLS: u32 = 25;
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

    fn stop(mut self) {
        let asked = Command::new("kill").args(["-TERM", &self.0.id().to_string()]).status().unwrap();
        assert!(asked.success());
        assert!(self.0.wait().unwrap().success(), "the marketplace did not stop politely");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Fails only if it has ended already.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

fn base(port: u16) -> String {
    format!("http://localhost:{port}")
}

fn options(port: u16) -> journey::Options {
    journey::Options { base: base(port), patience: PATIENCE, suffix: "000001".to_owned() }
}

/// Waits until no event and no message is under way.
async fn settled(port: u16) {
    let client = Client::new(&base(port)).unwrap().retrying(PATIENCE);
    let deadline = Instant::now() + PATIENCE;
    loop {
        let status = client.call(Method::GET, "/_dev/status", None).await.unwrap();
        if status["settled"] == true {
            let queues = status["queues"].as_object().unwrap();
            assert!(queues.values().all(|queue| queue["dead"] == 0), "dead letters: {status}");
            return;
        }
        assert!(Instant::now() < deadline, "it does not settle: {status}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Everything stored, with ids and times replaced, and the port, which is part of the addresses of pictures.
fn dump(data: &Path, port: u16) -> Vec<String> {
    let output = Command::new(env!("CARGO_BIN_EXE_jobapp"))
        .args(["dump", "--canonical", "--log", "warn", "--data"])
        .arg(data)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap().replace(&port.to_string(), "<port>");
    // How often somebody's session was started differs when an answer was lost on its way; nothing else may.
    text.lines().filter(|line| !line.contains(r#""aggregate":"session""#)).map(str::to_owned).collect()
}

async fn undisturbed() -> (Vec<String>, Duration) {
    let data = tempfile::tempdir().unwrap();
    let port = free_port();
    let running = Running::start(data.path(), port);
    settled(port).await;
    let started = Instant::now();
    journey::travel(&options(port)).await.unwrap();
    let took = started.elapsed();
    settled(port).await;
    running.stop();
    (dump(data.path(), port), took)
}

/// A journey during which the process is killed after `after`, and started again at once.
async fn disturbed(after: Duration) -> Vec<String> {
    let data = tempfile::tempdir().unwrap();
    let port = free_port();
    let mut running = Running::start(data.path(), port);
    settled(port).await;
    let travelling = tokio::spawn(async move { journey::travel(&options(port)).await });
    // The moment of the kill is what the test is about: no condition to wait for.
    tokio::time::sleep(after).await;
    running.kill();
    let running = Running::start(data.path(), port);
    travelling.await.unwrap().unwrap_or_else(|error| panic!("killed after {after:?}: {error:#}"));
    settled(port).await;
    running.stop();
    dump(data.path(), port)
}

/// The seeded points, spread over the journey: an additive recurrence fills an interval evenly for any count.
fn moments(journey: Duration) -> impl Iterator<Item = Duration> {
    const GOLDEN: f64 = 0.618_033_988_749_895;
    const SEED: f64 = 0.137;
    (0..KILLS).map(move |n| journey.mul_f64((SEED + f64::from(n) * GOLDEN).fract()))
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_anywhere_nothing_is_lost_and_nothing_happens_twice() {
    let (expected, took) = undisturbed().await;
    assert!(expected.len() > 20, "the dump is nearly empty: {expected:#?}");
    for after in moments(took) {
        let found = disturbed(after).await;
        let missing: Vec<&String> = expected.iter().filter(|line| !found.contains(line)).collect();
        let extra: Vec<&String> = found.iter().filter(|line| !expected.contains(line)).collect();
        assert!(
            missing.is_empty() && extra.is_empty() && found.len() == expected.len(),
            "killed after {after:?}: missing {missing:#?}, extra {extra:#?}, {} lines instead of {}",
            found.len(),
            expected.len()
        );
    }
}
