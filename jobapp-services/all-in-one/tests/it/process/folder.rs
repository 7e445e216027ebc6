//! The data folder: not there, not writable, held, full.

use std::path::Path;
use std::process::Command;

use rustix::process::Signal;
use serde_json::json;

use super::{failed, fails, sign_in};
use crate::harness::checks::{at, list, text, within};
use crate::harness::server::run_to_end;
use crate::harness::{Server, bodies};

#[test]
fn a_file_in_place_of_the_folder_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("notes.txt");
    std::fs::write(&file, "my notes").unwrap();
    fails(&file, &[], &["notes.txt", "--data"]);
    fails(&file.join("below"), &[], &["below", "--data"]);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "my notes");
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    fails(Path::new("/proc/jobapp"), &[], &["/proc/jobapp", "--data"]);
}

/// The binary in a name space of its own, where `prepare` has mounted something at the data folder; `None` where the
/// system does not allow that.
fn in_a_mount(data: &Path, prepare: &str) -> Option<Command> {
    let allowed = Command::new("unshare").args(["-rm", "sh", "-c", prepare, "sh"]).arg(data).status();
    if !allowed.is_ok_and(|status| status.success()) {
        return None;
    }
    let mut command = Command::new("unshare");
    let script = format!(r#"{prepare}; shift; exec "$@""#);
    command.args(["-rm", "sh", "-c", &script, "sh"]).arg(data);
    command.arg(env!("CARGO_BIN_EXE_jobapp")).args(["--port", "0", "--log", "warn", "--data"]).arg(data);
    Some(command)
}

#[tokio::test]
async fn a_read_only_folder_is_named_and_nothing_in_it_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let person = server.person().await;
    assert!(server.stop().success());

    let read_only = r#"mount --bind "$1" "$1" && mount -o remount,ro,bind "$1""#;
    if let Some(command) = in_a_mount(folder.path(), read_only) {
        match Server::try_run(command) {
            Ok(server) => panic!("it runs: {}", server.printed()),
            Err(ended) => failed(&ended, &[folder.path().to_str().unwrap(), "--data"]),
        }
    }
    let server = Server::start(folder.path(), &[]);
    sign_in(&server, &person.username).await;
}

#[tokio::test]
async fn a_folder_in_use_is_named_with_its_holder_who_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let person = server.person().await;
    fails(folder.path(), &[], &[folder.path().to_str().unwrap(), "in use", "--data"]);
    person.get("/auth/currentuser").await.says("Authenticated user");
    for arguments in [&["search", "rebuild"][..], &["analytics", "rebuild"], &["dump"]] {
        let ended = run_to_end(&[arguments, &["--data", folder.path().to_str().unwrap()]].concat());
        failed(&ended, &["in use"]);
    }
    drop(server);
    // Killed, not stopped: the lock went with the process.
    let server = Server::start(folder.path(), &[]);
    sign_in(&server, &person.username).await;
}

#[test]
fn a_full_disk_at_the_start_is_one_clear_message() {
    let folder = tempfile::tempdir().unwrap();
    let full = r#"mount -t tmpfs -o size=64k tmpfs "$1""#;
    let command = in_a_mount(folder.path(), full).unwrap_or_else(|| with_small_files(folder.path(), 16));
    match Server::try_run(command) {
        Ok(server) => panic!("it runs: {}", server.printed()),
        Err(ended) => failed(&ended, &["full", folder.path().to_str().unwrap()]),
    }
    Server::start(folder.path(), &[]);
}

/// The binary where no file can be larger than so many blocks of 512 or 1024 bytes.
pub(super) fn with_small_files(data: &Path, blocks: u32) -> Command {
    let mut command = Command::new("sh");
    let script = format!(r#"trap '' XFSZ; ulimit -S -f {blocks}; exec "$@""#);
    command
        .args(["-c", &script, "sh", env!("CARGO_BIN_EXE_jobapp"), "--port", "0", "--log", "warn", "--data"])
        .arg(data);
    command
}

#[tokio::test]
async fn a_disk_that_fills_up_refuses_writes_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let before = server.person().await;
    assert!(server.stop().success());

    // Room for a start and a little more.
    let server = match Server::try_run(with_small_files(folder.path(), 6 * 1024)) {
        Ok(server) => server,
        Err(ended) => panic!("{ended:#?}"),
    };
    let browser = sign_in(&server, &before.username).await;
    let mut written = Vec::new();
    let mut refused = None;
    for number in 0..4000 {
        let name = format!("Filler{number}");
        let mut body = bodies::sign_up(&name, &format!("{name}@example.org"));
        body["country"] = json!("x".repeat(250));
        // Pictures fill the disk soonest.
        body["profilePicture"] =
            json!(format!("{}{}", &bodies::PICTURE[..bodies::PICTURE.len() - 4], "AAAA".repeat(500_000)));
        if number > 3 {
            body["profilePicture"] =
                json!(format!("{}{}", &bodies::PICTURE[..bodies::PICTURE.len() - 4], "AAAA".repeat(3_000_000)));
        }
        let answer = server.browser().post("/auth/signup", body).await;
        if answer.status == 201 {
            written.push(name);
        } else {
            refused = Some(answer);
            break;
        }
    }
    let refused = refused.expect("the disk never filled up");
    assert!(refused.status >= 500, "{refused}");
    refused.error();
    // Reading goes on.
    browser.get("/auth/currentuser").await.says("Authenticated user");
    drop(server);

    let server = Server::start(folder.path(), &[]);
    sign_in(&server, &before.username).await;
    for name in &written {
        sign_in(&server, name).await;
    }
    server.person().await;
}

#[tokio::test]
async fn databases_that_cannot_grow_refuse_writes_and_lose_neither_rows_nor_events() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let seller = server.seller().await;
    assert!(server.stop().success());

    let server =
        Server::try_run(with_small_files(folder.path(), 6 * 1024)).unwrap_or_else(|ended| panic!("{ended:#?}"));
    let browser = sign_in(&server, &seller.username).await;
    let mut written = Vec::new();
    let refused = loop {
        let mut body = bodies::gig(&seller.seller_id, &format!("Filling {}", written.len()), 20.0);
        body["coverImage"] = json!(bodies::PORTRAIT);
        // The longest there is, of characters that take six bytes each where they are stored.
        body["description"] = json!(format!("x{}", "\u{1}".repeat(19_999)));
        let answer = browser.post("/gig/create", body).await;
        if answer.status != 201 {
            break answer;
        }
        written.push(text(&answer.json(), "/gig/id"));
        assert!(written.len() < 500, "the disk never filled up");
    };
    assert!(refused.status >= 500 && !written.is_empty(), "{refused}");
    refused.error();
    browser.get(&format!("/gig/seller/{}", seller.seller_id)).await.says("Seller gigs");
    server.signal(Signal::KILL);
    server.wait();

    let server = Server::start(folder.path(), &[]);
    let browser = sign_in(&server, &seller.username).await;
    let body = browser.get(&format!("/gig/seller/{}", seller.seller_id)).await.good();
    let mut kept: Vec<String> = list(&body, "/gigs").iter().map(|gig| text(gig, "/id")).collect();
    kept.sort();
    written.sort();
    assert_eq!(kept, written);
    let patience = std::time::Duration::from_secs(100);
    // What failed for want of space is tried again after a second, then after ten, then after a minute.
    within(patience, "every gig is counted once", || async {
        let body = browser.get(&format!("/seller/id/{}", seller.seller_id)).await.good();
        at(&body, "/seller/totalGigs", written.len())
    })
    .await;
    within(patience, "every gig is found", || async {
        let body = browser.get("/gig/search/0/100/forward?query=filling").await.good();
        at(&body, "/total", written.len())
    })
    .await;
}

#[test]
fn a_file_that_is_no_database_is_named_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    drop(Server::start(folder.path(), &[]));
    let database = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|extension| extension == "db"))
        .unwrap();
    for rest in ["-wal", "-shm"] {
        drop(std::fs::remove_file(format!("{}{rest}", database.display())));
    }
    std::fs::write(&database, "this is no database at all, just some text".repeat(200)).unwrap();
    fails(folder.path(), &[], &[database.file_name().unwrap().to_str().unwrap(), "damaged", "backup"]);
    assert!(std::fs::read_to_string(&database).unwrap().starts_with("this is no database"));
}
