//! A marketplace in a process of its own, and what fills it.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use jobapp_client::Client;
use serde_json::json;

const PICTURE: &str = "https://img.example.org/p/1.png";

pub(crate) fn free_port() -> anyhow::Result<u16> {
    Ok(std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// The process. It is to be stopped politely; dropped, it is killed.
pub(crate) struct Running(pub(crate) Child);

impl Running {
    /// This program on this folder, with further arguments; `log` is where its lines go.
    pub(crate) fn start(
        program: &Path,
        data: &Path,
        port: u16,
        arguments: &[&str],
        log: Stdio,
    ) -> anyhow::Result<Self> {
        let child = Command::new(program)
            .args(["--port", &port.to_string()])
            .args(arguments)
            .arg("--data")
            .arg(data)
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .with_context(|| format!("{} could not be started", program.display()))?;
        Ok(Self(child))
    }

    /// Asks it to stop, and waits until it has.
    pub(crate) fn stop(mut self) -> anyhow::Result<()> {
        Command::new("kill").args(["-TERM", &self.0.id().to_string()]).status()?;
        ensure!(self.0.wait()?.success(), "the marketplace did not stop politely");
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Who fails on the way leaves nothing running.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Somebody who sells.
pub(crate) struct Seller {
    pub(crate) client: Client,
    pub(crate) id: String,
}

/// Signs a seller up.
pub(crate) async fn seller(base: &str) -> anyhow::Result<Seller> {
    let client = Client::new(base)?.retrying(Duration::from_secs(30));
    client
        .post(
            "/auth/signup",
            json!({
                "username": "Iria", "email": "iria@example.org", "password": "correct horse 7", "country": "Portugal",
                "profilePicture": PICTURE, "browserName": "Firefox", "deviceType": "browser",
            }),
        )
        .await?;
    let answer = client
        .post("/seller/create", json!({
            "fullName": "Iria Costa", "email": "iria@example.org", "profilePublicId": "iria", "profilePicture": PICTURE,
            "description": "I draw.", "country": "Portugal", "oneliner": "Sketches", "skills": ["Drawing"],
            "languages": [{ "language": "English", "level": "Fluent" }], "responseTime": 2,
            "experience": [{ "company": "Own", "title": "Artist", "startDate": "2020", "endDate": "2024", "description": "Logos",
                "currentlyWorkingHere": false }],
            "education": [{ "country": "Portugal", "university": "Porto", "title": "BA", "major": "Design", "year": "2019" }],
            "socialLinks": [], "certificates": [],
        }))
        .await?;
    let id = answer["seller"]["_id"].as_str().context("no seller id")?.to_owned();
    Ok(Seller { client, id })
}

/// Makes the gigs, sixteen at a time, and returns the id of one.
pub(crate) async fn fill(base: &str, seller: &Seller, gigs: usize) -> anyhow::Result<String> {
    const NOUNS: [&str; 8] = ["logo", "website", "song", "translation", "video", "report", "newsletter", "photo"];
    const WORDS: [&str; 8] = ["quick", "hand-made", "modern", "careful", "bold", "quiet", "friendly", "detailed"];
    let next = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let (next, client, id) = (next.clone(), seller.client.clone(), seller.id.clone());
        tasks.spawn(async move {
            let mut last = String::new();
            loop {
                let n = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                if n >= gigs {
                    return anyhow::Ok(last);
                }
                let (noun, word) = (NOUNS[n % 8], WORDS[n / 8 % 8]);
                let body = json!({
                    "profilePicture": PICTURE, "sellerId": id, "title": format!("I will make a {word} {noun} number {n}"),
                    "categories": "Graphics & Design", "description": format!("A {word} {noun} for people who like it so. ").repeat(6),
                    "subCategories": ["Logo Design"], "tags": [noun, word], "price": 5 + n % 200, "coverImage": PICTURE,
                    "expectedDelivery": format!("{} Days Delivery", 1 + n % 7), "basicTitle": "Basic", "basicDescription": "One",
                });
                let answer = client.post("/gig/create", body).await?;
                answer["gig"]["id"].as_str().context("no gig id")?.clone_into(&mut last);
            }
        });
    }
    let mut gig = String::new();
    while let Some(done) = tasks.join_next().await {
        let last = done??;
        if !last.is_empty() {
            gig = last;
        }
    }
    let visitor = Client::new(base)?;
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let answer = visitor.get("/auth/search/gig/0/10/forward?query=").await?;
        if answer["total"].as_u64() >= Some(gigs.min(10_000) as u64) {
            return Ok(gig);
        }
        ensure!(Instant::now() < deadline, "the search knows only {} gigs", answer["total"]);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Waits until a search finds something.
pub(crate) async fn first_search(base: &str) -> anyhow::Result<()> {
    let client = Client::new(base)?;
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        match client.get("/auth/search/gig/0/10/forward?query=modern%20logo").await {
            Ok(answer) => {
                ensure!(answer["gigs"].as_array().is_some_and(|gigs| !gigs.is_empty()), "the search found nothing");
                return Ok(());
            }
            Err(error) => ensure!(Instant::now() < deadline, "no search in 30 s: {error}"),
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Reads a page so many times, four at a time.
pub(crate) async fn read(client: &Client, page: &str, times: u32) -> anyhow::Result<()> {
    let mut readers = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let (client, page) = (client.clone(), page.to_owned());
        readers.spawn(async move {
            for _ in 0..times / 4 {
                client.get(&page).await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(done) = readers.join_next().await {
        done??;
    }
    Ok(())
}
