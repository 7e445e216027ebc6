//! A binary of your own with two of the services behind the gateway: accounts and their profiles, and nothing else.
//!
//! ```text
//! cargo run --example two_services
//! ```
//!
//! In your own `Cargo.toml`: `jobapp = { …, features = ["services", "media", "client"] }`.
//!
//! The two services share no data. When somebody signs up, auth stores the account and, in the same step, what happened;
//! a *relay* makes a message of that; a *consumer* of users takes it and makes the buyer's profile:
//!
//! ```text
//! client ──HTTP──▶ gateway ──▶ auth ──▶ store + outbox ──relay──▶ bus ──consumer──▶ users ──▶ store
//! ```
//!
//! Everything is in memory and gone at the end. The one binary of the marketplace is made the same way, of all eight
//! services and adapters that keep what they are given.
#![expect(clippy::print_stdout, reason = "an example speaks to its reader")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use jobapp::adapters::client::Client;
use jobapp::adapters::memory::{MemoryBus, MemoryCategories};
use jobapp::platform::{App, Service, Shared, Store};
use jobapp::runtime::{STOP_LIMIT, ServerConfig, Shutdown, listen, serve};
use jobapp::services::auth::{AuthConfig, AuthPorts, AuthService};
use jobapp::services::gateway::{Gateway, GatewayConfig, GatewayPorts, Upstreams};
use jobapp::services::users::{UsersConfig, UsersPorts, UsersService};
use jobapp::wire::queues::AUTH_EMAIL;
use serde_json::{Value, json};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    run().await
}

/// The whole example.
///
/// # Errors
/// The first thing that is not as it says.
pub async fn run() -> anyhow::Result<()> {
    // What everybody gets, on keys made just now. A server that restarts must keep them, so read yours from somewhere.
    let bus = MemoryBus::new();
    let shared = Shared { publisher: Arc::new(bus.clone()), ..Shared::in_memory() };

    // The two services, each with a store of its own.
    let (auth_store, users_store) = (Store::in_memory(), Store::in_memory());
    let auth = AuthService::new(AuthPorts::open(&auth_store, &shared).await?, AuthConfig::default());
    let users = UsersService::new(UsersPorts::open(&users_store, &shared).await?, UsersConfig::default());

    // The gateway calls them in this process. Over the network it would be another tower service here, and nothing else.
    let port = listen(([127, 0, 0, 1], 0).into()).await?;
    let public_url = format!("http://{}", port.local_addr()?);
    let config = GatewayConfig { public_url: public_url.clone(), ..GatewayConfig::default() };
    let services: [&dyn Service; 2] = [&auth, &users];
    let upstreams = Upstreams::in_process(services, shared.gateway_tokens, &config.guards);
    let ports = GatewayPorts::alone(Arc::new(MemoryCategories::new()));
    let gateway = Gateway::start(upstreams, shared.user_tokens, ports, config).await?;
    for need in gateway.waits_for() {
        need.look().await?;
    }

    // First of all the queues, so that nothing published misses its consumer. Nobody here sends mails, but auth asks for
    // them: their queue keeps them until somebody does.
    let shutdown = Shutdown::new();
    let app = App::new(shared.clock, shared.publisher, Arc::new(bus.clone()), shutdown.clone());
    app.declare().await?;
    app.run(&auth, Some(&auth_store));
    app.run(&users, Some(&users_store));
    app.run(&gateway, None);
    let documents: Vec<_> = services.iter().filter_map(|service| service.openapi()).collect();
    serve(&shutdown, port, gateway.door(&documents), ServerConfig::default());
    println!("Two services are running on {public_url}.");

    let profile = sign_up(&public_url).await?;
    println!("The buyer's profile, made of a message: {profile:#}");
    ensure!(profile["username"] == "Marta" && profile["isSeller"] == false, "a new buyer");

    // Ctrl-C or SIGTERM would do the same in a server: `shutdown.run(STOP_LIMIT).await` waits for one.
    ensure!(shutdown.stop(STOP_LIMIT).await, "everything ends by itself");
    for (name, store) in [("auth", &auth_store), ("users", &users_store)] {
        ensure!(store.outbox().waiting().await? == 0, "everything {name} had to tell was published");
    }
    ensure!(bus.depths()[AUTH_EMAIL.name].waiting == 1, "the mail with the link to verify the address waits");
    println!("Drained: both outboxes are empty, one mail waits in {}.", AUTH_EMAIL.name);
    Ok(())
}

/// Signs somebody up and waits until there is a profile.
async fn sign_up(public_url: &str) -> anyhow::Result<Value> {
    let client = Client::new(public_url)?;
    let body = json!({
        "username": "Marta", "email": "marta@example.org", "password": "correct horse 7", "country": "Spain",
        "profilePicture": "https://img.example.org/marta.png", "browserName": "Firefox", "deviceType": "browser",
    });
    let answer = client.post("/auth/signup", body).await?;
    println!("Signed up: {}", answer["user"]);

    // Who asks is known from the session's cookie. The route waits a moment for the message; on a busy machine ask again.
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        match client.get("/buyer/username").await {
            Ok(mut answer) => return Ok(answer["buyer"].take()),
            Err(error) if Instant::now() >= deadline => return Err(error).context("there is no profile"),
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}
