//! How long clients may take.

use std::time::Duration;

/// How long a client may take for what is its part. Web sockets are held to the rules of their own protocol instead.
#[derive(Debug, Clone)]
pub struct Deadlines {
    /// From the opening of a connection, or from the first byte of a later request, to the end of that request's head.
    pub head: Duration,
    /// Between two requests. Longer than the 60 s for which proxies commonly keep a connection for later.
    pub idle: Duration,
    /// The body of a request.
    pub body: LeastRate,
    /// The taking of an answer.
    pub answer: LeastRate,
    /// How often an HTTP/2 connection is asked whether anybody is there, and how long it may take to say so.
    pub ping: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        // 4 KiB a second is what a phone at the edge of its network still manages.
        let rate = LeastRate { grace: Duration::from_secs(30), bytes_a_second: 4 * 1024 };
        Self {
            head: Duration::from_secs(30),
            idle: Duration::from_secs(75),
            body: rate,
            answer: LeastRate { grace: Duration::from_secs(60), ..rate },
            ping: Duration::from_secs(20),
        }
    }
}

/// The slowest a client may be.
#[derive(Debug, Clone, Copy)]
pub struct LeastRate {
    /// How long nothing at all may arrive.
    pub grace: Duration,
    /// What has to arrive otherwise.
    pub bytes_a_second: u32,
}

impl LeastRate {
    /// How long these bytes may take.
    pub(super) fn time_for(self, bytes: usize) -> Duration {
        let seconds = bytes as f64 / f64::from(self.bytes_a_second.max(1));
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
    }
}
