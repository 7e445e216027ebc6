//! Commands, what they print, and who reads it.

use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use super::{failed, sign_in};
use crate::harness::checks::within;
use crate::harness::server::{Ended, run_to_end};
use crate::harness::{Browser, Server};

/// Runs a command on a folder.
fn on(folder: &Path, arguments: &[&str]) -> Ended {
    run_to_end(&[&["--data", folder.to_str().unwrap()], arguments].concat())
}

#[track_caller]
fn succeeded(ended: &Ended, part: &str) {
    assert!(ended.status.success() && ended.stdout.contains(part), "{part:?} is missing in {ended:#?}");
}

#[test]
fn a_command_whose_output_nobody_reads_ends_quietly() {
    let folder = tempfile::tempdir().unwrap();
    succeeded(
        &on(folder.path(), &["operator", "create", "Boss", "--email", "boss@example.org"]),
        "runs the marketplace",
    );
    for arguments in
        [&["dump"][..], &["operator", "list"], &["keys", "list"], &["dead-letters", "list"], &["completions", "zsh"]]
    {
        let mut child = Command::new(env!("CARGO_BIN_EXE_jobapp"))
            .arg("--data")
            .arg(folder.path())
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let mut complaint = String::new();
        child.stderr.take().unwrap().read_to_string(&mut complaint).unwrap();
        assert!(child.wait().unwrap().success() && complaint.is_empty(), "{arguments:?}: {complaint}");
    }
}

#[tokio::test]
async fn a_server_whose_output_nobody_reads_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    for format in ["text", "json"] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_jobapp"))
            .args(["--port", "0", "--log", "info", "--log-format", format, "--data"])
            .arg(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let base = loop {
            let line = lines.next().expect("the greeting names the API").unwrap();
            if let Some((_, address)) = line.split_once("http://") {
                break format!("http://{}", address.split('/').next().unwrap());
            }
        };
        drop((lines, child.stderr.take()));
        // Each is a line of the log that nobody reads.
        for _ in 0..3 {
            let answer = reqwest::get(format!("{base}/nothing")).await.unwrap();
            assert_eq!(answer.status(), 404);
        }
        kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
        assert!(child.wait().unwrap().success(), "{format}");
    }
}

#[test]
fn the_help_of_a_command_is_about_the_command() {
    let help = |arguments: &[&str]| run_to_end(&[arguments, &["--help"]].concat()).stdout;
    for command in [
        &["operator", "create"][..],
        &["operator"],
        &["dead-letters", "list"],
        &["dump"],
        &["backup"],
        &["keys", "rotate"],
    ] {
        let help = help(command);
        assert!(help.contains("--data") && help.contains("--log"), "{command:?}: {help}");
        for setting in ["--port", "--client-url", "--max-connections", "--demo", "--check"] {
            assert!(!help.contains(setting), "{command:?}: {help}");
        }
    }
    for command in [&["serve"][..], &[]] {
        let help = help(command);
        assert!(help.contains("--port") && help.contains("--max-connections"), "{help}");
    }
    // What is not shown is still read, wherever it stands.
    let folder = tempfile::tempdir().unwrap();
    let ended = on(folder.path(), &["operator", "create", "Boss", "--email", "boss@example.org", "--port", "4711"]);
    succeeded(&ended, ":4711/");
}

#[test]
fn shells_learn_to_complete_commands() {
    for (shell, part) in [("bash", "complete -F"), ("zsh", "#compdef jobapp"), ("fish", "complete -c jobapp")] {
        let ended = run_to_end(&["completions", shell]);
        succeeded(&ended, part);
        assert!(ended.stdout.contains("dead-letters"), "{}", ended.stdout);
    }
}

#[test]
fn a_check_names_everything_that_is_in_the_way_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    succeeded(&on(&data, &["--port", "0", "--check"]), "It could start.");
    assert!(!data.exists());

    let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    std::fs::create_dir(&data).unwrap();
    std::fs::write(data.join("secrets.toml"), "user_tokens = hush").unwrap();
    failed(&on(&data, &["--port", &port, "--check"]), &["in use", &port, "secrets.toml"]);
    assert_eq!(std::fs::read_dir(&data).unwrap().count(), 1);

    let file = folder.path().join("notes.txt");
    std::fs::write(&file, "my notes").unwrap();
    failed(&on(&file, &["--port", "0", "--check"]), &["notes.txt", "--data"]);
    failed(&on(&file.join("below"), &["--port", "0", "--check"]), &["notes.txt", "--data"]);

    let used = tempfile::tempdir().unwrap();
    let server = Server::start(used.path(), &[]);
    failed(&on(used.path(), &["--port", "0", "--check"]), &["in use by another jobapp (process "]);
    drop(server);
}

#[test]
fn what_the_system_says_is_told_once() {
    for arguments in [
        &["--bind", "192.0.2.1", "--port", "0"][..],
        &["--data", "/proc/jobapp", "--port", "0"],
        &["--config", "/nowhere.toml"],
    ] {
        let ended = run_to_end(arguments);
        assert_eq!(ended.stderr.matches("os error").count(), 1, "{ended:#?}");
    }
}

#[test]
fn an_operator_made_before_the_first_start_is_listed() {
    let folder = tempfile::tempdir().unwrap();
    succeeded(&on(folder.path(), &["operator", "create", "Boss", "--email", "boss@example.org"]), "Boss runs");
    succeeded(&on(folder.path(), &["operator", "list"]), "boss@example.org");
    succeeded(&on(folder.path(), &["keys", "list"]), "signs");
}

#[tokio::test]
async fn how_everything_is_can_be_asked_beside_a_running_marketplace() {
    let folder = tempfile::tempdir().unwrap();
    failed(&on(folder.path(), &["status"]), &["there is no marketplace"]);
    let server = Server::start(folder.path(), &[]);
    let seller = server.seller().await;
    seller.gig_called("Counted", 20.0).await;
    let status = within(std::time::Duration::from_secs(60), "all is well, and the gig is counted", || async {
        let ended = on(folder.path(), &["status", "--json", "--count"]);
        let status: serde_json::Value =
            serde_json::from_str(&ended.stdout).map_err(|error| format!("{error}: {ended:?}"))?;
        let is_well = ended.status.success() && status["search"]["listed"] == 1;
        if is_well { Ok(status) } else { Err(status.to_string()) }
    })
    .await;
    assert_eq!(status["services"].as_array().unwrap().len(), 7, "{status}");
    assert_eq!(status["services"][2]["stored"]["gig"], 1, "{status}");
    failed(&on(folder.path(), &["sessions", "list", &seller.username]), &["in use by another jobapp"]);
    drop(server);
    succeeded(&on(folder.path(), &["sessions", "list", &seller.username]), "since ");
    succeeded(&on(folder.path(), &["sessions", "end", &seller.username]), "is signed out of ");
    succeeded(&on(folder.path(), &["sessions", "list", &seller.username]), "signed in nowhere");
}

#[tokio::test]
async fn a_backup_is_of_one_moment_while_people_write() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&folder.path().join("data"), &[]);
    let seller = server.seller().await;
    let target = folder.path().join("copy");
    let writing = async {
        let mut written = Vec::new();
        // A backup in the midst of them, and some that come too late.
        for number in 0..12 {
            written.push(seller.gig_called(&format!("Copied {number}"), 20.0).await);
            if number == 4 {
                let arguments = ["backup", target.to_str().unwrap()].map(str::to_owned);
                let data = folder.path().join("data");
                let run = move || on(&data, &arguments.each_ref().map(String::as_str));
                let backup = tokio::task::spawn_blocking(run);
                for more in 0..6 {
                    seller.gig_called(&format!("Meanwhile {more}"), 20.0).await;
                }
                succeeded(&backup.await.unwrap(), "The backup is in");
            }
        }
        written
    };
    let written = writing.await;
    assert_eq!(written.len(), 12);
    failed(&on(&folder.path().join("data"), &["backup", target.to_str().unwrap()]), &["there already"]);
    let within_itself = folder.path().join("data").join("copy");
    failed(&on(&folder.path().join("data"), &["backup", within_itself.to_str().unwrap()]), &["within the data folder"]);
    drop(server);

    let copy = Server::start(&target, &[]);
    let browser = sign_in(&copy, &seller.username).await;
    let gigs = browser.get(&format!("/gig/seller/{}", seller.seller_id)).await.good();
    let titles: Vec<&str> = gigs["gigs"].as_array().unwrap().iter().map(|gig| gig["title"].as_str().unwrap()).collect();
    for number in 0..5 {
        assert!(titles.contains(&&*format!("Copied {number}")), "{titles:?}");
    }
    assert!(!titles.contains(&"Copied 11"), "{titles:?}");
    // What was on its way between the services arrives: each gig is counted once and found.
    within(std::time::Duration::from_secs(60), "every gig is counted", || async {
        let body = browser.get(&format!("/seller/id/{}", seller.seller_id)).await.good();
        crate::harness::checks::at(&body, "/seller/totalGigs", titles.len())
    })
    .await;
    let picture = gigs["gigs"][0]["coverImage"].as_str().unwrap();
    let path = &picture[picture.find("/media/").unwrap()..];
    assert_eq!(reqwest::get(format!("{}{path}", copy.base)).await.unwrap().status(), 200);
}

/// What a server has printed of its demo, once it has.
async fn introduction(server: &Server) -> String {
    within(std::time::Duration::from_secs(120), "the demo is there", || async {
        let printed = server.printed();
        if printed.contains("The demo is ") { Ok(printed) } else { Err(printed) }
    })
    .await
}

fn password(printed: &str) -> String {
    printed.split_once("the password of all is \"").unwrap().1.split('"').next().unwrap().to_owned()
}

async fn asks_for_a_code(browser: &Browser, password: &str) -> serde_json::Value {
    let body = json!({ "username": "Marta", "password": password, "browserName": "curl", "deviceType": "shell" });
    let answer = browser.post("/auth/signin", body).await;
    answer.says("OTP code sent");
    answer.json()
}

#[tokio::test]
async fn a_demo_that_others_may_reach_has_a_password_nobody_knows_and_every_start_tells_it() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &["--demo", "--public-url", "http://shop.example.org"]);
    let printed = introduction(&server).await;
    let first = password(&printed);
    assert!(first.len() >= 16 && first != "demo marketplace", "{printed}");
    assert!(!printed.contains("_dev/mail"), "{printed}");
    let answer = asks_for_a_code(&server.browser(), &first).await;
    assert!(answer.get("hint").is_none(), "{answer}");
    assert!(server.stop().success());

    let server = Server::start(folder.path(), &["--demo"]);
    let printed = introduction(&server).await;
    assert!(
        printed.contains("there already") && printed.contains("Iria") && printed.contains("/_dev/mail"),
        "{printed}"
    );
    assert_eq!(password(&printed), first);
    let answer = asks_for_a_code(&server.browser(), &first).await;
    assert!(answer["hint"].as_str().unwrap().ends_with("/_dev/mail"), "{answer}");
}
