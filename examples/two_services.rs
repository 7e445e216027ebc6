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
use jobapp::adapters::http::{GatewayTokens, SecretString, ServiceGuard, TokenKeys, UserTokens, in_process};
use jobapp::adapters::media::MemoryMedia;
use jobapp::adapters::memory::{MemoryBus, MemoryCategories, MemoryStore};
use jobapp::auth::Secrets;
use jobapp::kernel::{Clock, Ids, MediaStore, Publisher, Subscriber};
use jobapp::runtime::{
    Consumer, Relay, STOP_LIMIT, ServerConfig, Shutdown, SystemClock, SystemIds, Translate, listen, serve,
    spawn_consumers,
};
use jobapp::services::auth::{Argon2Hasher, AuthConfig, AuthPorts, AuthService, SystemSecrets};
use jobapp::services::gateway::{Gateway, GatewayConfig, GatewayPorts, Upstreams, targets_of};
use jobapp::services::users::{UsersConfig, UsersPorts, UsersService};
use jobapp::wire::queues::AUTH_EMAIL;
use serde_json::{Value, json};

/// How long an access token lives, in seconds.
const ACCESS_SECONDS: u64 = 15 * 60;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    run().await
}

/// The whole example.
///
/// # Errors
/// The first thing that is not as it says.
pub async fn run() -> anyhow::Result<()> {
    // What everybody gets. The secrets sign tokens; a server that restarts must keep them, so read yours from somewhere.
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let ids: Arc<dyn Ids> = Arc::new(SystemIds::default());
    let media: Arc<dyn MediaStore> = Arc::new(MemoryMedia::default());
    let bus = MemoryBus::new();
    let publisher: Arc<dyn Publisher> = Arc::new(bus.clone());
    let subscriber: Arc<dyn Subscriber> = Arc::new(bus.clone());
    let gateway_tokens = GatewayTokens::new(TokenKeys::single(&a_secret()));
    let user_tokens = UserTokens::new(TokenKeys::single(&a_secret()), ACCESS_SECONDS);
    let guard =
        |audiences| Arc::new(ServiceGuard { audiences, gateway: gateway_tokens.clone(), users: user_tokens.clone() });

    // The two services, each with a store of its own.
    let (auth_store, users_store) = (MemoryStore::new(), MemoryStore::new());
    let auth = AuthService::new(
        AuthPorts {
            accounts: auth_store.repository(),
            sessions: auth_store.repository(),
            pending: auth_store.repository(),
            attempts: auth_store.repository(),
            numbers: auth_store.sequence(),
            media: Arc::clone(&media),
            hasher: Arc::new(Argon2Hasher::new()?),
            secrets: Arc::new(SystemSecrets),
            clock: Arc::clone(&clock),
            ids: Arc::clone(&ids),
            guard: guard(AuthService::AUDIENCES),
        },
        AuthConfig::default(),
    );
    let users = UsersService::new(
        UsersPorts {
            buyers: users_store.repository(),
            sellers: users_store.repository(),
            numbers: users_store.sequence(),
            media: Arc::clone(&media),
            publisher: Arc::clone(&publisher),
            clock: Arc::clone(&clock),
            ids: Arc::clone(&ids),
            guard: guard(UsersService::AUDIENCES),
        },
        UsersConfig::default(),
    );

    // The gateway calls them in this process. Over the network it would be another tower service here, and nothing else.
    let port = listen(([127, 0, 0, 1], 0).into()).await?;
    let public_url = format!("http://{}", port.local_addr()?);
    let config = GatewayConfig { public_url: public_url.clone(), ..GatewayConfig::default() };
    let upstreams = [("auth", auth.router()), ("users", users.router())].into_iter().flat_map(|(name, router)| {
        let service = in_process(router);
        targets_of(name).map(move |target| (target, service.clone()))
    });
    let upstreams = Upstreams::new(upstreams, gateway_tokens.clone(), &config.guards);
    let ports = GatewayPorts::alone(Arc::new(MemoryCategories::new()));
    let gateway = Gateway::start(upstreams, user_tokens.clone(), ports, config).await?;
    gateway.load_ended_sessions().await.map_err(|error| anyhow::anyhow!(error.message().to_owned()))?;

    // First of all the queues, so that nothing published misses its consumer. Nobody here sends mails, but auth asks for
    // them: declared, their queue keeps them until somebody does. A message without a queue stays in the outbox.
    subscriber.declare(&[AUTH_EMAIL]).await?;

    // Then the tasks, in two stages. Draining ends the first ones first: server and consumers, which make events. The
    // relays come last, so that what was made until then is still published.
    let shutdown = Shutdown::new();
    let consumers: Vec<Consumer> = [auth.consumers(), users.consumers(), gateway.consumers()].concat();
    spawn_consumers(&subscriber, consumers, shutdown.token(), shutdown.tracker()).await?;
    let relays: [(&str, &MemoryStore, Translate); 2] =
        [("auth", &auth_store, auth.translator()), ("users", &users_store, Arc::new(UsersService::translate))];
    for (owner, store, translate) in relays {
        let relay =
            Relay { outbox: store.outbox(), publisher: Arc::clone(&publisher), translate, owner: owner.to_owned() };
        let stop = shutdown.last_token().clone();
        shutdown.spawn_last(async move { relay.run(stop).await });
    }
    serve(&shutdown, port, gateway.door(&[AuthService::openapi(), UsersService::openapi()]), ServerConfig::default());
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

/// 256 random bits.
fn a_secret() -> SecretString {
    let mut bytes = [0_u8; 32];
    SystemSecrets.fill(&mut bytes);
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into()
}
