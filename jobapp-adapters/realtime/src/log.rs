//! The last events, kept for sockets that resume.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use socketioxide_core::{Sid, Str};
use tokio::time::Instant;

use crate::config::RecoveryConfig;
use crate::fanout::Position;

/// The last events of all users, in the order every gateway agrees on.
#[derive(Debug)]
pub(crate) struct Log {
    limits: RecoveryConfig,
    /// Nothing up to here is left.
    floor: Position,
    /// The newest that came.
    head: Position,
    entries: VecDeque<Arc<Entry>>,
    /// The same entries, for each of their receivers.
    by_user: HashMap<Arc<str>, VecDeque<Arc<Entry>>>,
    bytes: usize,
}

#[derive(Debug)]
struct Entry {
    position: Position,
    packet: Str,
    receivers: Vec<Arc<str>>,
    at: Instant,
}

impl Log {
    /// An empty log that goes on from here.
    pub(crate) fn new(limits: RecoveryConfig, from: Position) -> Self {
        Self { limits, floor: from, head: from, entries: VecDeque::new(), by_user: HashMap::new(), bytes: 0 }
    }

    /// The newest position.
    pub(crate) fn head(&self) -> Position {
        self.head
    }

    /// Begins again after a gap: nobody can catch up over it.
    pub(crate) fn restart(&mut self, from: Position) {
        *self = Self::new(self.limits, from);
    }

    /// Keeps an event.
    pub(crate) fn record(&mut self, position: Position, packet: Str, receivers: Vec<Arc<str>>, now: Instant) {
        self.head = position;
        self.bytes += packet.len();
        let entry = Arc::new(Entry { position, packet, receivers, at: now });
        for receiver in &entry.receivers {
            self.by_user.entry(receiver.clone()).or_default().push_back(entry.clone());
        }
        self.entries.push_back(entry);
        self.trim(now);
    }

    /// Forgets what is too old or too much.
    pub(crate) fn trim(&mut self, now: Instant) {
        while let Some(oldest) = self.entries.front() {
            let over = self.entries.len() > self.limits.keep_events
                || self.bytes > self.limits.keep_bytes
                || now.duration_since(oldest.at) > self.limits.keep_for;
            if !over {
                break;
            }
            let Some(oldest) = self.entries.pop_front() else { break };
            self.floor = oldest.position;
            self.bytes -= oldest.packet.len();
            for receiver in &oldest.receivers {
                let Some(own) = self.by_user.get_mut(receiver) else { continue };
                own.pop_front();
                if own.is_empty() {
                    self.by_user.remove(receiver);
                }
            }
        }
    }

    /// What a user was sent after this position, in order; `None` when that cannot be told any more, or is too much.
    pub(crate) fn missed(&self, user: &str, after: Position) -> Option<Vec<Str>> {
        if after < self.floor || after > self.head {
            return None;
        }
        let Some(own) = self.by_user.get(user) else { return Some(Vec::new()) };
        let first = own.partition_point(|entry| entry.position <= after);
        (own.len() - first <= self.limits.replay)
            .then(|| own.range(first..).map(|entry| entry.packet.clone()).collect())
    }
}

/// The private id of a socket: what it shows to resume, together with the last offset it got. It says where the socket
/// began, so that nothing need be remembered for sockets that are gone, and any gateway can read it. It opens nothing: the
/// session says who somebody is, the id only ties a socket to the same user as before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pid(String);

impl Pid {
    /// A new one for a socket of this user, which gets everything after `from`.
    pub(crate) fn issue(user: &str, from: Position) -> Self {
        Self(format!("{}.{}.{from}", Sid::new(), tag(user)))
    }

    /// The same id again, and after which position its socket has missed something. `None` for another user's and for
    /// texts that are none.
    pub(crate) fn resume(text: &str, offset: Option<&str>, user: &str) -> Option<(Self, Position)> {
        let mut parts = text.split('.');
        let (random, owner, began) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() || random.parse::<Sid>().is_err() || owner != tag(user) {
            return None;
        }
        let began: Position = began.parse().ok()?;
        let last = match offset {
            Some(offset) => offset.parse().ok()?,
            None => began,
        };
        // A client keeps the offset of an earlier life until it gets the next event.
        Some((Self(text.to_owned()), last.max(began)))
    }

    /// The text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The public id of the socket: the same as long as the private one is, which cannot be told from it.
    pub(crate) fn socket_id(&self) -> String {
        let mut id = URL_SAFE_NO_PAD.encode(Sha256::digest(self.0.as_bytes()));
        id.truncate(20);
        id
    }
}

fn tag(user: &str) -> String {
    URL_SAFE_NO_PAD.encode(&Sha256::digest(user.as_bytes())[..6])
}

/// The ids of the last events, so that a repetition is told from a new one.
#[derive(Debug)]
pub(crate) struct Seen {
    ids: HashSet<Arc<str>>,
    order: VecDeque<(Instant, Arc<str>)>,
    keep_for: Duration,
    keep: usize,
}

impl Default for Seen {
    fn default() -> Self {
        Self { ids: HashSet::new(), order: VecDeque::new(), keep_for: Duration::from_secs(3600), keep: 100_000 }
    }
}

impl Seen {
    /// Whether this one is new. It will not be the next time.
    pub(crate) fn is_new(&mut self, id: &str, now: Instant) -> bool {
        while let Some((at, _)) = self.order.front() {
            if self.order.len() < self.keep && now.duration_since(*at) <= self.keep_for {
                break;
            }
            if let Some((_, id)) = self.order.pop_front() {
                self.ids.remove(&id);
            }
        }
        let id: Arc<str> = id.into();
        let new = self.ids.insert(id.clone());
        if new {
            self.order.push_back((now, id));
        }
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ERA: u64 = 7;

    fn at(number: u64) -> Position {
        Position { era: ERA, number }
    }

    fn log(limits: RecoveryConfig) -> Log {
        Log::new(limits, at(0))
    }

    fn fill(log: &mut Log, numbers: std::ops::RangeInclusive<u64>, user: &str) {
        for number in numbers {
            log.record(at(number), Str::from(number.to_string()), vec![user.into()], Instant::now());
        }
    }

    fn texts(missed: Option<Vec<Str>>) -> Option<Vec<String>> {
        missed.map(|missed| missed.iter().map(ToString::to_string).collect())
    }

    #[tokio::test]
    async fn a_user_missed_what_came_after_his_offset_in_order() {
        let mut log = log(RecoveryConfig::default());
        fill(&mut log, 1..=3, "Anna");
        fill(&mut log, 4..=4, "Bert");
        fill(&mut log, 5..=5, "Anna");
        assert_eq!(texts(log.missed("Anna", at(1))).unwrap(), ["2", "3", "5"]);
        assert_eq!(texts(log.missed("Anna", at(4))).unwrap(), ["5"]);
        assert_eq!(texts(log.missed("Bert", at(0))).unwrap(), ["4"]);
        assert_eq!(texts(log.missed("Cora", at(0))), Some(vec![]));
        assert_eq!(texts(log.missed("Anna", at(5))), Some(vec![]));
    }

    #[tokio::test]
    async fn what_is_forgotten_or_unheard_of_cannot_be_caught_up_on() {
        let mut log = log(RecoveryConfig { keep_events: 2, ..RecoveryConfig::default() });
        fill(&mut log, 1..=4, "Anna");
        assert_eq!(log.missed("Anna", at(1)), None);
        assert_eq!(texts(log.missed("Anna", at(2))).unwrap(), ["3", "4"]);
        assert_eq!(log.missed("Anna", at(5)), None);
        assert_eq!(log.missed("Anna", Position { era: ERA - 1, number: 100 }), None);
    }

    #[tokio::test]
    async fn too_much_is_not_replayed() {
        let mut log = log(RecoveryConfig { replay: 2, ..RecoveryConfig::default() });
        fill(&mut log, 1..=3, "Anna");
        assert_eq!(log.missed("Anna", at(0)), None);
        assert_eq!(texts(log.missed("Anna", at(1))).unwrap().len(), 2);
    }

    #[tokio::test]
    async fn bytes_are_bounded_too() {
        let mut log = log(RecoveryConfig { keep_bytes: 3, ..RecoveryConfig::default() });
        fill(&mut log, 1..=9, "Anna");
        assert_eq!(texts(log.missed("Anna", at(6))).unwrap(), ["7", "8", "9"]);
        assert_eq!(log.missed("Anna", at(5)), None);
    }

    #[tokio::test(start_paused = true)]
    async fn old_events_go_and_leave_nothing_behind() {
        let mut log = log(RecoveryConfig::default());
        fill(&mut log, 1..=2, "Anna");
        tokio::time::advance(Duration::from_secs(121)).await;
        log.trim(Instant::now());
        assert!(log.by_user.is_empty());
        assert_eq!(log.bytes, 0);
        // Whoever missed nothing may still resume.
        assert_eq!(texts(log.missed("Anna", at(2))), Some(vec![]));
    }

    #[tokio::test]
    async fn nobody_catches_up_over_a_gap() {
        let mut log = log(RecoveryConfig::default());
        fill(&mut log, 1..=2, "Anna");
        log.restart(at(9));
        assert_eq!(log.missed("Anna", at(2)), None);
        assert_eq!(texts(log.missed("Anna", at(9))), Some(vec![]));
    }

    #[test]
    fn a_private_id_leads_back_to_where_its_socket_began_or_stopped() {
        let pid = Pid::issue("Anna", at(4));
        assert_eq!(Pid::resume(pid.as_str(), None, "Anna"), Some((pid.clone(), at(4))));
        assert_eq!(Pid::resume(pid.as_str(), Some(&at(6).to_string()), "Anna"), Some((pid.clone(), at(6))));
        // The offset of an earlier life.
        assert_eq!(Pid::resume(pid.as_str(), Some(&at(2).to_string()), "Anna"), Some((pid, at(4))));
    }

    #[test]
    fn a_private_id_of_somebody_else_or_of_nobody_leads_nowhere() {
        let pid = Pid::issue("Anna", at(4));
        assert_eq!(Pid::resume(pid.as_str(), None, "Bert"), None);
        for text in ["", ".", "a.b.c", "a.b.c.d", &format!("{}.x", pid.as_str())] {
            assert_eq!(Pid::resume(text, None, "Anna"), None, "{text}");
        }
        assert_eq!(Pid::resume(pid.as_str(), Some("nonsense"), "Anna"), None);
    }

    #[test]
    fn the_public_id_follows_the_private_one() {
        let pid = Pid::issue("Anna", at(4));
        assert_eq!(pid.socket_id(), pid.socket_id());
        assert_eq!(pid.socket_id().len(), 20);
        assert_ne!(pid.socket_id(), Pid::issue("Anna", at(4)).socket_id());
    }

    #[tokio::test(start_paused = true)]
    async fn a_repetition_is_not_new_until_it_is_forgotten() {
        let mut seen = Seen { keep: 2, ..Seen::default() };
        let now = Instant::now();
        assert!(seen.is_new("a", now));
        assert!(!seen.is_new("a", now));
        assert!(seen.is_new("b", now));
        assert!(seen.is_new("c", now));
        assert!(!seen.is_new("c", now));
        assert!(seen.ids.len() <= 2);
        tokio::time::advance(Duration::from_secs(3601)).await;
        assert!(seen.is_new("c", Instant::now()));
    }
}
