//! Who is in which room, and what each room hears.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use jobapp_realtime_core::{Identity, Log, Pid, Position, Published, RecoveryConfig, Replay, Seen, Sight};
use parking_lot::Mutex;
use socketioxide_core::{Sid, Str};
use tokio::time::Instant;

use crate::engine::conn::{Conn, Phase};
use crate::engine::outbox::Overflow;
use crate::packet::{self, Auth};

/// The connections of this gateway and the last events. Everything that must happen in order happens under one lock:
/// joining with its replay, saying something to a room, demoting. It is written to the room's connections outside of it,
/// by one round a room ([`crate::rooms::rounds`]).
#[derive(Debug)]
pub(crate) struct Hub(Mutex<State>);

#[derive(Debug)]
struct State {
    conns: HashMap<u64, Arc<Conn>>,
    rooms: HashMap<Arc<str>, Room>,
    /// How often something was said.
    said: u64,
    log: Log<Str>,
    seen: Seen,
    /// Sessions that ended, for handshakes that were under way when they did.
    ended: HashMap<Arc<str>, Instant>,
    /// Users all of whose sessions ended, likewise.
    ended_users: HashMap<Arc<str>, Instant>,
    /// Connections that have heard, at another gateway, what this one has not.
    ahead: Vec<Ahead>,
}

/// A connection that is answered once its gateway has heard what it has.
#[derive(Debug)]
struct Ahead {
    conn: Arc<Conn>,
    auth: Auth,
    /// How far it is.
    at: Position,
    since: Instant,
}

/// A user's connections here.
#[derive(Debug, Default)]
struct Room {
    /// In the order in which they were opened. Shared with what is still to be said to them.
    members: Arc<Vec<Arc<Conn>>>,
    /// What is still to be said, in order.
    backlog: VecDeque<Word>,
    /// Whether a round is on its way.
    in_round: bool,
}

/// Something to be said.
#[derive(Debug)]
pub(crate) struct Word {
    pub(crate) packet: Str,
    pub(crate) listeners: Listeners,
    pub(crate) number: u64,
}

#[derive(Debug)]
pub(crate) enum Listeners {
    All(Arc<Vec<Arc<Conn>>>),
    One(Arc<Conn>),
}

impl Listeners {
    /// In their order.
    pub(crate) fn as_slice(&self) -> &[Arc<Conn>] {
        match self {
            Self::All(conns) => conns,
            Self::One(conn) => std::slice::from_ref(conn),
        }
    }
}

/// What there is to do after something was said.
#[derive(Debug, Default)]
pub(crate) struct Said {
    /// Connections whose queue is full. They are out of their room already and want to be hung up; they can resume.
    pub(crate) overflowed: Vec<Arc<Conn>>,
    /// The users in whose rooms a round must begin.
    pub(crate) rounds: Vec<Arc<str>>,
}

impl Hub {
    pub(crate) fn new(recovery: RecoveryConfig, from: Position) -> Self {
        Self(Mutex::new(State {
            conns: HashMap::new(),
            rooms: HashMap::new(),
            said: 0,
            log: Log::new(recovery, from),
            seen: Seen::default(),
            ended: HashMap::new(),
            ended_users: HashMap::new(),
            ahead: Vec::new(),
        }))
    }

    /// A connection is there.
    pub(crate) fn opened(&self, conn: Arc<Conn>) {
        self.0.lock().conns.insert(conn.number(), conn);
    }

    /// A connection is gone.
    pub(crate) fn closed(&self, conn: &Conn) {
        let mut state = self.0.lock();
        state.conns.remove(&conn.number());
        state.ahead.retain(|ahead| ahead.conn.number() != conn.number());
        state.take_out(conn, Phase::Open);
    }

    /// A connection joins the default namespace. Returns whose room it is in now. `Err` when it could not even take the
    /// answer: it wants to be hung up. One that is ahead of this gateway, because it has heard more at another, is not
    /// answered yet: see [`Hub::caught_up`].
    pub(crate) fn join(&self, conn: &Arc<Conn>, auth: &Auth) -> Result<Option<Identity>, Overflow> {
        let mut state = self.0.lock();
        // It may have closed while its packet was on the way here.
        if conn.phase() != Phase::Open || !state.conns.contains_key(&conn.number()) {
            return Ok(None);
        }
        let lives = |owner: &&Identity| !conn.is_demoted() && !state.has_ended(owner, conn.asked());
        let identity = conn.owner().filter(lives).cloned();
        let Some(identity) = identity else {
            if conn.owner().is_some() {
                conn.demote();
            }
            conn.set_phase(Phase::Anonymous);
            return conn.send(packet::connected(Sid::new().as_str(), None)).map(|()| None);
        };
        let user = &identity.username;
        let resumed = auth.pid.as_deref().and_then(|pid| Pid::resume(pid, auth.offset.as_deref(), user));
        let resumed = resumed.map(|(pid, after)| (pid, after, state.log.replay(user, after)));
        let (pid, missed) = match resumed {
            Some((pid, _, Replay::Missed(missed))) => (pid, missed),
            Some((_, at, Replay::Ahead)) => {
                state.wait(Ahead { conn: conn.clone(), auth: auth.clone(), at, since: Instant::now() });
                return Ok(None);
            }
            Some((_, _, Replay::Lost)) | None => (Pid::issue(Sid::new().as_str(), user, state.log.head()), Vec::new()),
        };
        conn.send(packet::connected(&pid.socket_id(), Some(pid.as_str())))?;
        for packet in missed {
            conn.send(packet)?;
        }
        conn.hears_after(state.said);
        conn.set_phase(Phase::SignedIn);
        state.rooms.entry(user.clone()).or_default().enter(conn);
        Ok(Some(identity))
    }

    /// A connection leaves the default namespace; its connection stays. Returns its user if it was in his room.
    pub(crate) fn leave(&self, conn: &Conn) -> Option<Identity> {
        self.0.lock().take_out(conn, Phase::Open)
    }

    /// Sends an event to every connection of its receivers, once each, and keeps it for those who resume. A repetition is
    /// passed over.
    pub(crate) fn deliver(&self, published: &Published) -> Said {
        let event = &published.envelope.event;
        let packet = packet::event(&event.event, &event.arguments, Some(published.position));
        let now = Instant::now();
        let mut state = self.0.lock();
        let sight = state.seen.look(&published.envelope.id, published.position, now.into_std());
        if sight == Sight::Repetition {
            tracing::debug!(id = published.envelope.id, "a repeated event was passed over");
            state.log.pass(published.position);
            return Said::default();
        }
        let mut receivers: Vec<Arc<str>> = Vec::with_capacity(event.receivers.len());
        for receiver in &event.receivers {
            if !receivers.iter().any(|known| **known == **receiver) {
                receivers.push(receiver.as_str().into());
            }
        }
        let mut said = Said::default();
        // What is read back was said when it came, and is only to be kept again.
        if sight == Sight::New {
            state.said += 1;
            for receiver in &receivers {
                state.say(receiver, &packet, &mut said);
            }
        }
        let bytes = packet.len();
        state.log.record(published.position, packet, bytes, receivers, now.into_std());
        said
    }

    /// Something came that no connection hears. Whether it is new.
    pub(crate) fn pass(&self, published: &Published) -> bool {
        let mut state = self.0.lock();
        state.log.pass(published.position);
        let now = Instant::now().into_std();
        state.seen.look(&published.envelope.id, published.position, now) == Sight::New
    }

    /// How far this gateway has heard.
    pub(crate) fn head(&self) -> Position {
        self.0.lock().log.head()
    }

    /// The connections that waited until this gateway had heard what they have, with what they showed: they join now.
    /// Whoever waited for `patience` has heard what is no event of this order, and shows nothing any more.
    pub(crate) fn caught_up(&self, patience: Duration) -> Vec<(Arc<Conn>, Auth)> {
        let mut state = self.0.lock();
        if state.ahead.is_empty() {
            return Vec::new();
        }
        let (head, now) = (state.log.head(), Instant::now());
        let over = |ahead: &Ahead| ahead.at > head && now.duration_since(ahead.since) >= patience;
        let joins = state.ahead.extract_if(.., |ahead| ahead.at <= head || over(ahead));
        joins.map(|ahead| if over(&ahead) { (ahead.conn, Auth::default()) } else { (ahead.conn, ahead.auth) }).collect()
    }

    /// Tells every connection in a room, of those to whom it is news, something that is true now and need not be caught up
    /// on.
    pub(crate) fn announce(&self, packet: &Str, is_news: impl Fn(&Conn) -> bool) -> Said {
        let mut said = Said::default();
        let mut state = self.0.lock();
        state.said += 1;
        let users: Vec<Arc<str>> = state.rooms.keys().cloned().collect();
        for user in &users {
            let Some(room) = state.rooms.get(user) else { continue };
            let members = room.members.clone();
            let hear: Vec<_> = members.iter().filter(|conn| is_news(conn)).cloned().collect();
            // Most of the time it is news to all, and they need not be listed.
            let hear = if hear.len() == members.len() { members } else { Arc::new(hear) };
            let number = state.said;
            state.put(user, Word { packet: packet.clone(), listeners: Listeners::All(hear), number }, &mut said);
        }
        said
    }

    /// The same for one connection, unless it is in no room any more.
    pub(crate) fn tell(&self, conn: &Arc<Conn>, packet: Str) -> Said {
        let mut said = Said::default();
        let mut state = self.0.lock();
        state.said += 1;
        if let Some(owner) = conn.owner().filter(|_| conn.phase() == Phase::SignedIn) {
            let word = Word { packet, listeners: Listeners::One(conn.clone()), number: state.said };
            state.put(&owner.username, word, &mut said);
        }
        said
    }

    /// What is to be said next in a user's room. Without anything the round is over.
    pub(crate) fn next_word(&self, user: &Arc<str>) -> Option<Word> {
        let mut state = self.0.lock();
        let room = state.rooms.get_mut(user)?;
        let next = room.backlog.pop_front();
        if next.is_none() {
            room.backlog = VecDeque::new();
            room.in_round = false;
            state.close_if_empty(user);
        }
        next
    }

    /// How much is still to be said in a user's room.
    pub(crate) fn backlog(&self, user: &Arc<str>) -> usize {
        self.0.lock().rooms.get(user).map_or(0, |room| room.backlog.len())
    }

    /// A connection did not take what was said to it: it hears nothing more, or what follows would come without what was
    /// lost in between.
    pub(crate) fn give_up(&self, conn: &Conn) {
        self.0.lock().take_out(conn, Phase::Open);
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
        let of_session = |conn: &&Arc<Conn>| conn.owner().is_some_and(|owner| &*owner.sid == sid);
        let demoted: Vec<_> = state.members(username).iter().filter(of_session).cloned().collect();
        state.make_anonymous(&demoted);
        demoted
    }

    /// All sessions of a user that there are now ended.
    pub(crate) fn demote_user(&self, username: &str) -> Vec<Arc<Conn>> {
        let mut state = self.0.lock();
        state.ended_users.insert(username.into(), Instant::now());
        let demoted = state.members(username).to_vec();
        state.make_anonymous(&demoted);
        demoted
    }

    /// The connections in a user's room, in the order in which they were opened.
    pub(crate) fn room(&self, username: &str) -> Vec<Arc<Conn>> {
        self.0.lock().members(username).to_vec()
    }

    /// Every connection.
    pub(crate) fn conns(&self) -> Vec<Arc<Conn>> {
        self.0.lock().conns.values().cloned().collect()
    }

    /// Every connection in a room.
    pub(crate) fn signed_in(&self) -> Vec<Arc<Conn>> {
        self.0.lock().rooms.values().flat_map(|room| room.members.iter()).cloned().collect()
    }

    /// How many connections there are, how many of them are signed in, and how many users they belong to.
    pub(crate) fn counts(&self) -> (usize, usize, usize) {
        let state = self.0.lock();
        let rooms = || state.rooms.values().map(|room| room.members.len()).filter(|members| *members > 0);
        (state.conns.len(), rooms().sum(), rooms().count())
    }

    /// Forgets what is too old. Ended sessions are remembered for `handshake`: the longest a connection takes to join.
    pub(crate) fn tidy(&self, handshake: Duration) {
        let now = Instant::now();
        let mut state = self.0.lock();
        state.log.trim(now.into_std());
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

    /// However often a connection asks, it waits once.
    fn wait(&mut self, ahead: Ahead) {
        if !self.ahead.iter().any(|waiting| waiting.conn.number() == ahead.conn.number()) {
            self.ahead.push(ahead);
        }
    }

    fn demote(&mut self, which: impl Fn(&Identity) -> bool) -> Vec<Arc<Conn>> {
        let members = self.rooms.values().flat_map(|room| room.members.iter());
        let demoted: Vec<_> = members.filter(|conn| conn.owner().is_some_and(&which)).cloned().collect();
        self.make_anonymous(&demoted);
        demoted
    }

    fn make_anonymous(&mut self, conns: &[Arc<Conn>]) {
        for conn in conns {
            self.take_out(conn, Phase::Anonymous);
            conn.demote();
        }
    }

    fn members(&self, username: &str) -> &[Arc<Conn>] {
        self.rooms.get(username).map_or(&[], |room| &room.members)
    }

    /// Says something to all who are in a room now.
    fn say(&mut self, user: &Arc<str>, packet: &Str, said: &mut Said) {
        let Some(room) = self.rooms.get(user) else { return };
        let listeners = Listeners::All(room.members.clone());
        self.put(user, Word { packet: packet.clone(), listeners, number: self.said }, said);
    }

    fn put(&mut self, user: &Arc<str>, word: Word, said: &mut Said) {
        let Some(room) = self.rooms.get_mut(user) else { return };
        match room.put(word) {
            Ok(true) => said.rounds.push(user.clone()),
            Ok(false) => {}
            Err(conn) => {
                self.take_out(&conn, Phase::Open);
                said.overflowed.push(conn);
            }
        }
    }

    fn close_if_empty(&mut self, user: &str) {
        if self.rooms.get(user).is_some_and(|room| room.members.is_empty() && !room.in_round) {
            self.rooms.remove(user);
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
            room.leave(conn);
        }
        self.close_if_empty(&identity.username);
        Some(identity.clone())
    }
}

impl Room {
    fn enter(&mut self, conn: &Arc<Conn>) {
        let place = self.members.partition_point(|member| member.opened() < conn.opened());
        Arc::make_mut(&mut self.members).insert(place, conn.clone());
    }

    fn leave(&mut self, conn: &Conn) {
        if let Ok(place) = self.members.binary_search_by_key(&conn.opened(), |member| member.opened()) {
            Arc::make_mut(&mut self.members).remove(place);
        }
    }

    /// Whether a round must begin. A single listener needs none, unless one is on its way. `Err` for one who takes nothing.
    fn put(&mut self, word: Word) -> Result<bool, Arc<Conn>> {
        if let ([only], false) = (word.listeners.as_slice(), self.in_round) {
            return only.send(word.packet.clone()).map(|()| false).map_err(|Overflow| only.clone());
        }
        if word.listeners.as_slice().is_empty() {
            return Ok(false);
        }
        self.backlog.push_back(word);
        Ok(!std::mem::replace(&mut self.in_round, true))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::conn::Admission;
    use crate::engine::outbox::Outbox;
    use crate::engine::seats::Seats;
    use jobapp_http::Arrival;
    use jobapp_realtime_core::Envelope;
    use jobapp_wire::messages::Realtime as Event;

    fn hub() -> Hub {
        Hub::new(RecoveryConfig::default(), Position { era: 1, number: 0 })
    }

    fn connection(hub: &Hub, number: u64, arrival: Arrival) -> Arc<Conn> {
        let identity = Some(Identity::new("Anna", "s"));
        let seat = Seats::new(9, 9, 9).take(None).unwrap();
        let admission = Admission { number, arrival, identity, asked: Instant::now(), _seat: seat };
        let conn = Conn::new(admission, Outbox::default());
        hub.opened(conn.clone());
        conn
    }

    fn numbers(conns: &[Arc<Conn>]) -> Vec<u64> {
        conns.iter().map(|conn| conn.number()).collect()
    }

    #[tokio::test]
    async fn a_room_keeps_the_order_of_opening_whoever_joins_late_leaves_or_comes_back() {
        let hub = hub();
        // The last two got their numbers in the wrong order.
        let arrivals: Vec<_> = (0..6).map(|_| Arrival::now()).collect();
        let conns: Vec<_> = [0, 1, 2, 3, 5, 4]
            .into_iter()
            .zip(0..)
            .map(|(arrival, number)| connection(&hub, number, arrivals[arrival]))
            .collect();
        for joins in [3, 0, 5, 4, 2] {
            hub.join(&conns[joins], &Auth::default()).unwrap().unwrap();
        }
        assert_eq!(numbers(&hub.room("Anna")), [0, 2, 3, 5, 4]);
        hub.leave(&conns[0]).unwrap();
        assert_eq!(numbers(&hub.room("Anna")), [2, 3, 5, 4]);
        hub.join(&conns[1], &Auth::default()).unwrap().unwrap();
        hub.join(&conns[0], &Auth::default()).unwrap().unwrap();
        assert_eq!(numbers(&hub.room("Anna")), [0, 1, 2, 3, 5, 4]);
    }

    #[tokio::test]
    async fn what_was_said_before_a_connection_joined_again_is_not_said_to_it_twice() {
        let hub = hub();
        let conns: Vec<_> = (0..2).map(|number| connection(&hub, number, Arrival::now())).collect();
        for conn in &conns {
            hub.join(conn, &Auth::default()).unwrap().unwrap();
        }
        let said = hub.announce(&Str::from("2[]"), |_| true);
        assert_eq!(said.rounds.len(), 1);
        hub.leave(&conns[1]).unwrap();
        hub.join(&conns[1], &Auth::default()).unwrap().unwrap();
        let word = hub.next_word(&said.rounds[0]).unwrap();
        let hears: Vec<_> = word.listeners.as_slice().iter().map(|conn| conn.hears(word.number)).collect();
        assert_eq!(hears, [true, false]);
    }

    #[tokio::test]
    async fn a_room_is_gone_with_its_last_connection_and_its_last_word() {
        let hub = hub();
        let conns: Vec<_> = (0..2).map(|number| connection(&hub, number, Arrival::now())).collect();
        for conn in &conns {
            hub.join(conn, &Auth::default()).unwrap().unwrap();
        }
        let user = hub.announce(&Str::from("2[]"), |_| true).rounds.remove(0);
        assert!(hub.announce(&Str::from("2[]"), |_| true).rounds.is_empty(), "one round a room");
        conns.iter().for_each(|conn| assert!(hub.leave(conn).is_some()));
        assert_eq!(hub.counts().2, 0);
        while hub.next_word(&user).is_some() {}
        assert!(hub.0.lock().rooms.is_empty());
    }

    fn published(number: u64, receiver: &str) -> Published {
        let event = Event { event: "e".into(), arguments: vec![number.into()], receivers: vec![receiver.into()] };
        let envelope = Arc::new(Envelope { id: number.to_string(), event, traceparent: None });
        Published { position: Position { era: 1, number }, envelope }
    }

    /// What a socket shows that has heard everything up to this event.
    fn heard(number: u64) -> Auth {
        let pid = Pid::issue(Sid::new().as_str(), "Anna", Position { era: 1, number: 0 });
        let offset = Position { era: 1, number }.to_string();
        Auth { pid: Some(pid.as_str().to_owned()), offset: Some(offset) }
    }

    fn sent(conn: &Conn) -> Vec<String> {
        std::iter::from_fn(|| conn.outbox().lock().next().ok()).map(|packet| packet.to_string()).collect()
    }

    #[tokio::test]
    async fn a_socket_that_is_ahead_of_its_gateway_is_answered_later_and_hears_nothing_twice() {
        let hub = hub();
        hub.deliver(&published(1, "Anna"));
        let (conn, auth) = (connection(&hub, 1, Arrival::now()), heard(3));
        for _ in 0..2 {
            assert!(hub.join(&conn, &auth).unwrap().is_none(), "it is ahead");
        }
        hub.deliver(&published(2, "Anna"));
        assert!(hub.caught_up(Duration::MAX).is_empty());
        hub.deliver(&published(3, "Anna"));
        hub.deliver(&published(4, "Anna"));
        assert!(sent(&conn).is_empty());
        let mut joins = hub.caught_up(Duration::MAX);
        let (ready, auth) = joins.pop().unwrap();
        assert!(joins.is_empty(), "it waits once");
        assert!(hub.join(&ready, &auth).unwrap().is_some());
        let sent = sent(&conn);
        assert!(sent[0].contains(auth.pid.as_deref().unwrap()), "it has resumed: {sent:?}");
        assert_eq!(sent[1..], ["2[\"e\",4,\"1-4\"]"]);
    }

    #[tokio::test]
    async fn what_is_read_back_after_a_gap_is_kept_again_and_said_to_nobody_twice() {
        let hub = hub();
        let conn = connection(&hub, 1, Arrival::now());
        hub.join(&conn, &Auth::default()).unwrap().unwrap();
        hub.deliver(&published(1, "Anna"));
        let repeated = Published { position: Position { era: 1, number: 2 }, ..published(1, "Anna") };
        hub.deliver(&repeated);
        assert_eq!((sent(&conn).len(), hub.head()), (2, repeated.position), "joined, and heard it once");
        hub.restart(Position { era: 1, number: 0 });
        hub.deliver(&published(1, "Anna"));
        hub.deliver(&repeated);
        assert!(sent(&conn).is_empty());
        let late = connection(&hub, 2, Arrival::now());
        hub.join(&late, &heard(0)).unwrap().unwrap();
        assert_eq!(sent(&late)[1..], ["2[\"e\",1,\"1-1\"]"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_socket_that_has_heard_what_never_was_starts_afresh_after_a_while() {
        let hub = hub();
        let (conn, gone) = (connection(&hub, 1, Arrival::now()), connection(&hub, 2, Arrival::now()));
        for conn in [&conn, &gone] {
            assert!(hub.join(conn, &heard(3)).unwrap().is_none());
        }
        hub.closed(&gone);
        let patience = Duration::from_secs(5);
        assert!(hub.caught_up(patience).is_empty());
        tokio::time::advance(patience).await;
        let (_, auth) = hub.caught_up(patience).pop().unwrap();
        assert_eq!(auth, Auth::default());
        assert!(hub.join(&conn, &auth).unwrap().is_some());
        assert!(hub.caught_up(patience).is_empty());
    }

    #[tokio::test]
    async fn a_connection_whose_session_ended_stays_nobodys_however_often_it_joins() {
        let hub = hub();
        let conn = connection(&hub, 1, Arrival::now());
        hub.join(&conn, &Auth::default()).unwrap().unwrap();
        assert_eq!(hub.demote_session("s").len(), 1);
        // Long after the end of the session was news.
        hub.0.lock().ended.clear();
        conn.set_phase(Phase::Open);
        assert!(hub.join(&conn, &Auth::default()).unwrap().is_none());
        assert_eq!(conn.phase(), Phase::Anonymous);
    }
}
