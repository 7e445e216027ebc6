//! What happens to sockets: opened, joined, spoken to, closed.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use jobapp_gigs::SelectedCategories;
use jobapp_realtime_core::{Fanout, News};
use parking_lot::Mutex;
use socketioxide_core::Sid;
use tokio_util::sync::CancellationToken;

use crate::config::RealtimeConfig;
use crate::engine::conn::{Conn, Phase};
use crate::engine::outbox::Overflow;
use crate::engine::seats::Seats;
use crate::handshake::Handshake;
use crate::packet::{self, Argument, Auth, Incoming};
use crate::presence::roll::Roll;
use crate::rooms::hub::Hub;
use crate::rooms::rounds::Rounds;

/// The longest category that is remembered, in bytes.
const LONGEST_CATEGORY: usize = 200;

/// How long a socket waits for a gateway that has not heard yet what it has. The client's own patience is 20 s.
const AHEAD: Duration = Duration::from_secs(5);

/// Everything a gateway's sockets share.
pub(crate) struct Server {
    pub(crate) config: RealtimeConfig,
    pub(crate) handshake: Arc<dyn Handshake>,
    pub(crate) fanout: Arc<dyn Fanout>,
    pub(crate) news: Arc<dyn News>,
    pub(crate) categories: Arc<dyn SelectedCategories>,
    pub(crate) hub: Arc<Hub>,
    pub(crate) roll: Roll,
    pub(crate) rounds: Rounds,
    /// The connections that began as polling, by what their requests show.
    pub(crate) polling: Mutex<HashMap<Sid, Arc<Conn>>>,
    pub(crate) seats: Arc<Seats>,
    pub(crate) draining: AtomicBool,
    pub(crate) stop: CancellationToken,
    pub(crate) connections: AtomicU64,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Server {
    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    /// A connection is there.
    pub(crate) fn opened(&self, conn: &Arc<Conn>) {
        self.hub.opened(conn.clone());
        // It came after the connections to close were counted.
        if self.is_draining() {
            conn.hang_up();
        }
    }

    /// A connection is gone.
    pub(crate) fn gone(&self, conn: &Conn) {
        self.hub.closed(conn);
        // One that did not count, or does not any more, is nobody's loss.
        if let Some(owner) = conn.owner() {
            self.roll.linger(&owner.username, conn.number());
        }
    }

    /// A packet came.
    pub(crate) fn text(&self, conn: &Arc<Conn>, text: &str) {
        let phase = conn.phase();
        // What they send does not count, whatever it is.
        if phase == Phase::Anonymous && !text.starts_with('1') {
            return;
        }
        if !conn.may_send(self.config.events_per_second, self.config.events_burst) {
            tracing::trace!(number = conn.number(), "a connection sends too much");
            return;
        }
        match (packet::decode(text), phase) {
            (Ok(Incoming::Connect(auth)), Phase::Open) => self.join(conn, &auth),
            (Ok(Incoming::Event(name, arguments)), Phase::SignedIn) => self.event(conn, &name, &arguments),
            (Ok(Incoming::ConnectElsewhere(namespace)), _) => {
                if conn.send(packet::no_such_namespace(&namespace)).is_err() {
                    conn.hang_up();
                }
            }
            (Ok(Incoming::Disconnect), _) => match self.hub.leave(conn) {
                Some(identity) => self.roll.linger(&identity.username, conn.number()),
                None => conn.set_phase(Phase::Open),
            },
            (Ok(_), Phase::SignedIn | Phase::Anonymous) => {}
            // Nothing may come before joining, and nothing but packets ever.
            (Err(_), _) | (Ok(_), Phase::Open) => conn.hang_up(),
        }
    }

    /// Demoted connections stop counting at once.
    pub(crate) fn uncount(&self, conns: &[Arc<Conn>]) {
        for conn in conns {
            if let Some(owner) = conn.owner() {
                self.roll.leave(&owner.username, conn.number());
            }
        }
    }

    /// A connection wants to join the default namespace.
    fn join(&self, conn: &Arc<Conn>, auth: &Auth) {
        match self.hub.join(conn, auth) {
            Ok(Some(identity)) => {
                self.roll.enter(&identity.username, conn.number());
                self.roll.ask(conn);
            }
            Ok(None) => {}
            Err(Overflow) => conn.hang_up(),
        }
    }

    /// None of a user's connections here counts until he says that he is back.
    pub(crate) fn off(&self, username: &str) {
        self.roll.off(username);
    }

    /// A user's connections here count, and everybody is told who is online.
    pub(crate) fn back(&self, username: &str) {
        for conn in self.hub.room(username) {
            if let Some(owner) = conn.owner() {
                self.roll.enter(&owner.username, conn.number());
            }
        }
        self.roll.announce();
    }

    /// Lets those join who have heard no more than this gateway, or waited long enough.
    pub(crate) fn let_in_those_ahead(&self) {
        for (conn, auth) in self.hub.caught_up(AHEAD) {
            self.join(&conn, &auth);
        }
    }

    /// An event of a signed-in connection.
    fn event(&self, conn: &Arc<Conn>, name: &str, arguments: &[Argument]) {
        let Some(user) = conn.owner().map(|owner| &owner.username) else { return };
        match name {
            "getLoggedInUsers" => self.roll.ask(conn),
            "loggedInUsers" if names(arguments.first(), user) => {
                self.roll.enter(user, conn.number());
                self.roll.ask(conn);
            }
            "removeLoggedInUser" if names(arguments.first(), user) => self.roll.leave(user, conn.number()),
            "category" if names(arguments.get(1), user) => {
                if let Some(Argument::Text(category)) = arguments.first() {
                    self.select(user, category);
                }
            }
            _ => tracing::trace!(name, "an event without meaning was passed over"),
        }
    }

    fn select(&self, user: &Arc<str>, category: &str) {
        if category.trim().is_empty() || category.len() > LONGEST_CATEGORY {
            return;
        }
        let (categories, user, category) = (self.categories.clone(), user.clone(), category.to_owned());
        tokio::spawn(async move {
            if let Err(error) = categories.select(&user, &category).await {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "the category a user looked at was not remembered");
            }
        });
    }
}

/// Whether a client names this very user: as a text, or as an object with his name.
fn names(argument: Option<&Argument>, user: &str) -> bool {
    matches!(argument, Some(Argument::Text(name) | Argument::User(name)) if name == user)
}

/// A connection that is open as long as this lives.
pub(crate) struct Opened {
    pub(crate) server: Arc<Server>,
    pub(crate) conn: Arc<Conn>,
    /// What polling requests show.
    sid: Option<Sid>,
}

impl Opened {
    pub(crate) fn new(server: Arc<Server>, conn: Arc<Conn>, sid: Option<Sid>) -> Self {
        if let Some(sid) = sid {
            server.polling.lock().insert(sid, conn.clone());
        }
        server.opened(&conn);
        Self { server, conn, sid }
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        if let Some(sid) = self.sid {
            self.server.polling.lock().remove(&sid);
        }
        self.conn.outbox().closed();
        self.server.gone(&self.conn);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ones_own_name_counts() {
        for own in [Argument::Text("Anna".into()), Argument::User("Anna".into())] {
            assert!(names(Some(&own), "Anna"));
        }
        for other in [Argument::Other, Argument::Text("Bert".into()), Argument::User("anna".into())] {
            assert!(!names(Some(&other), "Anna"), "{other:?}");
        }
        assert!(!names(None, "Anna"));
    }
}
