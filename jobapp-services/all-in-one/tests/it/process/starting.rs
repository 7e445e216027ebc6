//! Ports, settings, secrets and help.

use std::net::TcpListener;

use super::{failed, fails};
use crate::harness::Server;
use crate::harness::server::run_to_end;

#[test]
fn a_taken_port_is_named_and_the_data_stay_as_they_are() {
    let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let folder = tempfile::tempdir().unwrap();
    let ended = run_to_end(&["--data", folder.path().to_str().unwrap(), "--port", &port, "--log", "warn"]);
    failed(&ended, &[&port, "in use"]);
    Server::start(folder.path(), &[]);
}

#[test]
fn an_address_that_is_not_ours_is_named() {
    let folder = tempfile::tempdir().unwrap();
    fails(folder.path(), &["--bind", "192.0.2.1"], &["192.0.2.1"]);
}

#[test]
fn every_wrong_setting_is_named_at_once_before_anything_is_touched() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let config = folder.path().join("settings.toml");
    std::fs::write(&config, "public_url = \"nowhere\"\ncolour = \"green\"\n").unwrap();
    let ended = run_to_end(&[
        "--data",
        data.to_str().unwrap(),
        "--config",
        config.to_str().unwrap(),
        "--port",
        "70000",
        "--bind",
        "somewhere",
        "--client-url",
        "localhost:3000",
        "--dev",
        "perhaps",
        "--body-limit",
        "1",
        "--log-format",
        "pretty",
    ]);
    failed(
        &ended,
        &[
            "--port",
            "70000",
            "--bind",
            "somewhere",
            "--client-url",
            "--dev",
            "perhaps",
            "--body-limit",
            "--log-format",
            "public_url",
            "nowhere",
            "colour",
            "settings.toml",
        ],
    );
    assert!(!data.exists());

    let ended = run_to_end(&["--config", folder.path().join("missing.toml").to_str().unwrap()]);
    failed(&ended, &["missing.toml"]);
    std::fs::write(&config, "port = = 1").unwrap();
    failed(&run_to_end(&["--config", config.to_str().unwrap()]), &["settings.toml"]);
    let ended = run_to_end(&["--colour", "green"]);
    failed(&ended, &["--colour"]);
}

#[test]
fn secrets_that_cannot_be_read_are_named_and_not_printed() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("secrets.toml"), "user_tokens = hush-hush").unwrap();
    fails(folder.path(), &[], &["secrets.toml"]);
    let ended = Server::try_start(folder.path(), &[]).unwrap_err();
    assert!(!ended.stderr.contains("hush"), "{ended:#?}");
    assert_eq!(std::fs::read_to_string(folder.path().join("secrets.toml")).unwrap(), "user_tokens = hush-hush");
}

#[test]
fn help_explains_every_flag_and_command() {
    let ended = run_to_end(&["--help"]);
    assert!(ended.status.success(), "{ended:#?}");
    for part in [
        "--data",
        "--port",
        "--bind",
        "--client-url",
        "--public-url",
        "--dev",
        "--demo",
        "--seed-routes",
        "--log",
        "--body-limit",
        "search",
        "dead-letters",
        "dump",
        "Examples",
        "JOBAPP_DATA",
        "CLIENT_URL",
        "4000",
    ] {
        assert!(ended.stdout.contains(part), "{part} is missing in {}", ended.stdout);
    }
    assert!(run_to_end(&["--version"]).stdout.starts_with("jobapp "));
}

#[test]
fn the_start_says_where_everything_is() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let printed = server.printed();
    assert!(server.stop().success());
    for part in ["/api/gateway/v1", "http://localhost:"] {
        assert!(printed.contains(part), "{printed}");
    }
}

#[tokio::test]
async fn developer_pages_are_only_where_they_are_wanted() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &["--dev", "false"]);
    let browser = server.browser();
    for (method, path) in [("GET", "/_dev/mail"), ("GET", "/_dev/payments"), ("POST", "/_dev/payments/pi_1/confirm")] {
        let answer = browser.send(browser.request(method, path)).await;
        assert_eq!(answer.status, 404, "{answer}");
    }
    let page = browser.send(reqwest::Client::new().get(browser.url("/")).header("accept", "text/html")).await;
    assert!(!page.text().contains("_dev"), "{page}");
}
