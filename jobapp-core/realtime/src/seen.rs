//! What was there before.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The ids of the last events, so that a repetition is told from a new one.
#[derive(Debug)]
pub struct Seen {
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
    pub fn is_new(&mut self, id: &str, now: Instant) -> bool {
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

    #[test]
    fn a_repetition_is_not_new_until_it_is_forgotten() {
        let mut seen = Seen { keep: 2, ..Seen::default() };
        let now = Instant::now();
        assert!(seen.is_new("a", now));
        assert!(!seen.is_new("a", now));
        assert!(seen.is_new("b", now));
        assert!(seen.is_new("c", now));
        assert!(!seen.is_new("c", now));
        assert!(seen.ids.len() <= 2);
        assert!(seen.is_new("c", now + Duration::from_secs(3601)));
    }
}
