//! Tells presence who came and went, and everybody who is online.
//!
//! One task does it all in the order it happened, so that a connection that asks who is online right after joining finds
//! itself among them.

use std::sync::{Arc, Weak};

use futures::StreamExt;
use jobapp_realtime_core::{ConnectionId, Presence, Unavailable};
use socketioxide_core::Str;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

use crate::config::PresenceConfig;
use crate::conn::Conn;
use crate::hub::Hub;
use crate::packet;
use crate::rounds::Rounds;

/// How long changes are gathered before they are announced: a page that loads brings dozens of connections.
const GATHER: Duration = Duration::from_millis(50);

/// Something for the roll.
#[derive(Debug)]
enum Entry {
    Enter {
        user: Arc<str>,
        number: u64,
    },
    Leave {
        user: Arc<str>,
        number: u64,
    },
    Off {
        user: Arc<str>,
    },
    /// A connection wants to know who is online.
    Ask {
        conn: Weak<Conn>,
    },
    /// Everybody is to be told.
    Announce,
    /// Presence has forgotten this gateway's connections.
    Again,
}

/// Takes entries for the roll.
#[derive(Debug, Clone)]
pub(crate) struct Roll(UnboundedSender<Entry>);

impl Roll {
    pub(crate) fn enter(&self, user: &Arc<str>, number: u64) {
        self.put(Entry::Enter { user: user.clone(), number });
    }

    pub(crate) fn leave(&self, user: &Arc<str>, number: u64) {
        self.put(Entry::Leave { user: user.clone(), number });
    }

    pub(crate) fn off(&self, user: &str) {
        self.put(Entry::Off { user: user.into() });
    }

    pub(crate) fn ask(&self, conn: &Arc<Conn>) {
        self.put(Entry::Ask { conn: Arc::downgrade(conn) });
    }

    pub(crate) fn announce(&self) {
        self.put(Entry::Announce);
    }

    pub(crate) fn enter_all_again(&self) {
        self.put(Entry::Again);
    }

    /// After the server has stopped nobody listens, and nobody need.
    fn put(&self, entry: Entry) {
        if self.0.send(entry).is_err() {
            tracing::trace!("the server has stopped");
        }
    }
}

/// The task behind a [`Roll`].
pub(crate) struct Keeper {
    entries: UnboundedReceiver<Entry>,
    presence: Arc<dyn Presence>,
    hub: Arc<Hub>,
    rounds: Rounds,
    gateway: Arc<str>,
    config: PresenceConfig,
    /// The packet for those who ask, until somebody comes or goes.
    online: Option<Str>,
}

impl Keeper {
    pub(crate) fn new(
        presence: Arc<dyn Presence>,
        hub: Arc<Hub>,
        gateway: Arc<str>,
        config: PresenceConfig,
    ) -> (Roll, Rounds, Self) {
        let (sender, entries) = unbounded_channel();
        let roll = Roll(sender);
        let rounds = Rounds::new(hub.clone(), roll.clone());
        let keeper = Self { entries, presence, hub, rounds: rounds.clone(), gateway, config, online: None };
        (roll, rounds, keeper)
    }

    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let mut changes = self.presence.changes();
        let mut watching = true;
        let mut announced = Instant::now();
        let mut due: Option<Instant> = None;
        loop {
            let announce = async {
                match due {
                    Some(due) => tokio::time::sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            let mut tell = false;
            tokio::select! {
                () = stop.cancelled() => return,
                entry = self.entries.recv() => match entry {
                    Some(entry) => match self.handle(entry).await {
                        Ok(announce) => tell = announce,
                        Err(error) => {
                            tracing::warn!(error = &error as &dyn std::error::Error, "presence is not up to date");
                        }
                    },
                    None => return,
                },
                changed = changes.next(), if watching => {
                    watching = changed.is_some();
                    self.online = None;
                    tell = true;
                }
                () = announce => {
                    due = None;
                    announced = Instant::now();
                    self.tell_everybody().await;
                }
            }
            if tell && due.is_none() {
                due = Some((announced + self.config.announce).max(Instant::now() + GATHER));
            }
        }
    }

    /// Whether everybody is to be told.
    async fn handle(&mut self, entry: Entry) -> Result<bool, Unavailable> {
        let changed = match entry {
            Entry::Enter { user, number } => self.presence.enter(&user, &self.connection(number)).await?,
            Entry::Leave { user, number } => self.presence.leave(&user, &self.connection(number)).await?,
            Entry::Off { user } => self.presence.off(&user).await?,
            Entry::Ask { conn } => {
                if let Some(conn) = conn.upgrade() {
                    let packet = self.packet().await?;
                    self.rounds.begin(self.hub.tell(&conn, packet));
                }
                false
            }
            Entry::Announce => return Ok(true),
            Entry::Again => {
                for conn in self.hub.signed_in() {
                    if let (Some(owner), false) = (conn.owner(), conn.is_off()) {
                        self.presence.enter(&owner.username, &self.connection(conn.number())).await?;
                    }
                }
                true
            }
        };
        if changed {
            self.online = None;
        }
        // The feed of changes brings the announcement.
        Ok(false)
    }

    async fn tell_everybody(&mut self) {
        match self.packet().await {
            Ok(packet) => self.rounds.begin(self.hub.announce(&packet)),
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "nobody can be told who is online");
            }
        }
    }

    async fn packet(&mut self) -> Result<Str, Unavailable> {
        if let Some(packet) = &self.online {
            return Ok(packet.clone());
        }
        let packet = packet::online(&self.presence.online().await?);
        self.online = Some(packet.clone());
        Ok(packet)
    }

    fn connection(&self, number: u64) -> ConnectionId {
        ConnectionId { gateway: self.gateway.clone(), number }
    }
}
