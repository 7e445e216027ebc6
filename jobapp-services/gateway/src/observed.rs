//! What Prometheus is told of the gateway beside its requests: how its breakers stand, what is under way, who is connected.

use jobapp_metrics::{Gauges, Metrics};
use jobapp_realtime::Realtime;

use crate::Upstreams;
use crate::calls::guards::BreakerState;

jobapp_metrics::label! {
    /// How a breaker stands.
    enum State: "state" {
        /// Calls go through.
        Closed = "closed",
        /// The next call is a trial.
        HalfOpen = "half_open",
        /// Calls are refused.
        Open = "open",
    }
}

jobapp_metrics::label! {
    /// What is known of a connection.
    enum Known: "kind" {
        /// From its handshake on.
        Admitted = "admitted",
        /// It is open.
        Open = "open",
        /// Whose it is, too.
        SignedIn = "signed_in",
        /// It is a request that waits for something to be sent.
        Polling = "polling",
    }
}

impl From<BreakerState> for State {
    fn from(state: BreakerState) -> Self {
        match state {
            BreakerState::Closed => Self::Closed,
            BreakerState::HalfOpen => Self::HalfOpen,
            BreakerState::Open => Self::Open,
        }
    }
}

/// Asks how the breakers stand, and how many calls are under way.
pub(crate) fn upstreams(metrics: &Metrics, upstreams: &Upstreams) {
    for guards in upstreams.guards().cloned() {
        let fixed = [("upstream", guards.name)];
        let help = "How the breaker of a service stands: 1 for the state it is in.";
        let states: Gauges<State> = metrics.gauges("jobapp_breaker_state", help, &fixed);
        let help = "Calls to a service that are under way.";
        let under_way: Gauges<()> = metrics.gauges("jobapp_upstream_calls_under_way", help, &fixed);
        metrics.asks(move || {
            let now = State::from(guards.breaker.state());
            for state in [State::Closed, State::HalfOpen, State::Open] {
                states.of(state).set(f64::from(u8::from(state == now)));
            }
            under_way.one().set(guards.bulkhead.under_way() as f64);
            std::future::ready(())
        });
    }
}

/// Asks who is connected.
pub(crate) fn sockets(metrics: &Metrics, realtime: &Realtime) {
    let help = "Sockets of browsers, by what is known of them.";
    let connections: Gauges<Known> = metrics.gauges("jobapp_socket_connections", help, &[]);
    let users: Gauges<()> = metrics.gauges("jobapp_socket_users", "Users with a socket at this gateway.", &[]);
    let counted = realtime.counting();
    metrics.asks(move || {
        let counts = counted();
        for (kind, count) in [
            (Known::Admitted, counts.admitted),
            (Known::Open, counts.open),
            (Known::SignedIn, counts.signed_in),
            (Known::Polling, counts.waiting),
        ] {
            connections.of(kind).set(count as f64);
        }
        users.one().set(counts.users as f64);
        std::future::ready(())
    });
}
