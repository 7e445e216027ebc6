//! Who is in which room, and what each room hears.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use engineioxide::socket::Sid;
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::config::RecoveryConfig;
use crate::conn::{Conn, Overflow, Phase};
use crate::fanout::Position;
use crate::log::{Log, Pid, Seen};
use crate::packet::{self, Auth};
use crate::ports::{Identity, Published};

/// The connections of this gateway and the last events. Everything that must happen in order happens under one lock:
/// joining with its replay, delivering, demoting. Sending only puts a packet into a connection's own queue.
#[derive(Debug)]
pub(crate) struct Hub(Mutex<State>);

#[derive(Debug)]
struct State {
    conns: HashMap<u64, Arc<Conn>>,
    rooms: HashMap<Arc<str>, Vec<Arc<Conn>>>,
    log: Log,
    seen: Seen,
    /// Sessions that ended, for handshakes that were under way when they did.
    ended: HashMap<Arc<str>, Instant>,
    /// Users all of whose sessions ended, likewise.
    ended_users: HashMap<Arc<str>, Instant>,
}

/// A connection whose queue is full. It is out of its room already and wants to be hung up; it can resume.
pub(crate) type Overflowed = Vec<Arc<Conn>>;

impl Hub {
    pub(crate) fn new(recovery: RecoveryConfig, from: Position) -> Self {
        Self(Mutex::new(State {
            conns: HashMap::new(),
            rooms: HashMap::new(),
            log: Log::new(recovery, from),
            seen: Seen::default(),
            ended: HashMap::new(),
            ended_users: HashMap::new(),
        }))
    }

    /// A connection is there.
    pub(crate) fn opened(&self, conn: Arc<Conn>) {
        self.0.lock().conns.insert(conn.number(), conn);
    }

    /// A connection is gone. Returns its user if it was in his room.
    pub(crate) fn closed(&self, conn: &Conn) -> Option<Identity> {
        let mut state = self.0.lock();
        state.conns.remove(&conn.number());
        state.take_out(conn, Phase::Open)
    }

    /// A connection joins the default namespace. Returns whose room it is in now. `Err` when it could not even take the
    /// answer: it wants to be hung up.
    pub(crate) fn join(&self, conn: &Arc<Conn>, auth: &Auth) -> Result<Option<Identity>, Overflow> {
        let mut state = self.0.lock();
        // It may have closed while its packet was on the way here.
        if conn.phase() != Phase::Open || !state.conns.contains_key(&conn.number()) {
            return Ok(None);
        }
        let identity = conn.owner().filter(|owner| !state.has_ended(owner, conn.asked())).cloned();
        let Some(identity) = identity else {
            conn.set_phase(Phase::Anonymous);
            return conn.send(packet::connected(Sid::new().as_str(), None)).map(|()| None);
        };
        let user = &identity.username;
        let resumed = auth.pid.as_deref().and_then(|pid| Pid::resume(pid, auth.offset.as_deref(), user));
        let resumed = resumed.and_then(|(pid, after)| Some((pid, state.log.missed(user, after)?)));
        let (pid, missed) = resumed.unwrap_or_else(|| (Pid::issue(user, state.log.head()), Vec::new()));
        conn.send(packet::connected(&pid.socket_id(), Some(pid.as_str())))?;
        for packet in missed {
            conn.send(packet)?;
        }
        conn.set_phase(Phase::SignedIn);
        state.rooms.entry(user.clone()).or_default().push(conn.clone());
        Ok(Some(identity))
    }

    /// A connection leaves the default namespace; its connection stays. Returns its user if it was in his room.
    pub(crate) fn leave(&self, conn: &Conn) -> Option<Identity> {
        self.0.lock().take_out(conn, Phase::Open)
    }

    /// Sends an event to every connection of its receivers, once each, and keeps it for those who resume. A repetition is
    /// passed over.
    pub(crate) fn deliver(&self, published: &Published) -> Overflowed {
        let event = &published.envelope.event;
        let packet = packet::event(&event.event, &event.arguments, Some(published.position));
        let now = Instant::now();
        let mut state = self.0.lock();
        if !state.seen.is_new(&published.envelope.id, now) {
            tracing::debug!(id = published.envelope.id, "a repeated event was passed over");
            return Vec::new();
        }
        let mut receivers: Vec<Arc<str>> = Vec::with_capacity(event.receivers.len());
        for receiver in &event.receivers {
            if !receivers.iter().any(|known| **known == **receiver) {
                receivers.push(receiver.as_str().into());
            }
        }
        let mut overflowed = Vec::new();
        for receiver in &receivers {
            for conn in state.rooms.get(receiver).into_iter().flatten() {
                if conn.send(packet.clone()).is_err() {
                    overflowed.push(conn.clone());
                }
            }
        }
        // They hear nothing more, or what follows would come without what was lost in between.
        for conn in &overflowed {
            state.take_out(conn, Phase::Open);
        }
        state.log.record(published.position, packet, receivers, now);
        overflowed
    }

    /// The order of events was lost sight of.
    pub(crate) fn restart(&self, from: Position) {
        self.0.lock().log.restart(from);
    }

    /// The session ended: its connections hear nothing more. Returns those that were in a room.
    pub(crate) fn demote_session(&self, sid: &str) -> Vec<Arc<Conn>> {
        let mut state = self.0.lock();
        state.ended.insert(sid.into(), Instant::now());
        state.demote(|identity| &*identity.sid == sid)
    }

    /// The same, when the user is known: only his room is looked through.
    pub(crate) fn demote_session_of(&self, username: &str, sid: &str) -> Vec<Arc<Conn>> {
        let mut state = self.0.lock();
        state.ended.insert(sid.into(), Instant::now());
        let members = state.rooms.get(username).cloned().unwrap_or_default();
        let demoted: Vec<_> =
            members.into_iter().filter(|conn| conn.owner().is_some_and(|owner| &*owner.sid == sid)).collect();
        state.make_anonymous(&demoted);
        demoted
    }

    /// All sessions of a user that there are now ended.
    pub(crate) fn demote_user(&self, username: &str) -> Vec<Arc<Conn>> {
        let mut state = self.0.lock();
        state.ended_users.insert(username.into(), Instant::now());
        let demoted = state.rooms.get(username).cloned().unwrap_or_default();
        state.make_anonymous(&demoted);
        demoted
    }

    /// The connections in a user's room.
    pub(crate) fn room(&self, username: &str) -> Vec<Arc<Conn>> {
        self.0.lock().rooms.get(username).cloned().unwrap_or_default()
    }

    /// Every connection.
    pub(crate) fn conns(&self) -> Vec<Arc<Conn>> {
        self.0.lock().conns.values().cloned().collect()
    }

    /// Every connection in a room.
    pub(crate) fn signed_in(&self) -> Vec<Arc<Conn>> {
        self.0.lock().rooms.values().flatten().cloned().collect()
    }

    /// How many connections there are, how many of them are signed in, and how many users they belong to.
    pub(crate) fn counts(&self) -> (usize, usize, usize) {
        let state = self.0.lock();
        (state.conns.len(), state.rooms.values().map(Vec::len).sum(), state.rooms.len())
    }

    /// Forgets what is too old. Ended sessions are remembered for `handshake`: the longest a connection takes to join.
    pub(crate) fn tidy(&self, handshake: Duration) {
        let now = Instant::now();
        let mut state = self.0.lock();
        state.log.trim(now);
        let fresh = |at: &Instant| now.duration_since(*at) <= handshake * 2;
        state.ended.retain(|_, at| fresh(at));
        state.ended_users.retain(|_, at| fresh(at));
    }
}

impl State {
    fn has_ended(&self, identity: &Identity, asked: Instant) -> bool {
        self.ended.contains_key(&identity.sid)
            || self.ended_users.get(&identity.username).is_some_and(|ended| *ended >= asked)
    }

    fn demote(&mut self, which: impl Fn(&Identity) -> bool) -> Vec<Arc<Conn>> {
        let members = self.rooms.values().flatten();
        let demoted: Vec<_> = members.filter(|conn| conn.owner().is_some_and(&which)).cloned().collect();
        self.make_anonymous(&demoted);
        demoted
    }

    fn make_anonymous(&mut self, conns: &[Arc<Conn>]) {
        for conn in conns {
            self.take_out(conn, Phase::Anonymous);
        }
    }

    /// Takes a connection out of its room, if it is in one.
    fn take_out(&mut self, conn: &Conn, phase: Phase) -> Option<Identity> {
        if conn.phase() != Phase::SignedIn {
            return None;
        }
        conn.set_phase(phase);
        let identity = conn.owner()?;
        if let Some(room) = self.rooms.get_mut(&identity.username) {
            if let Some(place) = room.iter().position(|member| member.number() == conn.number()) {
                room.swap_remove(place);
            }
            if room.is_empty() {
                self.rooms.remove(&identity.username);
            }
        }
        Some(identity.clone())
    }
}
