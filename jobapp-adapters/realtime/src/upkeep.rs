//! What is done now and then.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jobapp_realtime_core::Identity;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::engine::conn::Phase;
use crate::server::Server;

/// How often connections are looked over, at the most seldom.
const LOOK: Duration = Duration::from_secs(5);

/// Looks after sockets until the server stops.
pub(crate) async fn look_after(server: Arc<Server>) {
    let mut looks = interval(LOOK.min(server.config.connect_timeout));
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut checks = interval(server.config.recheck_sessions);
    checks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = server.stop.cancelled() => return,
            _ = looks.tick() => look(&server),
            _ = checks.tick() => recheck_sessions(&server).await,
        }
    }
}

/// Forgets what is old and ends connections that never joined.
fn look(server: &Server) {
    let patience = server.config.connect_timeout;
    server.hub.tidy(patience);
    server.let_in_those_ahead();
    let now = Instant::now();
    for conn in server.hub.conns() {
        if conn.phase() == Phase::Open && now.duration_since(conn.asked()) >= patience {
            conn.hang_up();
        }
    }
}

/// Demotes the sockets of sessions whose end was not heard of.
async fn recheck_sessions(server: &Server) {
    let mut sessions: HashMap<Arc<str>, Identity> = HashMap::new();
    for conn in server.hub.signed_in() {
        if let Some(owner) = conn.owner() {
            sessions.entry(owner.sid.clone()).or_insert_with(|| owner.clone());
        }
    }
    for identity in sessions.into_values() {
        if !server.handshake.alive(&identity).await {
            server.uncount(&server.hub.demote_session_of(&identity.username, &identity.sid));
        }
    }
}
