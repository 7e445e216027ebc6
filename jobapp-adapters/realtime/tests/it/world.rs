//! A gateway with nothing but realtime in it.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::serve::ListenerExt;
use http::HeaderMap;
use jobapp_memory::{MemoryCategories, MemoryFanout, MemoryPresence};
use jobapp_realtime::{Handshake, Identity, Realtime, RealtimeConfig, RealtimePorts, Unavailable};
use jobapp_wire::messages::Realtime as Event;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

/// Where the browsers' pages come from.
pub const ORIGIN: &str = "http://localhost:3000";

/// Sessions by cookie: `session=<user>.<sid>`, with `.expired` behind it when the access token is old.
#[derive(Debug, Default)]
pub struct Sessions {
    ended: Mutex<HashSet<String>>,
    asked: AtomicUsize,
}

impl Sessions {
    pub fn end(&self, sid: &str) {
        self.ended.lock().insert(sid.to_owned());
    }

    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl Handshake for Sessions {
    async fn identify(&self, headers: &HeaderMap) -> Result<Option<Identity>, Unavailable> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let Some(identity) = self.named(headers) else { return Ok(None) };
        Ok(self.alive(&identity).await.then_some(identity))
    }

    fn named(&self, headers: &HeaderMap) -> Option<Identity> {
        let cookies = headers.get("cookie").and_then(|value| value.to_str().ok()).unwrap_or_default();
        let session = cookies.split("; ").find_map(|cookie| cookie.strip_prefix("session="));
        let mut parts = session.unwrap_or_default().split('.');
        Some(Identity::new(parts.next()?, parts.next()?))
    }

    async fn alive(&self, identity: &Identity) -> bool {
        !self.ended.lock().contains(&*identity.sid)
    }

    fn ended(&self, sid: &str) {
        self.end(sid);
    }
}

/// What several gateways share.
#[derive(Clone)]
pub struct Shared {
    pub presence: MemoryPresence,
    pub fanout: MemoryFanout,
    pub sessions: Arc<Sessions>,
    pub categories: Arc<MemoryCategories>,
}

impl Default for Shared {
    fn default() -> Self {
        Self {
            presence: MemoryPresence::with_lease(Duration::from_millis(600)),
            fanout: MemoryFanout::default(),
            sessions: Arc::default(),
            categories: Arc::default(),
        }
    }
}

/// A gateway's ports to it.
pub fn ports(shared: &Shared) -> RealtimePorts {
    RealtimePorts {
        handshake: shared.sessions.clone(),
        presence: Arc::new(shared.presence.clone()),
        fanout: Arc::new(shared.fanout.clone()),
        news: Arc::new(()),
        categories: shared.categories.clone(),
    }
}

pub struct Gateway {
    pub realtime: Realtime,
    pub address: SocketAddr,
}

/// Short times, so that tests wait for little.
pub fn config(name: &str) -> RealtimeConfig {
    let mut config = RealtimeConfig::new(name, Arc::new(|origin| origin == ORIGIN));
    config.ping_interval = Duration::from_millis(100);
    config.ping_timeout = Duration::from_secs(5);
    config.presence.renew = Duration::from_millis(100);
    config.presence.linger = Duration::from_millis(50);
    config.presence.announce = Duration::from_millis(50);
    config.recheck_sessions = Duration::from_millis(200);
    config.drain = Duration::from_millis(300);
    config
}

impl Gateway {
    pub async fn start(shared: &Shared, config: RealtimeConfig) -> Self {
        Self::with(ports(shared), config).await
    }

    pub async fn with(ports: RealtimePorts, config: RealtimeConfig) -> Self {
        let realtime = Realtime::start(config, ports).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let listener = listener.tap_io(|stream| stream.set_nodelay(true).expect("a connection that is open"));
        let router = realtime.mount(Router::new());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { realtime, address }
    }

    pub async fn alone() -> Self {
        Self::start(&Shared::default(), config("alone")).await
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A chat message from one user to another, as the chat service announces it.
    pub async fn message(&self, id: &str, from: &str, to: &str) {
        let event = Event {
            event: "message received".into(),
            arguments: vec![message(id, from, to)],
            receivers: vec![from.into(), to.into()],
        };
        self.realtime.deliver(id, &event).await.expect("memory can be reached");
    }
}

pub fn message(id: &str, from: &str, to: &str) -> Value {
    json!({"_id": id, "senderUsername": from, "receiverUsername": to, "body": "hello"})
}

/// Waits until something holds.
pub async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let patience = tokio::time::Instant::now() + crate::agent::PATIENCE;
    while !holds() {
        assert!(tokio::time::Instant::now() < patience, "still not so: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A network between client and gateway that can be cut.
pub struct Wire {
    address: SocketAddr,
    state: Arc<Mutex<Cable>>,
}

struct Cable {
    /// Cuts what is connected; `None` while it is cut.
    whole: Option<CancellationToken>,
    target: SocketAddr,
}

impl Wire {
    pub async fn to(gateway: &Gateway) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let cable = Cable { whole: Some(CancellationToken::new()), target: gateway.address };
        let state = Arc::new(Mutex::new(cable));
        let known = state.clone();
        tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let (whole, target) = {
                    let cable = known.lock();
                    (cable.whole.clone(), cable.target)
                };
                // While it is cut, what connects is dropped at once.
                let Some(cut) = whole else { continue };
                tokio::spawn(async move {
                    let Ok(mut far) = TcpStream::connect(target).await else { return };
                    tokio::select! {
                        copied = tokio::io::copy_bidirectional(&mut near, &mut far) => drop(copied),
                        () = cut.cancelled() => {}
                    }
                });
            }
        });
        Self { address, state }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn cut(&self) {
        if let Some(cut) = self.state.lock().whole.take() {
            cut.cancel();
        }
    }

    pub fn mend(&self) {
        self.state.lock().whole = Some(CancellationToken::new());
    }

    /// What connects from now on comes to another gateway.
    pub fn lead_to(&self, gateway: &Gateway) {
        let mut cable = self.state.lock();
        cable.target = gateway.address;
        if cable.whole.is_none() {
            cable.whole = Some(CancellationToken::new());
        }
    }
}
