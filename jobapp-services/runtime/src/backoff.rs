//! Waiting longer after each failure.

use std::time::Duration;

/// Pauses that double from the first to the longest, each cut by up to a half at random, so that many waiters spread out.
#[derive(Debug, Clone)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    failures: u32,
}

impl Backoff {
    /// Pauses from `first` to `longest`.
    pub const fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, failures: 0 }
    }

    /// Something worked: begin anew.
    pub const fn reset(&mut self) {
        self.failures = 0;
    }

    /// Something failed: how long to wait.
    pub fn pause(&mut self) -> Duration {
        let full = self.first.saturating_mul(1 << self.failures.min(16)).min(self.longest);
        self.failures = self.failures.saturating_add(1);
        full.mul_f64(rand::random_range(0.5..=1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_the_longest_and_begin_anew() {
        let mut backoff = Backoff::new(Duration::from_millis(250), Duration::from_secs(5));
        for full in [250, 500, 1000, 2000, 4000, 5000, 5000] {
            let pause = backoff.pause();
            assert!(
                pause <= Duration::from_millis(full) && pause >= Duration::from_millis(full / 2),
                "{pause:?} of {full} ms"
            );
        }
        backoff.reset();
        assert!(backoff.pause() <= Duration::from_millis(250));
    }
}
