//! What was there before.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::position::Position;

/// What the ids of the last events say about another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sight {
    /// It was not there before.
    New,
    /// The same event at the same place, read back.
    Again,
    /// It was published twice.
    Repetition,
}

/// The ids of the last events, so that a repetition is told from a new one.
#[derive(Debug)]
pub struct Seen {
    ids: HashMap<Arc<str>, Position>,
    order: VecDeque<(Instant, Arc<str>)>,
    keep_for: Duration,
    keep: usize,
}

impl Default for Seen {
    fn default() -> Self {
        Self { ids: HashMap::new(), order: VecDeque::new(), keep_for: Duration::from_secs(3600), keep: 100_000 }
    }
}

impl Seen {
    /// What this one is. It will not be new the next time.
    pub fn look(&mut self, id: &str, position: Position, now: Instant) -> Sight {
        while let Some((at, _)) = self.order.front() {
            if self.order.len() < self.keep && now.duration_since(*at) <= self.keep_for {
                break;
            }
            if let Some((_, id)) = self.order.pop_front() {
                self.ids.remove(&id);
            }
        }
        match self.ids.get(id) {
            Some(first) if *first == position => Sight::Again,
            Some(_) => Sight::Repetition,
            None => {
                let id: Arc<str> = id.into();
                self.ids.insert(id.clone(), position);
                self.order.push_back((now, id));
                Sight::New
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(number: u64) -> Position {
        Position { era: 7, number }
    }

    #[test]
    fn a_repetition_is_not_new_until_it_is_forgotten() {
        let mut seen = Seen { keep: 2, ..Seen::default() };
        let now = Instant::now();
        assert_eq!(seen.look("a", at(1), now), Sight::New);
        assert_eq!(seen.look("a", at(2), now), Sight::Repetition);
        assert_eq!(seen.look("b", at(3), now), Sight::New);
        assert_eq!(seen.look("c", at(4), now), Sight::New);
        assert_eq!(seen.look("c", at(5), now), Sight::Repetition);
        assert!(seen.ids.len() <= 2 && seen.order.len() <= 2);
        assert_eq!(seen.look("c", at(6), now + Duration::from_secs(3601)), Sight::New);
    }

    #[test]
    fn what_is_read_back_is_no_repetition() {
        let mut seen = Seen::default();
        let now = Instant::now();
        assert_eq!(seen.look("a", at(1), now), Sight::New);
        assert_eq!(seen.look("a", at(2), now), Sight::Repetition);
        assert_eq!(seen.look("a", at(1), now), Sight::Again);
    }
}
