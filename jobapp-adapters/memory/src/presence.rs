//! Presence within one process.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt;
use futures::channel::mpsc::{UnboundedSender, unbounded};
use jobapp_realtime_core::{Change, Online, Presence, Unavailable, Watch};
use parking_lot::Mutex;
use tokio::time::Instant;

/// Presence among the gateways of one process. Clones share everything.
#[derive(Debug, Clone)]
pub struct MemoryPresence {
    lease: Duration,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    /// The gateways each user is at.
    users: HashMap<Arc<str>, Vec<Arc<str>>>,
    /// Until when each gateway is taken for alive.
    leases: HashMap<Arc<str>, Instant>,
    online: Online,
    watching: Vec<UnboundedSender<Change>>,
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
        Self { lease, state: Arc::default() }
    }
}

impl State {
    fn enter(&mut self, gateway: &Arc<str>, user: &Arc<str>) -> bool {
        let gateways = self.users.entry(user.clone()).or_default();
        if gateways.contains(gateway) {
            return false;
        }
        gateways.push(gateway.clone());
        let came = gateways.len() == 1;
        if came {
            self.tell(Change::Came(user.clone()));
        }
        came
    }

    fn leave(&mut self, gateway: &str, user: &str) -> bool {
        let Some(gateways) = self.users.get_mut(user) else { return false };
        gateways.retain(|known| **known != *gateway);
        let went = gateways.is_empty();
        if went && let Some((user, _)) = self.users.remove_entry(user) {
            self.tell(Change::Went(user));
        }
        went
    }

    /// Everybody leaves the gateways he is not at any more.
    fn leave_where(&mut self, gone: impl Fn(&Arc<str>, &Arc<str>) -> bool) {
        let at = |(user, gateways): (&Arc<str>, &Vec<Arc<str>>)| {
            let gone: Vec<_> = gateways.iter().filter(|gateway| gone(gateway, user)).cloned().collect();
            gone.into_iter().map(|gateway| (gateway, user.clone())).collect::<Vec<_>>()
        };
        let left: Vec<_> = self.users.iter().flat_map(at).collect();
        for (gateway, user) in left {
            self.leave(&gateway, &user);
        }
    }

    fn tell(&mut self, change: Change) {
        self.online.apply(&change);
        self.watching.retain(|watching| watching.unbounded_send(change.clone()).is_ok());
    }
}

#[async_trait]
impl Presence for MemoryPresence {
    async fn enter(&self, gateway: &str, user: &str) -> Result<bool, Unavailable> {
        Ok(self.state.lock().enter(&gateway.into(), &user.into()))
    }

    async fn leave(&self, gateway: &str, user: &str) -> Result<bool, Unavailable> {
        Ok(self.state.lock().leave(gateway, user))
    }

    async fn renew(&self, gateway: &str, users: &[Arc<str>]) -> Result<(), Unavailable> {
        let now = Instant::now();
        let gateway: Arc<str> = gateway.into();
        let here: HashSet<&str> = users.iter().map(|user| &**user).collect();
        let mut state = self.state.lock();
        state.leases.retain(|_, until| *until > now);
        state.leases.insert(gateway.clone(), now + self.lease);
        let alive: HashSet<Arc<str>> = state.leases.keys().cloned().collect();
        state.leave_where(|at, user| !alive.contains(at) || (*at == gateway && !here.contains(&**user)));
        for user in users {
            state.enter(&gateway, user);
        }
        Ok(())
    }

    async fn retire(&self, gateway: &str) -> Result<(), Unavailable> {
        let mut state = self.state.lock();
        state.leases.remove(gateway);
        state.leave_where(|at, _| **at == *gateway);
        Ok(())
    }

    async fn watch(&self) -> Result<Watch, Unavailable> {
        let (sender, receiver) = unbounded();
        let mut state = self.state.lock();
        state.watching.push(sender);
        let online = state.online.newest_first().map(str::to_owned).collect();
        Ok(Watch { online, changes: receiver.boxed() })
    }
}
