//! What a program says of itself, and how it starts and ends.

use std::process::{Command, Output, Stdio};

use jobapp_cluster::{Cluster, Plan, SERVICES, program, settings_page};

use crate::world::{cluster, until};

fn run(service: &str, arguments: &[&str], settings: &[(&str, &str)]) -> Output {
    let mut command = Command::new(program(&format!("jobapp-{service}")).unwrap());
    command.args(arguments).env_clear().envs(settings.iter().copied()).stdin(Stdio::null()).output().unwrap()
}

fn said(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[tokio::test]
async fn every_program_tells_its_settings() {
    for service in SERVICES {
        let output = run(service, &["--help"], &[]);
        let help = said(&output.stdout);
        assert!(output.status.success(), "{service}");
        for part in ["--check", "--port", "RABBITMQ_ENDPOINT", "[env: PORT]", "/readyz"] {
            assert!(help.contains(part), "{service}: no {part} in {help}");
        }
        assert!(!help.contains("--jwt-token") && !help.contains("--store"), "a secret on a command line: {help}");
    }
}

#[tokio::test]
async fn the_page_of_settings_is_current() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/settings.md");
    let written = std::fs::read_to_string(page).unwrap_or_default();
    assert!(
        written == settings_page().unwrap(),
        "docs/settings.md is not what the programs tell: cargo xtask settings"
    );
    let is_told = |line: &&str| line.split(" | ").nth(3).is_some_and(|about| !about.trim().is_empty());
    assert!(written.lines().filter(|line| line.starts_with("| `")).all(|line| is_told(&line)), "{written}");
}

#[tokio::test]
async fn a_program_without_its_settings_tells_every_one_of_them_and_does_not_start() {
    for (service, missing) in [
        ("auth", vec!["jwt_token", "gateway_jwt_token", "MYSQL_DB", "RABBITMQ_ENDPOINT", "JOBAPP_MEDIA"]),
        ("order", vec!["JWT_TOKEN", "DATABASE_URL", "JOBAPP_PAYMENTS"]),
        ("notification", vec!["JOBAPP_MAIL", "JOBAPP_SENT_RECORDS or REDIS_HOST"]),
        ("gateway", vec!["REDIS_HOST"]),
        ("gig", vec!["JOBAPP_SEARCH or ELASTIC_SEARCH_URL"]),
    ] {
        let output = run(service, &[], &[]);
        let told = said(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{service}: {told}");
        for part in missing {
            assert!(told.contains(part), "{service}: no {part} in {told}");
        }
    }
    let settings = [("PORT", "70000"), ("AUTH_BASE_URL", "https://auth"), ("JWT_TOKEN", "short")];
    let told = said(&run("gateway", &["--check"], &settings).stderr);
    for part in
        ["PORT in the environment: \"70000\" is not a port", "AUTH_BASE_URL in the environment: \"https://auth\""]
    {
        assert!(told.contains(part), "{told}");
    }
    assert!(!told.contains("short\""), "a secret is shown: {told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_tries_every_server_and_names_the_one_that_is_away_without_its_password() {
    let world = cluster(Plan { mail_host: true, ..Plan::default() }).await;
    for process in world.processes() {
        let told = process.command(&["--check"]).unwrap();
        assert!(told.contains("It could start.") && !told.contains("wrong"), "{}: {told}", process.service());
    }
    world.servers().redis.own().stop().await;
    let servers = world.servers();
    let gig = world.of("gig").next().unwrap();
    let told = gig.command(&["--check"]).unwrap_err().to_string();
    let wrong: Vec<&str> = told.lines().filter(|line| line.contains("wrong ")).collect();
    assert_eq!(wrong.len(), 1, "{told}");
    assert!(wrong[0].contains("peers") && wrong[0].contains("redis://"), "{told}");
    servers.postgres.as_ref().unwrap().own().stop().await;
    let told = gig.command(&["--check"]).unwrap_err().to_string();
    assert!(told.contains("wrong  database") && told.contains("postgres:***@") && !told.contains(":jobapp@"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_that_start_before_their_servers_wait_say_for_what_and_begin() {
    let world = Cluster::prepare(&Plan::default()).await.unwrap();
    let servers = world.servers();
    servers.rabbitmq.own().stop().await;
    servers.postgres.as_ref().unwrap().own().stop().await;
    let order = world.of("order").next().unwrap();
    order.start().unwrap();
    let waits = |what: &'static str| {
        let url = order.url();
        async move {
            until(async || {
                let answer = reqwest::get(format!("{url}/readyz")).await?;
                let status = answer.status().as_u16();
                let told = answer.text().await?;
                anyhow::ensure!(status == 503 && told.contains(what), "{status}: {told}");
                let lives = reqwest::get(format!("{url}/livez")).await?.status().is_success();
                anyhow::ensure!(lives, "it does not live");
                Ok(())
            })
            .await;
        }
    };
    waits("the message broker").await;
    servers.rabbitmq.own().start().await;
    waits("the database").await;
    servers.postgres.as_ref().unwrap().own().start().await;
    order.ready().await.unwrap();
    assert!(order.stop().unwrap(), "it ends as it should");
    // Asked while it waits, it ends at once and well.
    servers.postgres.as_ref().unwrap().own().stop().await;
    order.start().unwrap();
    waits("the database").await;
    assert!(order.stop().unwrap(), "it ends as it should");
}
