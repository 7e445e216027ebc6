//! Measures sign-ins: how many a second the auth service answers on a store in a file, next to Argon2id alone with the same
//! parameters on the same cores. Prints figures and the machine; judges nothing.
#![expect(clippy::print_stdout, reason = "a bench prints")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use axum::Router;
use axum::body::Body;
use http::{Request, StatusCode, header};
use jobapp_auth::{PasswordHasher, Seed};
use jobapp_auth_service::{Argon2Hasher, AuthConfig, AuthPorts, AuthService};
use jobapp_http::{CLIENT_ADDRESS, DEVICE_TOKEN, GatewayTokens, SecretString, TokenKeys, UserTokens};
use jobapp_platform::{Service, Shared};
use jobapp_sqlite::{SqliteConfig, SqliteStore};
use serde_json::{Value, json};
use tower::ServiceExt;

const PASSWORD: &str = "correct horse";
/// How many people sign in, again and again.
const PEOPLE: usize = 200;
/// How many of them at once, for each core.
const AT_ONCE: usize = 4;

/// Somebody who signs in.
#[derive(Clone)]
struct Person {
    name: String,
    device_token: String,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let seconds: u64 =
        std::env::args().nth(1).unwrap_or_else(|| "10".to_owned()).parse().context("how many seconds?")?;
    let span = Duration::from_secs(seconds);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    println!("machine: {}", machine(cores));

    let folder = tempfile::tempdir()?;
    let store = SqliteStore::open(SqliteConfig::file(folder.path().join("auth.db"))).await?;
    let hasher = Argon2Hasher::new()?;
    let gateway = GatewayTokens::new(keys());
    let service = service(&store, &hasher, &gateway).await?;
    let router = service.router();
    let people = Arc::new(people(&service, &router, &gateway).await?);

    // Twice, in turns, so that a machine that changes its speed shows.
    let mut ratios = Vec::new();
    for round in 1..=2 {
        let before = cpu_seconds()?;
        let raw = raw(&hasher, cores, span).await?;
        let between = cpu_seconds()?;
        let answered = sign_ins(&router, &gateway, &people, cores, span).await?;
        let after = cpu_seconds()?;
        println!(
            "round {round}: Argon2id alone {:.1} a second, sign-ins {:.1} a second, ratio {:.3}",
            raw.rate(),
            answered.rate(),
            answered.rate() / raw.rate()
        );
        // On a machine that does other things as well, what each costs says more than how many there were.
        let (alone, each) = ((between - before) / raw.done as f64, (after - between) / answered.done as f64);
        println!(
            "round {round}: CPU of Argon2id alone {:.1} ms, of a sign-in {:.1} ms, ratio {:.3}",
            alone * 1e3,
            each * 1e3,
            alone / each
        );
        ratios.push(answered.rate() / raw.rate());
    }
    println!(
        "sign-ins next to Argon2id alone: ratio {:.3} (goal 0.9)",
        ratios.iter().sum::<f64>() / ratios.len() as f64
    );
    store.close().await;
    Ok(())
}

fn keys() -> TokenKeys {
    TokenKeys::single(&SecretString::from("only for measuring".to_owned()))
}

async fn service(store: &SqliteStore, hasher: &Argon2Hasher, gateway: &GatewayTokens) -> anyhow::Result<AuthService> {
    let user_tokens = UserTokens::new(keys(), 900);
    let shared = Shared { gateway_tokens: gateway.clone(), user_tokens, ..Shared::in_memory() };
    let mut ports = AuthPorts::open(&store.clone().into(), &shared).await?;
    ports.auth.hasher = Arc::new(hasher.clone());
    Ok(AuthService::new(ports, AuthConfig::default()))
}

/// Makes everybody and signs them in once, so that their browsers are recognised.
async fn people(service: &AuthService, router: &Router, gateway: &GatewayTokens) -> anyhow::Result<Vec<Person>> {
    let picture = AuthConfig::default().seed_picture;
    let seed = Seed { count: PEOPLE, mail_domain: "example.com".to_owned(), password: PASSWORD.to_owned(), picture };
    let mut people = Vec::with_capacity(PEOPLE);
    for account in service.use_cases().seed(&seed).await? {
        let unknown = Person { name: account.username().to_string(), device_token: String::new() };
        let answer = sign_in(router, gateway, &unknown).await?;
        let device_token = answer["deviceToken"].as_str().context("no device token")?.to_owned();
        people.push(Person { device_token, ..unknown });
    }
    Ok(people)
}

async fn sign_in(router: &Router, gateway: &GatewayTokens, person: &Person) -> anyhow::Result<Value> {
    let body =
        json!({ "username": person.name, "password": PASSWORD, "browserName": "Chrome", "deviceType": "browser" });
    let request = Request::post("/api/v1/auth/signin")
        .header("gatewaytoken", gateway.issue("auth")?)
        .header(header::CONTENT_TYPE, "application/json")
        .header(CLIENT_ADDRESS, "192.0.2.1")
        .header(DEVICE_TOKEN, &person.device_token)
        .body(Body::from(body.to_string()))?;
    let response = router.clone().oneshot(request).await?;
    let status = response.status();
    let bytes = axum::body::to_bytes(response.into_body(), 1 << 20).await?;
    let answer: Value = serde_json::from_slice(&bytes)?;
    ensure!(status == StatusCode::OK && answer["token"] != "", "{status}: {answer}");
    Ok(answer)
}

/// How many there were, in what time.
struct Rate {
    done: usize,
    seconds: f64,
}

impl Rate {
    fn rate(&self) -> f64 {
        self.done as f64 / self.seconds
    }
}

/// Sign-ins, several at once.
async fn sign_ins(
    router: &Router,
    gateway: &GatewayTokens,
    people: &Arc<Vec<Person>>,
    cores: usize,
    span: Duration,
) -> anyhow::Result<Rate> {
    let next = Arc::new(AtomicUsize::new(0));
    let started = Instant::now();
    let tasks: Vec<_> = (0..cores * AT_ONCE)
        .map(|_| {
            let (router, gateway, people, next) =
                (router.clone(), gateway.clone(), Arc::clone(people), Arc::clone(&next));
            tokio::spawn(async move {
                let mut done = 0_usize;
                while started.elapsed() < span {
                    let person = &people[next.fetch_add(1, Ordering::Relaxed) % people.len()];
                    sign_in(&router, &gateway, person).await?;
                    done += 1;
                }
                anyhow::Ok(done)
            })
        })
        .collect();
    let mut done = 0;
    for task in tasks {
        done += task.await??;
    }
    Ok(Rate { done, seconds: started.elapsed().as_secs_f64() })
}

/// Comparisons of passwords, by one thread for each core and nothing else.
async fn raw(hasher: &Argon2Hasher, cores: usize, span: Duration) -> anyhow::Result<Rate> {
    let hash = hasher.hash(PASSWORD).await?;
    let started = Instant::now();
    let threads: Vec<_> = (0..cores)
        .map(|_| {
            let (hasher, hash) = (hasher.clone(), hash.clone());
            tokio::task::spawn_blocking(move || {
                let mut done = 0_usize;
                while started.elapsed() < span {
                    ensure!(hasher.verify_here(PASSWORD, &hash)?.matches, "the hash is of another password");
                    done += 1;
                }
                anyhow::Ok(done)
            })
        })
        .collect();
    let mut done = 0;
    for thread in threads {
        done += thread.await??;
    }
    Ok(Rate { done, seconds: started.elapsed().as_secs_f64() })
}

fn machine(cores: usize) -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .map_or("unknown processor", |rest| rest.trim_start_matches([' ', '\t', ':']));
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("{model}, {cores} cores, Linux {}", kernel.trim())
}

/// User and system time of this process so far, from `/proc/self/stat` in ticks of 10 ms.
fn cpu_seconds() -> anyhow::Result<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let after_name = stat.rsplit(')').next().context("no name in stat")?;
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    let ticks: f64 = fields[11].parse::<f64>()? + fields[12].parse::<f64>()?;
    Ok(ticks / 100.0)
}
