//! Every program is replaced while people are busy, two of each, one after the other, as a rolling update does.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use jobapp_cluster::{Cluster, Plan};
use parking_lot::Mutex;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::agent::{Agent, Heard, Opening};
use crate::busy::{Busy, Two};
use crate::people::session_of;
use crate::world::{cluster, until};

/// How long a program serves on: longer than gateways keep connections that nobody uses.
const DRAIN: &str = "6";
/// How often the balancer asks gateways whether they are ready.
const LOOK: Duration = Duration::from_millis(200);

/// Gives connections to gateways that say they are ready, as a balancer or the network of a Kubernetes cluster does.
struct Balancer {
    url: String,
    tasks: JoinSet<()>,
}

impl Balancer {
    async fn before(gateways: Vec<String>) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://localhost:{}", listener.local_addr()?.port());
        let ready = Arc::new(Mutex::new(gateways.clone()));
        let mut tasks = JoinSet::new();
        let seen = Arc::clone(&ready);
        tasks.spawn(async move {
            let http = reqwest::Client::new();
            loop {
                let mut now = Vec::new();
                for gateway in &gateways {
                    let answer = http.get(format!("{gateway}/readyz")).timeout(LOOK).send().await;
                    if answer.is_ok_and(|answer| answer.status().is_success()) {
                        now.push(gateway.clone());
                    }
                }
                *seen.lock() = now;
                tokio::time::sleep(LOOK).await;
            }
        });
        tasks.spawn(async move {
            let next = AtomicUsize::new(0);
            let mut passing = JoinSet::new();
            while let Ok((mut client, _)) = listener.accept().await {
                let ready = ready.lock().clone();
                let start = next.fetch_add(1, Ordering::Relaxed);
                passing.spawn(async move {
                    for index in 0..ready.len() {
                        let gateway = &ready[(start + index) % ready.len()];
                        let address = gateway.trim_start_matches("http://");
                        if let Ok(mut there) = TcpStream::connect(address).await {
                            // Either side may end it; the client tells if that was too early.
                            drop(tokio::io::copy_bidirectional(&mut client, &mut there).await);
                            return;
                        }
                    }
                });
            }
        });
        Ok(Self { url, tasks })
    }
}

/// No request fails, nothing that was answered is lost or comes twice, and sockets go on where they were.
#[tokio::test(flavor = "multi_thread")]
async fn a_rolling_restart_fails_no_request_and_loses_no_event() {
    let settings =
        vec![(None, "JOBAPP_DRAIN_SECONDS", DRAIN.to_owned()), (None, "JOBAPP_RATE_LIMITS", "off".to_owned())];
    let world = cluster(Plan { each: 2, settings, ..Plan::default() }).await;
    let balancer = Balancer::before(world.gateways()).await.unwrap();
    let two = Arc::new(Two::meet(&balancer.url).await.unwrap());

    let agent = Agent::start().await;
    let cookie = session_of(&balancer.url, &two.seller.name).await.unwrap();
    let opening = Opening { cookie: Some(cookie), insistent: true, ..Opening::default() };
    let mut tab = agent.joined("iria", &balancer.url, opening).await;
    tab.until_online(&["Iria"]).await;

    let busy = Busy::begin(&two);
    let ended = replaced(&world).await;
    let done = busy.end().await;
    assert_eq!(ended, Vec::<String>::new(), "every program ends as it should");

    until(async || two.has_all_of(&done).await).await;
    let mut heard = Vec::new();
    while heard.last() != done.messages.last() {
        match tab.next_but_pings().await {
            Heard::Event { args } if args[0] == "message received" => {
                heard.push(args[1]["body"].as_str().unwrap_or_default().to_owned());
            }
            Heard::Connect { recovered, .. } => assert!(recovered, "a socket that goes on heard everything meanwhile"),
            _ => {}
        }
    }
    assert_eq!(heard, done.messages, "each once, in order");
    drop(balancer.tasks);
}

/// Stops and starts every process: those that did not end as they should, with the end of their log.
async fn replaced(world: &Cluster) -> Vec<String> {
    let mut badly = Vec::new();
    for process in world.processes() {
        let well = tokio::task::block_in_place(|| process.stop()).unwrap();
        if !well {
            let log = process.log();
            let last: Vec<&str> = log.lines().rev().take(5).collect();
            badly.push(format!("{}: {last:#?}", process.service()));
        }
        process.start().unwrap();
        process.ready().await.unwrap();
        // The balancer hears of it.
        tokio::time::sleep(LOOK * 5).await;
    }
    badly
}
