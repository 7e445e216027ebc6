//! What other users of the machine learn from the data folder: nothing.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

use super::{fails, sign_in};
use crate::harness::bodies::PASSWORD;
use crate::harness::checks::text;
use crate::harness::people::token_in;
use crate::harness::server::run_to_end;
use crate::harness::{Server, soon};

/// Everything in a folder, and the folder.
fn everything(folder: &Path) -> Vec<PathBuf> {
    let mut found = vec![folder.to_owned()];
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            found.extend(everything(&entry.path()));
        } else {
            found.push(entry.path());
        }
    }
    found
}

/// The rights of everything of which others have any.
fn open_to_others(folder: &Path) -> BTreeMap<String, String> {
    let rights = |path: &PathBuf| fs::symlink_metadata(path).map_or(0, |found| found.permissions().mode() & 0o777);
    let open = everything(folder).into_iter().map(|path| (rights(&path), path)).filter(|(mode, _)| mode & 0o077 != 0);
    open.map(|(mode, path)| (path.display().to_string(), format!("{mode:o}"))).collect()
}

/// The binary under a mask that lets everybody do everything.
fn with_an_open_mask(data: &Path) -> Command {
    let mut command = Command::new("sh");
    let script = r#"umask 000; exec "$@""#;
    command
        .args(["-c", script, "sh", env!("CARGO_BIN_EXE_jobapp"), "--port", "0", "--log", "warn", "--data"])
        .arg(data);
    command
}

#[tokio::test]
async fn nobody_else_reaches_anything_in_the_data_folder_whatever_the_mask() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("deep").join("data");
    let server = Server::try_run(with_an_open_mask(&data)).unwrap();
    // Databases with their logs, mails and their record, a picture, an index with a gig.
    let seller = server.seller().await;
    seller.gig_called("Privately", 20.0).await;
    seller.mail("verifyEmail").await;
    soon("the search finds the gig", || async {
        let body = seller.get("/gig/search/0/10/forward?query=privately").await.good();
        if body["total"] == 1 { Ok(()) } else { Err(body.to_string()) }
    })
    .await;
    server.browser().send(server.browser().request("GET", "/readyz")).await.good();
    for part in ["auth.db-wal", "bus.db-shm", "mail", "media", "search/meta.json", "secrets.toml", "jobapp.lock"] {
        assert!(data.join(part).exists(), "{part} is not where it is looked for");
    }
    assert_eq!(open_to_others(&data), BTreeMap::new());
    assert!(!server.log().contains("others could reach"), "{}", server.log());
    assert!(server.stop().success());
    assert_eq!(open_to_others(&data), BTreeMap::new());
}

#[tokio::test]
async fn what_an_earlier_version_left_open_is_closed_at_the_start_and_the_log_says_so_once() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let server = Server::start(&data, &[]);
    let person = server.person().await;
    person.mail("verifyEmail").await;
    server.signal(rustix::process::Signal::KILL);
    server.wait();
    for path in everything(&data) {
        let mode = if path.is_dir() { 0o755 } else { 0o644 };
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    let server = Server::start(&data, &[]);
    assert_eq!(open_to_others(&data), BTreeMap::new());
    assert_eq!(server.log().matches("others could reach").count(), 1, "{}", server.log());
    sign_in(&server, &person.username).await;
    assert!(server.stop().success());
    let server = Server::start(&data, &[]);
    assert!(!server.log().contains("others"), "{}", server.log());
}

#[test]
fn a_folder_for_everybody_is_refused_and_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("thesis.txt"), "theirs").unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o1777)).unwrap();
    fails(folder.path(), &[], &[folder.path().to_str().unwrap(), "everybody", "--data"]);
    assert_eq!(fs::metadata(folder.path()).unwrap().permissions().mode() & 0o7777, 0o1777);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing was made there");
    fails(Path::new("/tmp"), &[], &["/tmp", "everybody", "--data /tmp/jobapp"]);
}

/// The files outside of the mailbox that hold a text; of digits, only where they are a word of their own.
fn holding(data: &Path, secret: &str) -> Vec<PathBuf> {
    let is_part_of_it = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let holds = |path: &PathBuf| {
        let bytes = fs::read(path).unwrap_or_default();
        let mut starts = bytes.windows(secret.len()).enumerate().filter(|(_, window)| *window == secret.as_bytes());
        starts.any(|(start, _)| {
            let (before, after) = (start.checked_sub(1).and_then(|at| bytes.get(at)), bytes.get(start + secret.len()));
            !is_part_of_it(before) && !is_part_of_it(after)
        })
    };
    let files = everything(data).into_iter().filter(|path| path.is_file() && !path.starts_with(data.join("mail")));
    files.filter(holds).collect()
}

#[tokio::test]
async fn no_file_but_the_mailbox_tells_links_and_codes_that_open_accounts() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let person = server.person().await;
    let verify = person.verify_token().await;
    let browser = person.without_cookies();
    browser.put("/auth/forgot-password", json!({ "email": person.email })).await.good();
    let reset = token_in(&person.mail("forgotPassword").await, "token=");
    let elsewhere =
        json!({ "username": person.username, "password": PASSWORD, "browserName": "Opera", "deviceType": "mobile" });
    browser.post("/auth/signin", elsewhere).await.says("OTP code sent");
    let code = text(&person.mail("otpEmail").await, "/code");

    let nothing = Vec::<PathBuf>::new();
    for secret in [&verify, &reset, &code] {
        let in_mail = everything(&folder.path().join("mail")).into_iter().filter(|path| path.is_file());
        // Lines of a mail are broken anywhere.
        let mut mails = in_mail.map(|path| fs::read_to_string(path).unwrap().replace("=\r\n", ""));
        assert!(mails.any(|mail| mail.contains(secret.as_str())), "or the search is blind");
        assert_eq!(holding(folder.path(), secret), nothing, "while it runs");
    }
    // As it is when the machine loses its power: nothing was tidied up.
    server.signal(rustix::process::Signal::KILL);
    server.wait();
    for secret in [&verify, &reset, &code] {
        assert_eq!(holding(folder.path(), secret), nothing, "after a crash");
    }
    let server = Server::start(folder.path(), &[]);
    let body = json!({ "password": "another horse 8", "confirmPassword": "another horse 8", "token": reset });
    server.browser().put(&format!("/auth/reset-password/{reset}"), body).await.good();
    assert!(server.stop().success());
    for secret in [&verify, &reset, &code] {
        assert_eq!(holding(folder.path(), secret), nothing, "after a stop");
    }
}

#[tokio::test]
async fn dead_letters_are_listed_beside_a_running_marketplace_whose_messages_are_sealed() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    server.person().await;
    let listed = run_to_end(&["dead-letters", "list", "--data", folder.path().to_str().unwrap()]);
    assert!(listed.status.success() && listed.stdout.contains("No dead letters"), "{listed:#?}");
}
