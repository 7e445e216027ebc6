//! The journey of the one binary, unchanged, over the eight programs, and what it leaves behind.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Child, Command, Stdio};

use anyhow::ensure;
use jobapp_client::Client;
use jobapp_cluster::{Cluster, Databases, Place, Plan, program};
use reqwest::Method;

use crate::journey::{Options, travel};
use crate::world::{PATIENCE, cluster, until};

pub(crate) fn options(base: &str, suffix: &str, mailpit: Option<&str>) -> Options {
    let mailpit = mailpit.map(str::to_owned);
    Options { base: base.to_owned(), patience: PATIENCE, suffix: suffix.to_owned(), mailpit, tell: |_| {} }
}

/// Two people do business over every gateway, with two of every program; then everything stored is what the one binary stores.
async fn journey_on(plan: Plan) {
    let expected = one_binary().await;
    let world = cluster(Plan { each: 2, ..plan }).await;
    let mailpit = world.servers().mailpit.as_ref().and_then(Place::api);
    travel(&options(world.url(), "000001", mailpit)).await.unwrap();
    until(async || same(&expected, &stored(&world)?)).await;
    let second = &world.gateways()[1];
    travel(&options(second, "000002", mailpit)).await.unwrap();
    assert!(world.stop().unwrap(), "every process ends as it should");
    for process in world.processes() {
        let log = process.log();
        let errors: Vec<&str> = log.lines().filter(|line| line.contains(r#""level":"ERROR""#)).collect();
        assert!(errors.is_empty(), "{}: {errors:#?}", process.service());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_of_each_program_on_one_postgres_are_the_one_binary() {
    journey_on(Plan::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_of_each_program_on_mysql_postgres_and_elasticsearch_are_the_one_binary() {
    journey_on(Plan { databases: Databases::MySqlAndPostgres, elasticsearch: true, ..Plan::default() }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_of_each_program_with_everything_on_what_suits_it_are_the_one_binary() {
    journey_on(Plan::polyglot()).await;
}

/// What a cluster stored, without its address, which is part of those of pictures.
pub(crate) fn stored(cluster: &Cluster) -> anyhow::Result<Vec<String>> {
    let mut lines: Vec<String> = cluster.dump()?.iter().map(|line| line.replace(cluster.url(), "<base>")).collect();
    lines.sort();
    Ok(lines)
}

/// Tells the first lines that only one of them has.
pub(crate) fn same(expected: &[String], found: &[String]) -> anyhow::Result<()> {
    let count = |lines: &[String]| {
        lines.iter().fold(BTreeMap::new(), |mut counts, line| {
            *counts.entry(line.clone()).or_insert(0_i32) += 1;
            counts
        })
    };
    let (expected, found) = (count(expected), count(found));
    let only = |of: &BTreeMap<String, i32>, other: &BTreeMap<String, i32>| -> Vec<String> {
        of.iter()
            .filter(|(line, count)| other.get(*line) != Some(count))
            .map(|(line, _)| line.clone())
            .take(5)
            .collect()
    };
    let (missing, further) = (only(&expected, &found), only(&found, &expected));
    ensure!(missing.is_empty() && further.is_empty(), "only expected: {missing:#?}\nonly found: {further:#?}");
    Ok(())
}

/// What the one binary stores after the same journey.
async fn one_binary() -> Vec<String> {
    let data = tempfile::tempdir().unwrap();
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    let base = format!("http://localhost:{port}");
    let data = data.path().join("data");
    let data = data.to_str().unwrap();
    let mut command = Command::new(program("jobapp").unwrap());
    command.args(["--port", &port.to_string(), "--log", "warn", "--data", data]);
    let running = Running(command.stdout(Stdio::null()).spawn().unwrap());
    travel(&options(&base, "000001", None)).await.unwrap();
    let client = Client::new(&base).unwrap();
    until(async || {
        let status = client.call(Method::GET, "/_dev/status", None).await?;
        ensure!(status["settled"] == true, "{status}");
        Ok(())
    })
    .await;
    running.stop();
    let mut command = Command::new(program("jobapp").unwrap());
    let output = command.args(["dump", "--canonical", "--log", "warn", "--data", data]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap().replace(&base, "<base>");
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

/// The one binary; killed when dropped.
struct Running(Child);

impl Running {
    fn stop(mut self) {
        let id = i32::try_from(self.0.id()).ok().and_then(rustix::process::Pid::from_raw).unwrap();
        rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
        assert!(self.0.wait().unwrap().success());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Fails only if it has ended already.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}
