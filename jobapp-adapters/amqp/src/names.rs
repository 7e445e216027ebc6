//! What belongs to a queue, by name.

use std::time::Duration;

/// A delay of retries: how long, and how its queue's name ends. What it is is in the name, since it cannot be changed later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Delay {
    pub(crate) time: Duration,
    suffix: &'static str,
}

/// The delays there are, the shortest first.
pub(crate) const DELAYS: [Delay; 4] = [
    Delay { time: Duration::from_secs(1), suffix: "1s" },
    Delay { time: Duration::from_secs(10), suffix: "10s" },
    Delay { time: Duration::from_secs(60), suffix: "60s" },
    Delay { time: LONGEST, suffix: "10m" },
];

const LONGEST: Duration = Duration::from_secs(600);

impl Delay {
    /// The shortest delay that is not below this, and what is left to wait afterwards when there is none.
    pub(crate) fn of(after: Duration) -> (Self, Duration) {
        let [.., longest] = DELAYS;
        DELAYS
            .into_iter()
            .find(|delay| delay.time >= after)
            .map_or((longest, after.saturating_sub(LONGEST)), |delay| (delay, Duration::ZERO))
    }

    /// The queue that holds the messages of `queue` for this time.
    pub(crate) fn queue(self, queue: &str) -> String {
        format!("{queue}.retry.{}", self.suffix)
    }
}

/// The queue of the dead letters of `queue`.
pub(crate) fn dead(queue: &str) -> String {
    format!("{queue}.dead")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_retry_never_comes_too_early() {
        for (after, queue, left) in [
            (0, "q.retry.1s", 0),
            (1_000, "q.retry.1s", 0),
            (1_001, "q.retry.10s", 0),
            (5_000, "q.retry.10s", 0),
            (60_000, "q.retry.60s", 0),
            (61_000, "q.retry.10m", 0),
            (600_000, "q.retry.10m", 0),
            (1_500_000, "q.retry.10m", 900_000),
        ] {
            let (delay, rest) = Delay::of(Duration::from_millis(after));
            assert_eq!((delay.queue("q").as_str(), rest), (queue, Duration::from_millis(left)), "{after} ms");
        }
    }
}
