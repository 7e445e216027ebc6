//! The settings.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jobapp_realtime_core::RecoveryConfig;
use jobapp_telemetry::Traces;

/// Whether browsers at an origin may connect.
pub type AllowOrigin = Arc<dyn Fn(&str) -> bool + Send + Sync>;

/// The settings. [`RealtimeConfig::new`] has the defaults.
#[derive(Clone)]
pub struct RealtimeConfig {
    /// What tells this gateway apart from the others, also from the one it replaces after a restart.
    pub gateway: String,
    /// Whether browsers at this origin may connect. A request without an origin always may.
    pub allow_origin: AllowOrigin,
    /// How many connections a user may have at this gateway. A page of the existing client opens up to 65, and more with
    /// each search, and closes none until the tab is left.
    pub connections_per_user: usize,
    /// How many connections this gateway holds, signed in or not.
    pub connections: usize,
    /// How many of them may be without a session.
    pub anonymous_connections: usize,
    /// How many events a socket may send a second, on average; what exceeds it is dropped.
    pub events_per_second: u16,
    /// How many events a socket may send at once after a rest.
    pub events_burst: u16,
    /// The largest message a client may send, in bytes.
    pub payload: usize,
    /// How often the server asks whether a client is still there.
    pub ping_interval: Duration,
    /// How long a client may take to answer.
    pub ping_timeout: Duration,
    /// How long a client may take from the handshake to joining the default namespace.
    pub connect_timeout: Duration,
    /// How long a client may refuse to take what is sent to it.
    pub write_timeout: Duration,
    /// What a resuming socket can catch up on.
    pub recovery: RecoveryConfig,
    /// Who is online.
    pub presence: PresenceConfig,
    /// How often the sessions behind open sockets are checked, in case the news of an end was lost.
    pub recheck_sessions: Duration,
    /// Over how long a draining gateway spreads the closing of its connections.
    pub drain: Duration,
    /// Where events go on with the traces they belong to.
    pub traces: Traces,
}

/// Who is online.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PresenceConfig {
    /// How often the gateway says that it is alive. Well below the lease of the [`crate::Presence`].
    pub renew: Duration,
    /// How long a user stays online after his last connection is gone: changing pages is not leaving.
    pub linger: Duration,
    /// The least time between two announcements of who is online.
    pub announce: Duration,
}

impl RealtimeConfig {
    /// The defaults for a gateway of this name.
    pub fn new(gateway: impl Into<String>, allow_origin: AllowOrigin) -> Self {
        Self {
            gateway: gateway.into(),
            allow_origin,
            connections_per_user: 1_000,
            connections: 100_000,
            anonymous_connections: 50_000,
            events_per_second: 20,
            events_burst: 100,
            payload: 1_000_000,
            ping_interval: Duration::from_secs(25),
            ping_timeout: Duration::from_secs(20),
            connect_timeout: Duration::from_secs(45),
            write_timeout: Duration::from_secs(30),
            recovery: RecoveryConfig::default(),
            presence: PresenceConfig::default(),
            recheck_sessions: Duration::from_secs(60),
            drain: Duration::from_secs(5),
            traces: Traces::off(),
        }
    }
}

impl Default for PresenceConfig {
    fn default() -> Self {
        Self { renew: Duration::from_secs(5), linger: Duration::from_secs(2), announce: Duration::from_secs(1) }
    }
}

impl fmt::Debug for RealtimeConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RealtimeConfig")
            .field("gateway", &self.gateway)
            .field("connections_per_user", &self.connections_per_user)
            .field("connections", &self.connections)
            .field("recovery", &self.recovery)
            .field("presence", &self.presence)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::seats::{Full, Seats};

    #[test]
    fn a_user_may_have_a_thousand_connections() {
        let config = RealtimeConfig::new("one", Arc::new(|_| true));
        let seats = Seats::new(config.connections_per_user, config.connections, config.anonymous_connections);
        let anna: Arc<str> = "Anna".into();
        let taken: Vec<_> = (0..1_000).map(|_| seats.take(Some(&anna)).unwrap()).collect();
        assert_eq!(seats.take(Some(&anna)).unwrap_err(), Full::User);
        drop(taken);
    }
}
