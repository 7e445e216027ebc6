//! A service as a process of its own: its settings, its parts, and what it answers until it is asked to stop.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context;
use jobapp::platform::config::{Listen, Places, Reader, Sources, Tokens};
use jobapp::platform::{App, Bus, Entrance, OpenError, Readiness, Service, Shared, Store, until_there};
use jobapp::runtime::{ServerConfig, Shutdown, Signals, listen, serve};
use jobapp::services::review::{ReviewConfig, ReviewPorts, ReviewService};
use tokio::sync::oneshot;

/// What would be its `main`. Its store is away until somebody says otherwise.
async fn run(
    sources: Sources,
    shutdown: Shutdown,
    told: oneshot::Sender<SocketAddr>,
    store_is_there: Arc<AtomicBool>,
) -> anyhow::Result<bool> {
    let mut reader = Reader::new(sources);
    let address = Listen::read(&mut reader, IpAddr::from([127, 0, 0, 1]), 4009).address;
    let (tokens, places) = (Tokens::read(&mut reader), Places::read(&mut reader, &Places::STORE));
    reader.finish()?;
    let (tokens, places) = tokens.zip(places).context("what is missing was told")?;

    let mut signals = Signals::listen()?;
    let readiness = Readiness::new();
    let entrance = Entrance::new(readiness.clone());
    let listener = listen(address).await?;
    told.send(listener.local_addr()?).map_err(|_| anyhow::anyhow!("nobody listens"))?;
    serve(&shutdown, listener, entrance.router(), ServerConfig::default());

    let starting = async {
        let stop = shutdown.token();
        let bus = until_there("the message bus", &readiness, stop, || Bus::open(&places.bus, None)).await?;
        let store = until_there("the store", &readiness, stop, || async {
            match store_is_there.load(Ordering::Relaxed) {
                true => Store::open(&places.store, None).await,
                false => Err(OpenError::away("nobody answers")),
            }
        });
        let store = store.await?;
        let (user_tokens, gateway_tokens) = tokens.tokens();
        let shared = Shared { publisher: bus.publisher(), user_tokens, gateway_tokens, ..Shared::in_memory() };
        let service = ReviewService::new(ReviewPorts::open(&store, &shared).await?, ReviewConfig::default());
        let app = App::new(&shared, bus, shutdown.clone()).telling(readiness.clone());
        app.declare().await?;
        app.wait_for(&service).await?;
        app.run(&service, Some(&store));
        entrance.opens_to(service.router());
        anyhow::Ok(app)
    };
    let app = shutdown.starting(&mut signals, Box::pin(starting)).await?;
    Ok(app.until_stopped(signals).await)
}

async fn ask(address: SocketAddr, path: &str) -> (u16, String) {
    let answer = reqwest::get(format!("http://{address}{path}")).await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

fn settings() -> Sources {
    let secret = "a secret that is long enough to sign with";
    let settings = [
        ("PORT", "0"),
        ("JWT_TOKEN", secret),
        ("GATEWAY_JWT_TOKEN", secret),
        ("RABBITMQ_ENDPOINT", "memory:"),
        ("DATABASE_URL", "memory:"),
    ];
    Sources::new().environment(settings.map(|(name, value)| (name.to_owned(), value.to_owned())))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_waits_for_its_store_says_so_serves_once_it_is_there_and_stops_when_asked() {
    let (shutdown, is_there) = (Shutdown::new(), Arc::new(AtomicBool::new(false)));
    let (told, address) = oneshot::channel();
    let running = Box::pin(run(settings(), shutdown.clone(), told, Arc::clone(&is_there)));
    let asking = async {
        let address = address.await.unwrap();
        assert_eq!(ask(address, "/livez").await.0, 200);
        let waits = (503, r#"{"missing":{"the store":"nobody answers"},"status":"starting"}"#.to_owned());
        until(async || ask(address, "/readyz").await == waits).await;
        assert_eq!(ask(address, "/review-health").await.0, 503);

        is_there.store(true, Ordering::Relaxed);
        until(async || ask(address, "/readyz").await.0 == 200).await;
        assert_eq!(ask(address, "/review-health").await.0, 200);
        shutdown.request();
    };
    let (ended, ()) = tokio::join!(running, asking);
    assert!(ended.unwrap(), "everything ended by itself");
}

#[tokio::test]
async fn a_process_does_not_start_without_its_secrets() {
    let (told, _address) = oneshot::channel();
    let refused = Box::pin(run(Sources::new(), Shutdown::new(), told, Arc::default())).await.unwrap_err().to_string();
    for setting in ["jwt_token", "gateway_jwt_token", "store", "bus"] {
        assert!(refused.contains(&format!("\n  {setting}: missing")), "{refused}");
    }
}

/// Waits until something holds.
async fn until(holds: impl AsyncFn() -> bool) {
    let waiting = async {
        while !holds().await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), waiting).await.expect("it comes to hold");
}
