//! Measures the one binary: how soon the first search is answered, what it holds in memory when idle, and what a gig by id
//! costs through the gateway. Prints figures and the machine; judges nothing.
#![expect(clippy::print_stdout, reason = "a bench prints")]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use jobapp_client::Client;
use serde_json::json;

/// How many requests the CPU time of one is averaged over.
const REQUESTS: u32 = 20_000;
/// How many starts the time to the first search is the median of.
const STARTS: usize = 5;
const PICTURE: &str = "https://img.example.org/p/1.png";

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let gigs: usize =
        std::env::args().nth(1).unwrap_or_else(|| "10000".to_owned()).parse().context("how many gigs?")?;
    let data = tempfile::tempdir()?;
    let port = free_port()?;
    let base = format!("http://localhost:{port}");

    println!("machine: {}", machine());
    println!("filling a marketplace with {gigs} gigs …");
    let running = Running::start(data.path(), port)?;
    let seller = seller(&base).await?;
    let started = Instant::now();
    let gig = fill(&base, &seller, gigs).await?;
    println!("  {:.0} gigs a second", gigs as f64 / started.elapsed().as_secs_f64());
    running.stop()?;

    let mut first = Vec::new();
    for _ in 0..STARTS {
        let executed = Instant::now();
        let running = Running::start(data.path(), port)?;
        first_search(&base).await?;
        first.push(executed.elapsed());
        running.stop()?;
    }
    first.sort();
    report("first search answered after exec", first[STARTS / 2].as_secs_f64() * 1e3, 300.0, "ms");

    let running = Running::start(data.path(), port)?;
    first_search(&base).await?;
    settled(&base).await?;
    report("resident when idle", running.resident_mib()?, 64.0, "MiB");

    let before = running.cpu_seconds()?;
    read_gig(&seller.client, &gig).await?;
    let each = (running.cpu_seconds()? - before) / f64::from(REQUESTS);
    report("CPU of a gig by id through the gateway", each * 1e6, 150.0, "µs");
    report("resident after that", running.resident_mib()?, 64.0, "MiB");
    running.stop()
}

fn report(what: &str, found: f64, goal: f64, unit: &str) {
    println!("{what}: {found:.1} {unit} (goal {goal} {unit}, ratio {:.2})", found / goal);
}

fn machine() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .map_or("unknown processor", |rest| rest.trim_start_matches([' ', '\t', ':']));
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    format!("{model}, {cores} cores, Linux {}", kernel.trim())
}

fn free_port() -> anyhow::Result<u16> {
    Ok(std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

struct Running(Child);

impl Running {
    fn start(data: &Path, port: u16) -> anyhow::Result<Self> {
        let program: PathBuf = std::env::current_exe()?.with_file_name("jobapp");
        let child = Command::new(&program)
            .args(["--log", "warn", "--port", &port.to_string(), "--data"])
            .arg(data)
            .stdout(Stdio::null())
            .spawn()
            .with_context(|| format!("{} could not be started", program.display()))?;
        Ok(Self(child))
    }

    fn stop(mut self) -> anyhow::Result<()> {
        Command::new("kill").args(["-TERM", &self.0.id().to_string()]).status()?;
        ensure!(self.0.wait()?.success(), "the marketplace did not stop politely");
        Ok(())
    }

    fn resident_mib(&self) -> anyhow::Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
        let kib: f64 = line.trim().trim_end_matches(" kB").trim().parse()?;
        Ok(kib / 1024.0)
    }

    /// User and system time so far, from `/proc/<pid>/stat` in ticks of 10 ms.
    fn cpu_seconds(&self) -> anyhow::Result<f64> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.0.id()))?;
        let after_name = stat.rsplit(')').next().context("no name in stat")?;
        let fields: Vec<&str> = after_name.split_whitespace().collect();
        let ticks: f64 = fields[11].parse::<f64>()? + fields[12].parse::<f64>()?;
        Ok(ticks / 100.0)
    }
}

struct Seller {
    client: Client,
    id: String,
}

async fn seller(base: &str) -> anyhow::Result<Seller> {
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
async fn fill(base: &str, seller: &Seller, gigs: usize) -> anyhow::Result<String> {
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

async fn first_search(base: &str) -> anyhow::Result<()> {
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

/// Idle: nothing under way, and a pause for what is given back after a while.
async fn settled(base: &str) -> anyhow::Result<()> {
    let client = Client::new(base)?;
    while client.call(reqwest::Method::GET, "/_dev/status", None).await?["settled"] != true {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    tokio::time::sleep(Duration::from_secs(10)).await;
    Ok(())
}

async fn read_gig(client: &Client, gig: &str) -> anyhow::Result<()> {
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let (client, path) = (client.clone(), format!("/gig/{gig}"));
        tasks.spawn(async move {
            for _ in 0..REQUESTS / 4 {
                client.get(&path).await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    Ok(())
}
