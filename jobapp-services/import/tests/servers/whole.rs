//! The program on a whole town: killed, run again, and with nothing left to do.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use jobapp_import::{Kind, Ours, Places};
use jobapp_platform::{Address, Store};
use serde_json::Value;

use crate::checks::{assert_town, everything};
use crate::database::Databases;
use crate::town::{Nul, Size, Town};

/// How long anything that must come about may take.
const PATIENCE: Duration = Duration::from_secs(600);
/// The services, as their options are called.
const SERVICES: [&str; 6] = ["auth", "users", "gig", "chat", "order", "review"];

/// People, messages and orders: `JOBAPP_TEST_TOWN=10000,50000,5000`, or few.
fn size() -> Size {
    let said = std::env::var("JOBAPP_TEST_TOWN").unwrap_or_else(|_| "420,1200,260".to_owned());
    let numbers: Vec<usize> = said.split(',').map(|number| number.trim().parse().unwrap()).collect();
    let [people, messages, orders] = numbers[..] else {
        panic!("JOBAPP_TEST_TOWN={said} is not people,messages,orders")
    };
    Size { people, messages, orders }
}

fn command(places: &Places, folder: &Path, more: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_jobapp-import"));
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    for (name, place) in [
        ("AUTH", &places.auth),
        ("USERS", &places.users),
        ("GIG", &places.gig),
        ("CHAT", &places.chat),
        ("ORDER", &places.order),
        ("REVIEW", &places.review),
    ] {
        command.env(format!("JOBAPP_OLD_{name}"), place.as_ref().unwrap());
    }
    for service in SERVICES {
        command.arg(format!("--{service}")).arg(format!("sqlite:{}", folder.join(format!("{service}.db")).display()));
    }
    command
        .args(["--owner", "test", "--json", "--report"])
        .arg(folder.join("report.jsonl"))
        .args(more)
        .stdin(Stdio::null());
    command
}

/// Runs it to its end.
fn run(places: &Places, folder: &Path, more: &[&str]) -> (Option<i32>, Value) {
    let Output { status, stdout, stderr } = command(places, folder, more).output().unwrap();
    let summary = serde_json::from_slice(&stdout);
    (status.code(), summary.unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&stderr))))
}

/// Kills it once it has told of so many rows more. Whether it was still running.
fn kill_after(mut child: Child, report: &Path, more: usize) -> bool {
    let told = || fs::read(report).map_or(0, |text| text.iter().filter(|byte| **byte == b'\n').count());
    let (enough, given_up) = (told() + more, Instant::now() + PATIENCE);
    while told() < enough {
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        assert!(Instant::now() < given_up, "it tells of nothing");
        std::thread::sleep(Duration::from_millis(2));
    }
    let was_running = child.try_wait().unwrap().is_none();
    child.kill().unwrap();
    child.wait().unwrap();
    was_running
}

async fn open(folder: &Path) -> Ours {
    let store = async |service: &str| {
        let address = Address::new("--data", "sqlite", folder.join(format!("{service}.db")));
        Store::open(&address, None).await.unwrap()
    };
    Ours {
        auth: store("auth").await,
        users: store("users").await,
        gig: store("gig").await,
        chat: store("chat").await,
        order: store("order").await,
        review: store("review").await,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_town_moves_house_though_the_program_is_killed_ten_times() {
    let town = Town::of(size(), Nul::InMySql);
    let databases = Databases::new().await;
    for (kind, rows) in &town.rows {
        databases.fill(*kind, rows).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let places = databases.places();
    let report = folder.path().join("report.jsonl");
    let rows: u64 = Kind::ALL.iter().map(|kind| town.counts(*kind).0).sum();
    let page = (rows / 100).clamp(20, 500).to_string();

    let (code, dry) = run(&places, folder.path(), &["--dry-run", "--page", &page]);
    assert_eq!(code, Some(1), "some are refused");
    fs::remove_file(&report).unwrap();

    for kill in 0..10 {
        let child = command(&places, folder.path(), &["--page", &page]).stdout(Stdio::null()).spawn().unwrap();
        assert!(kill_after(child, &report, 1 + kill % 3), "kill {kill} came too late");
    }
    let (code, rest) = run(&places, folder.path(), &["--page", &page]);
    assert_eq!(code, Some(1));
    for kind in Kind::ALL {
        let (rows, refused) = town.counts(kind);
        assert_eq!(dry[kind.name()]["taken"], rows - refused, "{kind}");
        assert_eq!(dry[kind.name()]["refused"], refused, "{kind}");
        assert!(rest[kind.name()]["refused"].as_u64().unwrap() <= refused, "{kind}");
    }
    let ours = open(folder.path()).await;
    assert_town(&town, &ours).await;
    let before = everything(&ours).await;
    for kind in Kind::ALL {
        ours.of(kind).close().await.unwrap();
    }

    let (code, behind) = run(&places, folder.path(), &["--page", &page]);
    assert_eq!((code, behind["messages"]["read"].as_u64()), (Some(0), Some(0)), "there is nothing behind the last row");
    let (code, again) = run(&places, folder.path(), &["--page", &page, "--again"]);
    assert_eq!(code, Some(1));
    for kind in Kind::ALL {
        let (rows, refused) = town.counts(kind);
        let of = &again[kind.name()];
        assert_eq!((of["taken"].as_u64(), of["there"].as_u64()), (Some(0), Some(rows - refused)), "{kind}");
    }
    let after = everything(&open(folder.path()).await).await;
    let differ: Vec<_> = after.symmetric_difference(&before).take(3).collect();
    assert!(differ.is_empty(), "a second run changed {differ:#?}");
    databases.drop().await;
}

#[test]
fn the_program_says_what_it_wants() {
    let help = Command::new(env!("CARGO_BIN_EXE_jobapp-import")).arg("--help").output().unwrap();
    assert!(help.status.success());
    let nothing = Command::new(env!("CARGO_BIN_EXE_jobapp-import")).env_clear().output().unwrap();
    assert_eq!(nothing.status.code(), Some(2));
    let folder = tempfile::tempdir().unwrap();
    let place = Some("mysql://jobapp:hush@127.0.0.1:1/old".to_owned());
    let places = Places {
        auth: place.clone(),
        users: place.clone(),
        gig: place.clone(),
        chat: place.clone(),
        order: place.clone(),
        review: place,
    };
    let away = command(&places, folder.path(), &[]).output().unwrap();
    let told = String::from_utf8(away.stderr).unwrap();
    assert_eq!(away.status.code(), Some(3), "{told}");
    assert!(
        told.contains("the database of the existing auth service cannot be had") && !told.contains("hush"),
        "{told}"
    );
}
