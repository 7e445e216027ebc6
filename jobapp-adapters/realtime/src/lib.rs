//! Socket.IO for the browsers of the marketplace: rooms, presence, recovery.
//!
//! It speaks to the unmodified `socket.io-client` 4.8, over websockets and polling. The session cookie of the handshake
//! says who somebody is. Each user has a room; an event goes to every connection of its receivers, once each. A socket
//! without a session is accepted, hears nothing and is not listened to: refused, the existing client would try again
//! hundreds of times a second. What is refused is refused at the HTTP request: other origins, and more connections than
//! a user or the gateway may have.
//!
//! ```no_run
//! # use std::sync::Arc;
//! # use jobapp_memory::{MemoryFanout, MemoryPresence};
//! # use jobapp_realtime::*;
//! # async fn example(handshake: Arc<dyn Handshake>, categories: Arc<dyn jobapp_gigs::SelectedCategories>)
//! # -> Result<(), Box<dyn std::error::Error>> {
//! let ports = RealtimePorts {
//!     handshake,
//!     categories,
//!     presence: Arc::new(MemoryPresence::default()),
//!     fanout: Arc::new(MemoryFanout::default()),
//!     news: Arc::new(()),
//! };
//! let config = RealtimeConfig::new("gateway-1", Arc::new(|origin| origin == "http://localhost:3000"));
//! let realtime = Realtime::start(config, ports).await;
//! let router = realtime.mount(axum::Router::new());
//! # Ok(()) }
//! ```
//!
//! # Built on
//! socketioxide's packet parser and tungstenite's frames. Its engine and its upper half are not used: the upper half answers
//! a joining socket with its id and nothing else, so that connection state recovery cannot be added to it, and closes a
//! single socket only with a DISCONNECT packet, after which a client does not come back; the engine leaves writing to a
//! task a connection, so that a user's connections hear an event in no order. What stands in their place is small,
//! because there is one namespace, no acknowledgement and no binary data. An idle websocket takes a few KiB (`cargo xtask
//! bench realtime` measures it).
//!
//! # The rooms of this crate
//! A request comes to `transports`, which decides who may connect and how. What carries a connection and what waits to be
//! sent to it is in `engine`. `server` says what happens to sockets: who joined is in a user's room (`rooms`), and who
//! comes and goes is told to `presence`. Events of all gateways come by `feed`.
//!
//! # Order
//! A user's connections are written to in the order in which they were opened, each after the one before, websockets and
//! polling alike: the existing client keeps listeners over older lists on its older connections, and the last to hear an
//! event must be the newest. Who was opened first is told by [`jobapp_http::Arrival`].
//!
//! # Recovery
//! As in Socket.IO 4.6 and later. A joining socket gets a private id; every event of a room carries its [`Position`] as a
//! last argument more, which the client remembers. A socket that comes back shows both, keeps its ids, and gets what it
//! missed in order before anything new. The private id says where the socket began, so nothing is stored for sockets
//! that are gone, and with a [`Fanout`] that gives events the same positions everywhere any gateway can resume any
//! socket: one that starts later reads back what was published, and one that lags behind answers a socket that has heard
//! more once it has heard that too. A socket that shows nothing, somebody else's id or too old an offset starts afresh,
//! without a replay.
//!
//! # Several gateways
//! The queue of realtime events is shared: one gateway takes an event and publishes it through [`Fanout`], all deliver it.
//! Each says under a lease to [`Presence`] which users it has, again and again, so that what was lost on the way does not
//! matter and the users of a killed one leave; and each keeps its own list of who is online, by the changes it is told of.

mod config;
mod consumer;
mod engine;
mod feed;
mod handshake;
mod packet;
mod presence;
mod rooms;
mod server;
mod transports;
mod upkeep;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::routing::any;
use jobapp_gigs::SelectedCategories;
use jobapp_kernel::{Batch, Handler, Queue, Subscription};
use jobapp_wire::messages::Realtime as Event;
use jobapp_wire::queues::GATEWAY_REALTIME;
use parking_lot::Mutex;
use socketioxide_core::Sid;
use tokio_util::sync::{CancellationToken, DropGuard};

pub use config::{AllowOrigin, PresenceConfig, RealtimeConfig};
pub use handshake::Handshake;
pub use jobapp_realtime_core::{
    Change, Envelope, Fanout, Feed, Identity, News, NoPosition, Position, Presence, Published, RecoveryConfig, Since,
    Unavailable, Watch,
};

use crate::consumer::{Consumer, publish};
use crate::engine::outbox::QUEUE;
use crate::engine::seats::Seats;
use crate::presence::keeper::Keeper;
use crate::presence::roll::Roll;
use crate::rooms::hub::Hub;
use crate::rooms::rounds::Rounds;
use crate::server::Server;
use crate::transports::requests;

/// How often a draining server closes some connections.
const DRAIN_STEP: Duration = Duration::from_millis(50);
/// How long a draining server waits for the last of them.
const DRAIN_REST: Duration = Duration::from_secs(5);

/// How many events are taken from the queue at once. Of several gateways each takes so many, and one may be behind the other by as many: few
/// enough that nobody sees it.
const BATCH: Batch = Batch { max: 16, within: Duration::ZERO };

/// A place that no event has.
const BEFORE_ALL: Position = Position { era: 0, number: 0 };

/// What the realtime server needs of the world.
#[derive(Clone)]
pub struct RealtimePorts {
    /// Who is behind a handshake.
    pub handshake: Arc<dyn Handshake>,
    /// Who is online, at all gateways together.
    pub presence: Arc<dyn Presence>,
    /// The way to the other gateways.
    pub fanout: Arc<dyn Fanout>,
    /// Who hears what gateways tell each other.
    pub news: Arc<dyn News>,
    /// Which category a user looked at last.
    pub categories: Arc<dyn SelectedCategories>,
}

/// How many connections there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connections {
    /// Admitted, from the handshake on.
    pub admitted: usize,
    /// Open.
    pub open: usize,
    /// Signed in.
    pub signed_in: usize,
    /// Users with a connection here.
    pub users: usize,
    /// Polling requests that wait for something to be sent.
    pub waiting: usize,
}

/// The realtime server of one gateway. Clones share everything; when the last is dropped, it stops.
#[derive(Clone)]
pub struct Realtime {
    server: Arc<Server>,
    _stop: Arc<DropGuard>,
}

impl std::fmt::Debug for Realtime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Realtime").field("server", &self.server).finish_non_exhaustive()
    }
}

impl Realtime {
    /// Starts a server on the current tokio runtime. When this returns, what was published lately has been read back; from
    /// then on nothing is missed. While presence or fan-out is away it begins alone, and goes on with the others once they are there.
    pub async fn start(config: RealtimeConfig, ports: RealtimePorts) -> Self {
        let RealtimePorts { handshake, presence, fanout, news, categories } = ports;
        let gateway: Arc<str> = config.gateway.as_str().into();
        let mut feed = match fanout.subscribe(Since::Ago(config.recovery.keep_for)).await {
            Ok(feed) => Some(feed),
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "there is no feed of events to begin with");
                None
            }
        };
        let mut recovery = config.recovery;
        recovery.replay = recovery.replay.min(QUEUE / 2);
        let hub = Arc::new(Hub::new(recovery, feed.as_ref().map_or(BEFORE_ALL, |feed| feed.from)));
        let (roll, entries) = Roll::new();
        let rounds = Rounds::new(hub.clone());
        let keeper =
            Keeper::new((roll.clone(), entries), presence, rounds.clone(), hub.clone(), gateway, config.presence).await;
        let seats = Seats::new(config.connections_per_user, config.connections, config.anonymous_connections);
        let stop = CancellationToken::new();
        let server = Arc::new(Server {
            config,
            handshake,
            fanout,
            news,
            categories,
            hub,
            roll,
            rounds,
            polling: Mutex::default(),
            seats,
            draining: AtomicBool::new(false),
            stop: stop.clone(),
            connections: AtomicU64::new(0),
        });
        tokio::spawn(keeper.run(stop.clone()));
        if let Some(feed) = &mut feed {
            feed::read_back(&server, feed).await;
        }
        tokio::spawn(feed::follow(server.clone(), feed));
        tokio::spawn(upkeep::look_after(server.clone()));
        Self { server, _stop: Arc::new(stop.drop_guard()) }
    }

    /// The routes. CORS headers, compression and logs are the business of the router they are mounted in; request limits
    /// should leave them alone, since a page opens dozens of sockets at once.
    pub fn router(&self) -> Router {
        // As long as somebody may ask, the server goes on.
        let realtime = self.clone();
        let answer = any(move |request: Request| requests::answer(realtime.server.clone(), request));
        Router::new().route("/socket.io", answer.clone()).route(requests::PATH, answer)
    }

    /// A router with [`Realtime::router`] in it.
    pub fn mount(&self, router: Router) -> Router {
        router.merge(self.router())
    }

    /// The queues [`Realtime::consumer`] takes from.
    pub fn queues() -> Vec<Queue> {
        vec![GATEWAY_REALTIME]
    }

    /// What takes the services' events from their queue, in order.
    pub fn consumer(&self) -> (Subscription, Arc<dyn Handler>) {
        (Subscription::to(GATEWAY_REALTIME).batched(BATCH), Arc::new(Consumer(self.server.fanout.clone())))
    }

    /// Hands an event to every connection of its receivers, at every gateway. The same id again has no effect.
    ///
    /// # Errors
    /// [`Unavailable`] when the other gateways cannot be reached; then it should be tried again.
    pub async fn deliver(&self, id: &str, event: &Event) -> Result<(), Unavailable> {
        publish(&*self.server.fanout, id, event, jobapp_telemetry::traceparent()).await
    }

    /// The session ended: its sockets at this gateway stay connected and hear nothing more.
    pub fn demote(&self, sid: &str) {
        self.server.uncount(&self.server.hub.demote_session(sid));
    }

    /// All sessions of a user ended.
    pub fn demote_user(&self, username: &str) {
        self.server.uncount(&self.server.hub.demote_user(username));
    }

    /// The user says that he is gone: he is offline at once, whatever is still connected, at any gateway.
    pub fn off(&self, username: &str) {
        self.tell(feed::OFF, username, Server::off);
    }

    /// The user says that he is there. He is online as long as he is connected; everybody is told who is.
    pub fn seen(&self, username: &str) {
        self.tell(feed::BACK, username, Server::back);
    }

    /// Tells every gateway of a user; this one at the least.
    fn tell(&self, event: &str, username: &str, here: fn(&Server, &str)) {
        let (server, username) = (self.server.clone(), username.to_owned());
        let event = Event { event: event.to_owned(), arguments: vec![username.clone().into()], receivers: Vec::new() };
        tokio::spawn(async move {
            let envelope = Envelope { id: format!("{} {}", event.event, Sid::new()), event, traceparent: None };
            if let Err(error) = server.fanout.publish(envelope).await {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, username, "other gateways do not hear that a user is off or back");
                here(&server, &username);
            }
        });
    }

    /// Everybody who is online, at any gateway, the newest first.
    pub fn online(&self) -> Vec<String> {
        self.server.roll.online().lock().newest_first().map(str::to_owned).collect()
    }

    /// How many connections there are.
    pub fn connections(&self) -> Connections {
        self.counting()()
    }

    /// Tells how many connections there are whenever it is asked, and does not keep the server going.
    pub fn counting(&self) -> impl Fn() -> Connections + Send + Sync + 'static {
        let server = Arc::clone(&self.server);
        move || {
            let (open, signed_in, users) = server.hub.counts();
            let polling = server.polling.lock();
            let waiting =
                polling.values().filter(|conn| conn.outbox().polling(|polling| polling.waits()) == Some(true));
            Connections { admitted: server.seats.taken(), open, signed_in, users, waiting: waiting.count() }
        }
    }

    /// Closes every connection, spread over time, without a DISCONNECT packet: clients come back by themselves, to
    /// whoever listens by then. Handshakes are refused from now on. Then the server stops.
    pub async fn drain(&self) {
        let server = &self.server;
        server.draining.store(true, Ordering::Release);
        let conns = server.hub.conns();
        let steps = (server.config.drain.as_millis() / DRAIN_STEP.as_millis()).max(1);
        let at_once = conns.len().div_ceil(usize::try_from(steps).unwrap_or(usize::MAX)).max(1);
        for some in conns.chunks(at_once) {
            some.iter().for_each(|conn| conn.hang_up());
            tokio::time::sleep(DRAIN_STEP).await;
        }
        let rest = tokio::time::Instant::now() + DRAIN_REST;
        while server.hub.counts().0 > 0 && tokio::time::Instant::now() < rest {
            tokio::time::sleep(DRAIN_STEP).await;
        }
        server.roll.retire().await;
        server.stop.cancel();
    }
}
