//! The last events, kept for sockets that resume.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::position::Position;

/// What a resuming socket can catch up on. Whatever limit is reached first counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecoveryConfig {
    /// How long events are kept.
    pub keep_for: Duration,
    /// How many events are kept, of all users together.
    pub keep_events: usize,
    /// How many bytes of them are kept.
    pub keep_bytes: usize,
    /// How many a socket may have missed. One that missed more starts afresh.
    pub replay: usize,
}

impl Default for RecoveryConfig {
    fn default() -> Self {
        Self { keep_for: Duration::from_secs(120), keep_events: 20_000, keep_bytes: 64 * 1024 * 1024, replay: 512 }
    }
}

/// What a socket that comes back is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replay<P> {
    /// What it missed, in order.
    Missed(Vec<P>),
    /// It has heard what this log has not: its gateway must hear it first.
    Ahead,
    /// What it missed cannot be told any more, or is too much: it starts afresh.
    Lost,
}

/// The last events of all users, in the order every gateway agrees on, each as the packet `P` that its receivers are sent.
#[derive(Debug)]
pub struct Log<P> {
    limits: RecoveryConfig,
    /// Nothing up to here is left.
    floor: Position,
    /// The newest that came.
    head: Position,
    entries: VecDeque<Arc<Entry<P>>>,
    /// The same entries, for each of their receivers.
    by_user: HashMap<Arc<str>, VecDeque<Arc<Entry<P>>>>,
    bytes: usize,
}

#[derive(Debug)]
struct Entry<P> {
    position: Position,
    packet: P,
    /// How long the packet is.
    bytes: usize,
    receivers: Vec<Arc<str>>,
    at: Instant,
}

impl<P: Clone> Log<P> {
    /// An empty log that goes on from here.
    pub fn new(limits: RecoveryConfig, from: Position) -> Self {
        Self { limits, floor: from, head: from, entries: VecDeque::new(), by_user: HashMap::new(), bytes: 0 }
    }

    /// The newest position.
    pub fn head(&self) -> Position {
        self.head
    }

    /// Something came that no user hears.
    pub fn pass(&mut self, position: Position) {
        self.head = position;
    }

    /// Begins again after a gap: nobody can catch up over it.
    pub fn restart(&mut self, from: Position) {
        *self = Self::new(self.limits, from);
    }

    /// Keeps an event, whose packet has so many bytes.
    pub fn record(&mut self, position: Position, packet: P, bytes: usize, receivers: Vec<Arc<str>>, now: Instant) {
        self.head = position;
        self.bytes += bytes;
        let entry = Arc::new(Entry { position, packet, bytes, receivers, at: now });
        for receiver in &entry.receivers {
            self.by_user.entry(receiver.clone()).or_default().push_back(entry.clone());
        }
        self.entries.push_back(entry);
        self.trim(now);
    }

    /// Forgets what is too old or too much.
    pub fn trim(&mut self, now: Instant) {
        while let Some(oldest) = self.entries.front() {
            let over = self.entries.len() > self.limits.keep_events
                || self.bytes > self.limits.keep_bytes
                || now.duration_since(oldest.at) > self.limits.keep_for;
            if !over {
                break;
            }
            let Some(oldest) = self.entries.pop_front() else { break };
            self.floor = oldest.position;
            self.bytes -= oldest.bytes;
            for receiver in &oldest.receivers {
                let Some(own) = self.by_user.get_mut(receiver) else { continue };
                own.pop_front();
                if own.is_empty() {
                    self.by_user.remove(receiver);
                }
            }
        }
    }

    /// What a user was sent after this position.
    pub fn replay(&self, user: &str, after: Position) -> Replay<P> {
        if after > self.head {
            return Replay::Ahead;
        }
        if after < self.floor {
            return Replay::Lost;
        }
        let Some(own) = self.by_user.get(user) else { return Replay::Missed(Vec::new()) };
        let first = own.partition_point(|entry| entry.position <= after);
        if own.len() - first > self.limits.replay {
            return Replay::Lost;
        }
        Replay::Missed(own.range(first..).map(|entry| entry.packet.clone()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ERA: u64 = 7;

    fn at(number: u64) -> Position {
        Position { era: ERA, number }
    }

    fn log(limits: RecoveryConfig) -> Log<String> {
        Log::new(limits, at(0))
    }

    fn fill(log: &mut Log<String>, numbers: std::ops::RangeInclusive<u64>, user: &str) {
        for number in numbers {
            let packet = number.to_string();
            log.record(at(number), packet.clone(), packet.len(), vec![user.into()], Instant::now());
        }
    }

    fn missed(packets: &[&str]) -> Replay<String> {
        Replay::Missed(packets.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn a_user_missed_what_came_after_his_offset_in_order() {
        let mut log = log(RecoveryConfig::default());
        fill(&mut log, 1..=3, "Anna");
        fill(&mut log, 4..=4, "Bert");
        fill(&mut log, 5..=5, "Anna");
        assert_eq!(log.replay("Anna", at(1)), missed(&["2", "3", "5"]));
        assert_eq!(log.replay("Anna", at(4)), missed(&["5"]));
        assert_eq!(log.replay("Bert", at(0)), missed(&["4"]));
        assert_eq!(log.replay("Cora", at(0)), missed(&[]));
        assert_eq!(log.replay("Anna", at(5)), missed(&[]));
    }

    #[test]
    fn what_is_forgotten_or_unheard_of_cannot_be_caught_up_on() {
        let mut log = log(RecoveryConfig { keep_events: 2, ..RecoveryConfig::default() });
        fill(&mut log, 1..=4, "Anna");
        assert_eq!(log.replay("Anna", at(1)), Replay::Lost);
        assert_eq!(log.replay("Anna", at(2)), missed(&["3", "4"]));
        assert_eq!(log.replay("Anna", at(5)), Replay::Ahead);
        assert_eq!(log.replay("Anna", Position { era: ERA - 1, number: 100 }), Replay::Lost);
    }

    #[test]
    fn what_no_user_hears_moves_the_log_on_and_is_not_kept() {
        let mut log = log(RecoveryConfig::default());
        fill(&mut log, 1..=1, "Anna");
        log.pass(at(2));
        assert_eq!(log.head(), at(2));
        assert_eq!(log.replay("Anna", at(2)), missed(&[]));
        assert_eq!(log.replay("Anna", at(0)), missed(&["1"]));
    }

    #[test]
    fn too_much_is_not_replayed() {
        let mut log = log(RecoveryConfig { replay: 2, ..RecoveryConfig::default() });
        fill(&mut log, 1..=3, "Anna");
        assert_eq!(log.replay("Anna", at(0)), Replay::Lost);
        assert_eq!(log.replay("Anna", at(1)), missed(&["2", "3"]));
    }

    #[test]
    fn bytes_are_bounded_too() {
        let mut log = log(RecoveryConfig { keep_bytes: 3, ..RecoveryConfig::default() });
        fill(&mut log, 1..=9, "Anna");
        assert_eq!(log.replay("Anna", at(6)), missed(&["7", "8", "9"]));
        assert_eq!(log.replay("Anna", at(5)), Replay::Lost);
    }

    #[test]
    fn old_events_go_and_leave_nothing_behind() {
        let mut log = log(RecoveryConfig::default());
        fill(&mut log, 1..=2, "Anna");
        log.trim(Instant::now() + Duration::from_secs(121));
        assert!(log.by_user.is_empty());
        assert_eq!(log.bytes, 0);
        // Whoever missed nothing may still resume.
        assert_eq!(log.replay("Anna", at(2)), missed(&[]));
    }

    #[test]
    fn nobody_catches_up_over_a_gap() {
        let mut log = log(RecoveryConfig::default());
        fill(&mut log, 1..=2, "Anna");
        log.restart(at(9));
        assert_eq!(log.replay("Anna", at(2)), Replay::Lost);
        assert_eq!(log.replay("Anna", at(9)), missed(&[]));
    }
}
