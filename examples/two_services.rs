//! A binary of your own with two of the services behind the gateway: `cargo run --example two_services`
//!
//! In your own `Cargo.toml`: `jobapp = { …, features = ["services", "client"] }`. When somebody signs up, auth stores the account
//! with what happened, a relay makes a message of that, and a consumer of users makes the buyer's profile. The one binary of
//! the marketplace is made the same way, of all eight services and adapters that keep what they are given.
#![expect(clippy::print_stdout, reason = "an example speaks to its reader")]

use std::sync::Arc;
use std::time::Duration;

use anyhow::ensure;
use jobapp::adapters::client::Client;
use jobapp::adapters::memory::{MemoryBus, MemoryCategories};
use jobapp::platform::{App, Bus, Service, Shared, Store};
use jobapp::runtime::{STOP_LIMIT, ServerConfig, Shutdown, listen};
use jobapp::services::auth::{AuthConfig, AuthPorts, AuthService};
use jobapp::services::gateway::{Gateway, GatewayConfig, GatewayPorts, Upstreams};
use jobapp::services::users::{UsersConfig, UsersPorts, UsersService};
use serde_json::json;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    run().await
}

/// The whole example. Fails with the first thing that is not as it says.
pub async fn run() -> anyhow::Result<()> {
    // What both have, on keys made just now; a server that restarts must keep them. A store for each: they share no data.
    let bus = Bus::from(MemoryBus::new());
    let shared = Shared { publisher: bus.publisher(), ..Shared::in_memory() };
    let (auth_store, users_store) = (Store::in_memory(), Store::in_memory());
    let auth = AuthService::new(AuthPorts::open(&auth_store, &shared).await?, AuthConfig::default());
    let config = UsersConfig { profile_wait: Duration::from_secs(30), ..UsersConfig::default() };
    let users = UsersService::new(UsersPorts::open(&users_store, &shared).await?, config);
    // The gateway calls them in this process. Over the network it would be other tower services here, and nothing else.
    let listener = listen(([127, 0, 0, 1], 0).into()).await?;
    let public_url = format!("http://{}", listener.local_addr()?);
    let config = GatewayConfig { public_url: public_url.clone(), ..GatewayConfig::default() };
    let upstreams = Upstreams::in_process(
        [&auth as &dyn Service, &users],
        shared.gateway_tokens.clone(),
        &config.guards,
        &shared.metrics,
    );
    let ports = GatewayPorts::alone(Arc::new(MemoryCategories::new()));
    let gateway = Gateway::start(upstreams, shared.user_tokens.clone(), ports, config).await;
    // Queues first, so that nothing published misses its consumer. Then what runs until the process is asked to stop.
    let shutdown = Shutdown::new();
    let app = App::new(&shared, bus, shutdown.clone());
    app.declare().await?;
    app.wait_for(&gateway).await?;
    let services: [(&dyn Service, Option<&Store>); 3] =
        [(&auth, Some(&auth_store)), (&users, Some(&users_store)), (&gateway, None)];
    services.iter().for_each(|(service, store)| app.run(*service, *store));
    app.serve(listener, gateway.door(&[]), ServerConfig::default());
    let client = Client::new(&public_url)?;
    let marta = json!({ "username": "Marta", "email": "marta@example.org", "password": "correct horse 7", "country": "Spain",
        "profilePicture": "https://img.example.org/m.png", "browserName": "Firefox", "deviceType": "browser" });
    println!("Signed up: {}", client.post("/auth/signup", marta).await?["user"]);
    println!("Made of a message: {:#}", client.get("/buyer/username").await?["buyer"]);
    ensure!(shutdown.stop(STOP_LIMIT).await, "a server waits for a signal here: shutdown.run(STOP_LIMIT)");
    ensure!(auth_store.outbox().waiting().await? == 0, "everything auth had to tell was published");
    Ok(())
}
