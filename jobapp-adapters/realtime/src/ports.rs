//! What the realtime server needs of the world.

use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::BoxStream;
use http::HeaderMap;
use jobapp_wire::messages::Realtime;
use tokio::sync::watch;

use crate::Position;

/// What a port needs cannot be reached.
#[derive(Debug, thiserror::Error)]
#[error("{what} cannot be reached")]
pub struct Unavailable {
    /// What: `presence`, `fan-out` or `sessions`.
    pub what: &'static str,
    /// Why.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

/// Who a connection belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Identity {
    /// Stored form.
    pub username: Arc<str>,
    /// The session.
    pub sid: Arc<str>,
}

impl Identity {
    /// This user in this session.
    pub fn new(username: &str, sid: &str) -> Self {
        Self { username: username.into(), sid: sid.into() }
    }
}

/// Tells who is behind a handshake. Never renews or rotates anything: a page opens dozens of connections at once.
#[async_trait]
pub trait Handshake: Send + Sync {
    /// Who sent a request with these headers; `None` without a live session. A session that lives is enough, even when
    /// its access token has expired. When it cannot be told the connection is taken for one without a session.
    async fn identify(&self, headers: &HeaderMap) -> Result<Option<Identity>, Unavailable>;

    /// Whose session a request with these headers names, by a token that is genuine, expired or not. Whether the session
    /// lives is not asked: see [`Handshake::alive`].
    fn named(&self, headers: &HeaderMap) -> Option<Identity>;

    /// Whether a session still lives. Asked now and then for the sessions behind open sockets; in doubt, yes.
    async fn alive(&self, identity: &Identity) -> bool;

    /// A session ended: every gateway hears so, before its sockets there fall silent.
    fn ended(&self, sid: &str);
}

/// What gateways tell each other and no browser hears: events without receivers.
pub trait News: Send + Sync {
    /// One was published, at whichever gateway.
    fn heard(&self, event: &Realtime);

    /// Some may have been missed.
    fn missed(&self);
}

/// Who has nothing to tell.
impl News for () {
    fn heard(&self, event: &Realtime) {
        tracing::debug!(event = event.event, "an event for nobody was passed over");
    }

    fn missed(&self) {}
}

/// One connection of a user, somewhere.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ConnectionId {
    /// The gateway that holds it.
    pub gateway: Arc<str>,
    /// Its number there.
    pub number: u64,
}

/// What [`Presence::renew`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lease {
    /// The gateway's connections are known and stay.
    Renewed,
    /// They were forgotten, or there were none yet: the gateway must enter them again.
    Begun,
}

/// Who is online, counted in connections, at all gateways together. A user is online as long as one connection of his
/// has entered and not left.
///
/// A gateway holds a lease on its connections and renews it; those of a gateway that stopped doing so leave by
/// themselves, within 30 s of its end at the latest.
#[async_trait]
pub trait Presence: Send + Sync {
    /// A connection of a user is there; entering twice is entering once. Returns whether that brought him online.
    async fn enter(&self, user: &str, connection: &ConnectionId) -> Result<bool, Unavailable>;

    /// A connection is gone. Returns whether that took him offline.
    async fn leave(&self, user: &str, connection: &ConnectionId) -> Result<bool, Unavailable>;

    /// All connections of a user are gone, as far as presence goes. Returns whether that took him offline.
    async fn off(&self, user: &str) -> Result<bool, Unavailable>;

    /// Everybody who is online, the newest first.
    async fn online(&self) -> Result<Vec<String>, Unavailable>;

    /// The gateway is alive. Also drops the connections of gateways whose lease is over.
    async fn renew(&self, gateway: &str) -> Result<Lease, Unavailable>;

    /// The gateway is going: all its connections leave.
    async fn retire(&self, gateway: &str) -> Result<(), Unavailable>;

    /// Changes its value whenever somebody came online or went offline, at any gateway.
    fn changes(&self) -> watch::Receiver<u64>;
}

/// An event for some users, and what tells it apart from its own repetition.
#[derive(Debug, Clone, PartialEq)]
pub struct Envelope {
    /// Stable over repeated publishing.
    pub id: String,
    /// The event.
    pub event: Realtime,
}

/// An event with its place in the one order all gateways agree on.
#[derive(Debug, Clone)]
pub struct Published {
    /// Its place.
    pub position: Position,
    /// The event.
    pub envelope: Arc<Envelope>,
}

/// What is published from some place on.
pub struct Feed {
    /// The place: everything in [`Feed::events`] comes after it.
    pub from: Position,
    /// The events, in order. Ends when some may have been missed.
    pub events: BoxStream<'static, Published>,
}

/// Hands events to every gateway, in the same order and with the same positions at each: that is what lets a socket
/// resume at another gateway than it left.
#[async_trait]
pub trait Fanout: Send + Sync {
    /// Publishes an event to every gateway, this one too.
    async fn publish(&self, envelope: Envelope) -> Result<(), Unavailable>;

    /// Everything published from now on.
    async fn subscribe(&self) -> Result<Feed, Unavailable>;
}
