//! What is damaged, removed or full, and who says so.

use std::fs;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::{Pid, Resource, Rlimit, prlimit};
use serde_json::json;

use super::folder::with_small_files;
use super::{fails, sign_in};
use crate::harness::checks::within;
use crate::harness::server::run_to_end;
use crate::harness::{Answer, Server, bodies, soon};

fn databases(data: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(data).unwrap().map(|entry| entry.unwrap().path());
    let mut databases: Vec<PathBuf> = files.filter(|path| path.extension().is_some_and(|kind| kind == "db")).collect();
    databases.sort();
    databases
}

/// Overwrites what is in the middle of a file.
fn damage(file: &Path) {
    let mut file = fs::OpenOptions::new().write(true).open(file).unwrap();
    let pages = file.metadata().unwrap().len() / 4096;
    file.seek(SeekFrom::Start(pages / 2 * 4096)).unwrap();
    file.write_all(&vec![0xa5; usize::try_from((pages / 4).max(1) * 4096).unwrap()]).unwrap();
}

#[tokio::test]
async fn damage_in_the_middle_of_any_database_is_found_at_the_start_and_the_message_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let trade = server.trade().await;
    assert!(server.stop().success());
    let all = databases(folder.path());
    assert_eq!(all.len(), 8, "{all:?}");
    let check = || run_to_end(&["check", "--data", folder.path().to_str().unwrap()]);
    let whole = check();
    assert!(whole.status.success() && whole.stdout.matches(": whole").count() == 9, "{whole:#?}");
    for database in &all {
        let name = database.file_name().unwrap().to_str().unwrap();
        let before = fs::read(database).unwrap();
        damage(database);
        let damaged = fs::read(database).unwrap();
        fails(folder.path(), &[], &[name, "damaged", "backup", "docs/running.md"]);
        assert!(fs::read(database).unwrap() == damaged, "{name} was changed");
        let found = check();
        assert_eq!(found.status.code(), Some(1), "{found:#?}");
        assert!(found.stdout.contains(&format!("{name}: DAMAGED")), "{found:#?}");
        assert!(found.stdout.matches(": whole").count() == 8 && found.stdout.contains("backup"), "{found:#?}");
        fs::write(database, before).unwrap();
    }
    // As a backup is.
    fs::remove_dir_all(folder.path().join("search")).unwrap();
    let without = check();
    assert!(without.status.success() && without.stdout.contains("search: not there;"), "{without:#?}");
    let server = Server::start(folder.path(), &[]);
    sign_in(&server, &trade.buyer.username).await;
    let beside = check();
    assert!(beside.status.success() && beside.stdout.contains("auth.db: whole"), "it works beside: {beside:#?}");
}

#[tokio::test]
async fn a_check_reads_every_stored_value_while_the_marketplace_is_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    server.trade().await;
    let check = || run_to_end(&["check", "--data", folder.path().to_str().unwrap()]);
    let beside = check();
    assert!(beside.status.success() && beside.stdout.contains("not read, since the marketplace runs"), "{beside:#?}");
    assert!(server.stop().success());
    let whole = check();
    assert!(whole.status.success() && whole.stdout.contains(" read, 0 DAMAGED"), "{whole:#?}");

    // The structure of the file is as before.
    let database = folder.path().join("gig.db");
    let mut bytes = fs::read(&database).unwrap();
    let (whole, spoiled) = (&b"{\"v\":\"1\""[..], &b"[\"v\":\"1\""[..]);
    for at in 0..bytes.len() - whole.len() {
        if bytes[at..].starts_with(whole) {
            bytes[at..at + whole.len()].copy_from_slice(spoiled);
        }
    }
    fs::write(&database, bytes).unwrap();
    let found = check();
    assert_eq!(found.status.code(), Some(1), "{found:#?}");
    for part in ["gig.db: whole", "the stored gig ", "cannot be read", "backup"] {
        assert!(found.stdout.contains(part), "{part}: {found:#?}");
    }
}

#[test]
fn a_check_where_nothing_is_says_so_and_makes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("none");
    let ended = run_to_end(&["check", "--data", data.to_str().unwrap()]);
    assert!(!ended.status.success() && ended.stderr.contains("no marketplace"), "{ended:#?}");
    assert!(!data.exists());
}

async fn ask(server: &Server, path: &str) -> Answer {
    server.browser().send(server.browser().request("GET", path)).await
}

#[tokio::test]
async fn a_full_disk_is_told_to_probes_until_there_is_room_again() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let seller = server.seller().await;
    assert!(server.stop().success());

    let server = Server::try_run(with_small_files(folder.path(), 6 * 1024)).unwrap();
    let browser = sign_in(&server, &seller.username).await;
    assert_eq!(ask(&server, "/readyz").await.good(), json!({ "status": "ready" }));
    let gig = || {
        let mut body = bodies::gig(&seller.seller_id, "Filling", 20.0);
        body["coverImage"] = json!(bodies::PORTRAIT);
        // The longest there is, of characters that take six bytes each where they are stored.
        body["description"] = json!(format!("x{}", "\u{1}".repeat(19_999)));
        body
    };
    let mut written = 0;
    while browser.post("/gig/create", gig()).await.status == 201 {
        written += 1;
        assert!(written < 500, "the disk never filled up");
    }
    let ready = ask(&server, "/readyz").await;
    assert_eq!((ready.status, &ready.json()["status"]), (503, &json!("degraded")), "{ready}");
    assert!(ready.text().contains(".db") && ready.text().contains("full"), "{ready}");
    let health = ask(&server, "/gateway-health").await.good();
    assert_eq!((&health["status"], &health["ready"]), (&json!("degraded"), &json!(false)), "{health}");
    assert!(
        health["services"].as_object().unwrap().values().any(|service| service["status"] == "degraded"),
        "{health}"
    );
    assert_eq!(ask(&server, "/livez").await.good(), json!({ "status": "ok", "version": env!("CARGO_PKG_VERSION") }));

    let pid = Pid::from_raw(i32::try_from(server.id()).unwrap());
    prlimit(pid, Resource::Fsize, Rlimit { current: None, maximum: None }).unwrap();
    soon("it is ready again", || async {
        let ready = ask(&server, "/readyz").await;
        if ready.status == 200 { Ok(()) } else { Err(ready.to_string()) }
    })
    .await;
    browser.post("/gig/create", gig()).await.good();
    soon("all is well again", || async {
        let health = ask(&server, "/gateway-health").await.good();
        if health["status"] == "ok" { Ok(()) } else { Err(health.to_string()) }
    })
    .await;
}

#[tokio::test]
async fn a_database_that_is_removed_while_it_is_open_is_told_to_probes() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    assert_eq!(ask(&server, "/readyz").await.status, 200);
    fs::rename(folder.path().join("order.db"), folder.path().join("order.db.aside")).unwrap();
    let ready = ask(&server, "/readyz").await;
    assert_eq!(ready.status, 503, "{ready}");
    assert_eq!(ready.json()["reasons"][0]["part"], "order.db", "{ready}");
    let health = ask(&server, "/gateway-health").await.good();
    assert_eq!(health["services"]["order"]["status"], "degraded", "{health}");
    assert_eq!(health["services"]["auth"]["status"], "up", "{health}");
    fs::rename(folder.path().join("order.db.aside"), folder.path().join("order.db")).unwrap();
    assert_eq!(ask(&server, "/readyz").await.status, 200);
}

#[tokio::test]
async fn a_search_index_that_is_removed_while_it_runs_is_told_and_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let seller = server.seller().await;
    let found = |word: &'static str| {
        let seller = &seller;
        async move { seller.get(&format!("/gig/search/0/10/forward?query={word}")).await.good() }
    };
    seller.gig_called("Carpentry", 20.0).await;
    soon("the gig is found", || async {
        let body = found("carpentry").await;
        if body["total"] == 1 { Ok(()) } else { Err(body.to_string()) }
    })
    .await;
    fs::remove_dir_all(folder.path().join("search")).unwrap();
    let first = found("carpentry").await;
    assert_eq!((&first["total"], &first["degraded"]), (&json!(1), &json!(true)), "{first}");
    seller.gig_called("Masonry", 20.0).await;
    soon("the index answers again, with new gigs", || async {
        let body = found("masonry").await;
        if body["total"] == 1 && body["degraded"].is_null() { Ok(()) } else { Err(body.to_string()) }
    })
    .await;
    assert!(folder.path().join("search").join("meta.json").exists());

    fs::remove_dir_all(folder.path().join("search")).unwrap();
    within(Duration::from_secs(30), "nobody needs to search", || async {
        if folder.path().join("search").join("meta.json").exists() { Ok(()) } else { Err("not made again".to_owned()) }
    })
    .await;
    assert!(server.stop().success());
    let server = Server::start(folder.path(), &[]);
    let browser = server.browser();
    soon("the index answers after the restart", || async {
        let body = browser.get("/auth/search/gig/0/10/forward?query=masonry").await.good();
        if body["total"] == 1 && body["degraded"].is_null() { Ok(()) } else { Err(body.to_string()) }
    })
    .await;
}
