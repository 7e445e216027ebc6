//! The largest file goes through the running process, and the process hardly grows.
#![cfg(target_os = "linux")]
#![expect(clippy::print_stdout, reason = "the figure is worth reading")]

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jobapp_client::Client;
use reqwest::StatusCode;
use serde_json::{Value, json};

/// As large as files may be.
const FILE: usize = 100 * 1024 * 1024;
/// The process may grow by so much, in KiB, whatever else it happens to do at the time. The file alone is 102,400.
const GROWTH: u64 = 64 * 1024;
/// How long anything may take before the test fails instead of hanging.
const PATIENCE: Duration = Duration::from_secs(300);

const PICTURE: &str = "https://img.example.org/a.png";

/// A running marketplace, killed when dropped.
struct Running {
    child: Child,
    base: String,
}

impl Running {
    async fn start(data: &Path) -> Self {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let child = Command::new(env!("CARGO_BIN_EXE_jobapp"))
            .args(["--port", &port.to_string(), "--log", "warn,jobapp=warn", "--data"])
            .arg(data)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let running = Self { child, base: format!("http://localhost:{port}") };
        let client = Client::new(&running.base).unwrap().retrying(PATIENCE);
        client.call(reqwest::Method::GET, "/_dev/status", None).await.unwrap();
        running
    }

    /// The most memory the process has held since [`Running::forget_peak`], in KiB.
    fn peak(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches("kB").trim().parse().unwrap()
    }

    fn forget_peak(&self) {
        std::fs::write(format!("/proc/{}/clear_refs", self.child.id()), "5").unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Fails only if it has ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Somebody who is signed in.
struct Person {
    http: reqwest::Client,
    base: String,
    name: &'static str,
}

impl Person {
    async fn sign_up(running: &Running, name: &'static str) -> Self {
        let http = reqwest::Client::builder().cookie_store(true).timeout(PATIENCE).build().unwrap();
        let person = Self { http, base: running.base.clone(), name };
        let (status, answer) = person
            .post(
                "/auth/signup",
                json!({"username": name, "email": format!("{name}@example.org"), "password": "correct horse 7",
                    "country": "Portugal", "profilePicture": PICTURE})
                .to_string(),
            )
            .await;
        assert!(status.is_success(), "{answer}");
        person
    }

    async fn post(&self, path: &str, body: String) -> (StatusCode, Value) {
        let request = self.http.post(format!("{}{}{path}", self.base, Client::API));
        let request = request.header("content-type", "application/json").header("idempotency-key", path);
        let response = request.body(body).send().await.unwrap();
        (response.status(), response.json().await.unwrap())
    }

    async fn get(&self, path: &str) -> Value {
        let response = self.http.get(format!("{}{}{path}", self.base, Client::API)).send().await.unwrap();
        response.json().await.unwrap()
    }

    async fn sell(&self) -> String {
        let body = json!({
            "fullName": "Iria Costa", "email": "iria@example.org", "profilePublicId": "iria", "profilePicture": PICTURE,
            "description": "I draw.", "country": "Portugal", "oneliner": "Sketches that stay", "skills": ["Drawing"],
            "languages": [{ "language": "English", "level": "Fluent" }], "responseTime": 2,
            "experience": [{ "company": "Own studio", "title": "Artist", "startDate": "2020", "endDate": "2024",
                "description": "Logos", "currentlyWorkingHere": false }],
            "education": [{ "country": "Portugal", "university": "Porto", "title": "BA", "major": "Design", "year": "2019" }],
            "socialLinks": [], "certificates": [{ "name": "Type", "from": "Porto", "year": "2019" }],
        });
        let (status, answer) = self.post("/seller/create", body.to_string()).await;
        assert!(status.is_success(), "{answer}");
        answer["seller"]["_id"].as_str().unwrap().to_owned()
    }

    async fn buyer_id(&self) -> String {
        self.get("/buyer/username").await["buyer"]["_id"].as_str().unwrap().to_owned()
    }
}

/// Bytes without a pattern that begin like an archive.
fn an_archive() -> Vec<u8> {
    let mut bytes = b"PK\x03\x04".to_vec();
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    while bytes.len() < FILE {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(FILE);
    bytes
}

/// Everything in the media folder, unfinished uploads included.
fn media(data: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(data.join("media")).unwrap().map(|entry| entry.unwrap().path()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_largest_file_is_stored_as_it_is_and_the_process_hardly_grows() {
    let data = tempfile::tempdir().unwrap();
    let running = Running::start(data.path()).await;
    let (iria, marta) = (Person::sign_up(&running, "Iria").await, Person::sign_up(&running, "Marta").await);
    let (seller_id, buyer_id) = (iria.sell().await, marta.buyer_id().await);
    let file = an_archive();
    let message = |sender: &Person, receiver: &Person| {
        // The file comes first: nothing of the rest is known while it arrives.
        let rest = json!({"body": "See this", "gigId": "", "sellerId": seller_id, "buyerId": buyer_id,
            "senderUsername": sender.name, "senderPicture": PICTURE, "receiverUsername": receiver.name,
            "receiverPicture": PICTURE, "isRead": false, "hasOffer": false, "fileType": "zip", "fileName": "work.zip",
            "fileSize": "100 MB"});
        let mut body = String::with_capacity(FILE / 3 * 4 + 2048);
        body.push_str(r#"{"file":"data:application/zip;base64,"#);
        STANDARD.encode_string(&file, &mut body);
        body.push_str("\",");
        body.push_str(&rest.to_string()[1..]);
        body
    };
    let refused = message(&iria, &marta);
    let wanted = message(&marta, &iria);
    assert!(media(data.path()).is_empty());

    running.forget_peak();
    let before = running.peak();
    let started = Instant::now();
    let (status, answer) = marta.post("/message", refused).await;
    assert_eq!(status, StatusCode::FORBIDDEN, "{answer}");
    assert!(media(data.path()).is_empty(), "a refused message leaves nothing");
    let (status, answer) = marta.post("/message", wanted).await;
    let took = started.elapsed() / 2;
    let grown = running.peak().saturating_sub(before);
    assert_eq!(status, StatusCode::OK, "{answer}");
    println!(
        "a file of {} MiB: {:.1} MiB of memory beside {:.1} MiB before, {took:.1?}",
        FILE >> 20,
        kib(grown),
        kib(before)
    );

    let [stored] = &media(data.path())[..] else { panic!("there are other files: {:?}", media(data.path())) };
    let url = answer["messageData"]["file"].as_str().unwrap();
    assert_eq!(url.rsplit('/').next(), stored.file_name().unwrap().to_str(), "{url}");
    assert!(url.ends_with(".zip"), "{url}");
    assert!(std::fs::read(stored).unwrap() == file, "the stored file is not the one that was sent");
    assert!(grown < GROWTH, "the process grew by {:.1} MiB", kib(grown));
}

/// KiB as MiB.
fn kib(size: u64) -> f64 {
    f64::from(u32::try_from(size).unwrap()) / 1024.0
}
