//! Which nodes answer. One that does not is passed over until it answers again, and is asked in the background whether it does.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// How long a node is left alone after it did not answer, for the first time and at most.
const PAUSE: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(5));

/// One node of a cluster.
pub(crate) struct Node {
    /// Where it is, without a slash at the end and without a user.
    pub(crate) address: String,
    down: Mutex<Option<Down>>,
}

/// Why and for how long a node is passed over.
struct Down {
    why: String,
    failures: u32,
    /// When it may be asked again.
    next: Instant,
    /// Whether somebody asks it now.
    is_asked: bool,
}

impl Node {
    pub(crate) fn new(address: String) -> Self {
        Self { address, down: Mutex::new(None) }
    }

    pub(crate) fn is_up(&self) -> bool {
        self.down.lock().is_none()
    }

    /// Why it is passed over.
    pub(crate) fn why(&self) -> Option<String> {
        self.down.lock().as_ref().map(|down| format!("{}: {}", self.address, down.why))
    }

    /// Whether the caller shall ask it whether it is there again: one does at a time, and not too often.
    pub(crate) fn shall_be_asked(&self) -> bool {
        match &mut *self.down.lock() {
            Some(down) if !down.is_asked && Instant::now() >= down.next => {
                down.is_asked = true;
                true
            }
            _ => false,
        }
    }

    /// It answered.
    pub(crate) fn answered(&self) {
        if self.down.lock().take().is_some() {
            tracing::info!(node = self.address, "Elasticsearch answers again");
        }
    }

    /// It did not answer when it was used.
    pub(crate) fn failed(&self, why: String) {
        let mut down = self.down.lock();
        // Of many who wait for it at once, one counts.
        if down.is_none() {
            tracing::warn!(node = self.address, error = why, "Elasticsearch does not answer");
            *down = Some(Down { why, failures: 1, next: Instant::now() + PAUSE.0, is_asked: false });
        }
    }

    /// It did not answer when it was asked whether it is there again.
    pub(crate) fn still_fails(&self, why: String) {
        if let Some(down) = &mut *self.down.lock() {
            let pause = PAUSE.0.saturating_mul(1 << down.failures.min(16)).min(PAUSE.1);
            *down = Down { why, failures: down.failures + 1, next: Instant::now() + pause, is_asked: false };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_that_fails_is_passed_over_until_it_answers() {
        let node = Node::new("http://es.test".to_owned());
        assert!(node.is_up() && !node.shall_be_asked());
        node.failed("refused".to_owned());
        node.failed("refused again".to_owned());
        assert!(!node.is_up() && !node.shall_be_asked(), "it is left alone for a while");
        assert_eq!(node.why().unwrap(), "http://es.test: refused");
        node.answered();
        assert!(node.is_up() && node.why().is_none());
    }

    #[test]
    fn one_at_a_time_asks_whether_it_is_there_again_and_ever_more_seldom() {
        let node = Node::new("http://es.test".to_owned());
        node.failed("refused".to_owned());
        let is_due = |node: &Node| node.down.lock().as_mut().unwrap().next = Instant::now();
        is_due(&node);
        assert!(node.shall_be_asked() && !node.shall_be_asked());
        node.still_fails("silent".to_owned());
        assert!(!node.shall_be_asked());
        let pause = |node: &Node| node.down.lock().as_ref().unwrap().next - Instant::now();
        assert!(pause(&node) > PAUSE.0);
        for _ in 0..40 {
            is_due(&node);
            assert!(node.shall_be_asked());
            node.still_fails("silent".to_owned());
        }
        assert!(pause(&node) <= PAUSE.1);
    }
}
