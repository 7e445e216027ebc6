//! Presence within one process.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::{BoxStream, StreamExt, unfold};
use jobapp_realtime_core::{ConnectionId, Lease, Presence, Unavailable};
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::Instant;

/// Presence among the gateways of one process. Clones share everything.
#[derive(Debug, Clone)]
pub struct MemoryPresence(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    lease: Duration,
    roll: Mutex<Roll>,
    changes: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Roll {
    users: HashMap<String, User>,
    leases: HashMap<Arc<str>, Instant>,
    arrivals: u64,
}

#[derive(Debug)]
struct User {
    /// How many came before him.
    arrival: u64,
    connections: HashSet<ConnectionId>,
}

impl Default for MemoryPresence {
    /// Leases of 15 s.
    fn default() -> Self {
        Self::with_lease(Duration::from_secs(15))
    }
}

impl MemoryPresence {
    /// A gateway that did not renew for this long is taken for dead. The others notice when they renew theirs.
    pub fn with_lease(lease: Duration) -> Self {
        Self(Arc::new(Inner { lease, roll: Mutex::default(), changes: watch::channel(0).0 }))
    }

    fn changed_if(&self, changed: bool) -> bool {
        if changed {
            self.0.changes.send_modify(|changes| *changes = changes.wrapping_add(1));
        }
        changed
    }
}

impl Roll {
    /// Drops these connections. Whether somebody went offline.
    fn drop_connections(&mut self, gone: impl Fn(&ConnectionId) -> bool) -> bool {
        let before = self.users.len();
        self.users.retain(|_, user| {
            user.connections.retain(|connection| !gone(connection));
            !user.connections.is_empty()
        });
        self.users.len() < before
    }
}

#[async_trait]
impl Presence for MemoryPresence {
    async fn enter(&self, user: &str, connection: &ConnectionId) -> Result<bool, Unavailable> {
        let mut roll = self.0.roll.lock();
        if let Some(known) = roll.users.get_mut(user) {
            known.connections.insert(connection.clone());
            return Ok(false);
        }
        roll.arrivals += 1;
        let newcomer = User { arrival: roll.arrivals, connections: HashSet::from([connection.clone()]) };
        roll.users.insert(user.to_owned(), newcomer);
        Ok(self.changed_if(true))
    }

    async fn leave(&self, user: &str, connection: &ConnectionId) -> Result<bool, Unavailable> {
        let mut roll = self.0.roll.lock();
        let Some(known) = roll.users.get_mut(user) else { return Ok(false) };
        known.connections.remove(connection);
        let gone = known.connections.is_empty();
        if gone {
            roll.users.remove(user);
        }
        Ok(self.changed_if(gone))
    }

    async fn off(&self, user: &str) -> Result<bool, Unavailable> {
        let gone = self.0.roll.lock().users.remove(user).is_some();
        Ok(self.changed_if(gone))
    }

    async fn online(&self) -> Result<Vec<String>, Unavailable> {
        let roll = self.0.roll.lock();
        let mut users: Vec<_> = roll.users.iter().collect();
        users.sort_unstable_by_key(|(_, user)| std::cmp::Reverse(user.arrival));
        Ok(users.into_iter().map(|(name, _)| name.clone()).collect())
    }

    async fn renew(&self, gateway: &str) -> Result<Lease, Unavailable> {
        let now = Instant::now();
        let mut roll = self.0.roll.lock();
        roll.leases.retain(|_, until| *until > now);
        let until = now + self.0.lease;
        let lease = match roll.leases.insert(gateway.into(), until) {
            Some(_) => Lease::Renewed,
            None => Lease::Begun,
        };
        let Roll { leases, .. } = &*roll;
        let alive: HashSet<Arc<str>> = leases.keys().cloned().collect();
        let left = roll.drop_connections(|connection| !alive.contains(&connection.gateway));
        self.changed_if(left);
        Ok(lease)
    }

    async fn retire(&self, gateway: &str) -> Result<(), Unavailable> {
        let mut roll = self.0.roll.lock();
        roll.leases.remove(gateway);
        let left = roll.drop_connections(|connection| &*connection.gateway == gateway);
        self.changed_if(left);
        Ok(())
    }

    fn changes(&self) -> BoxStream<'static, ()> {
        let changes = self.0.changes.subscribe();
        unfold(changes, |mut changes| async { changes.changed().await.ok().map(|()| ((), changes)) }).boxed()
    }
}
