//! Where it is written down who came and went.

use std::sync::{Arc, Weak};

use jobapp_realtime_core::Online;
use parking_lot::Mutex;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;

use crate::engine::conn::Conn;

/// Something for the roll.
#[derive(Debug)]
pub(crate) enum Entry {
    /// A connection counts.
    Enter { user: Arc<str>, number: u64 },
    /// A connection counts no more.
    Leave { user: Arc<str>, number: u64 },
    /// A connection closed, and its user may only be changing pages.
    Linger { user: Arc<str>, number: u64 },
    /// A user went off: none of his connections counts.
    Off { user: Arc<str> },
    /// A connection wants to know who is online.
    Ask { conn: Weak<Conn> },
    /// Everybody is to be told, whether or not they know.
    Announce,
    /// The gateway is going. Answered when everybody has left.
    Retire { done: oneshot::Sender<()> },
}

/// Takes entries for the roll. One task ([`super::keeper::Keeper`]) does what they say in the order in which they came, so
/// that a connection that asks who is online right after joining finds itself among them.
#[derive(Debug, Clone)]
pub(crate) struct Roll {
    entries: UnboundedSender<Entry>,
    online: Arc<Mutex<Online>>,
}

impl Roll {
    /// An empty roll, and what is written into it.
    pub(crate) fn new() -> (Self, UnboundedReceiver<Entry>) {
        let (entries, receiver) = unbounded_channel();
        (Self { entries, online: Arc::default() }, receiver)
    }

    pub(crate) fn enter(&self, user: &Arc<str>, number: u64) {
        self.put(Entry::Enter { user: user.clone(), number });
    }

    pub(crate) fn leave(&self, user: &Arc<str>, number: u64) {
        self.put(Entry::Leave { user: user.clone(), number });
    }

    pub(crate) fn linger(&self, user: &Arc<str>, number: u64) {
        self.put(Entry::Linger { user: user.clone(), number });
    }

    pub(crate) fn off(&self, user: &str) {
        self.put(Entry::Off { user: user.into() });
    }

    pub(crate) fn ask(&self, conn: &Arc<Conn>) {
        self.put(Entry::Ask { conn: Arc::downgrade(conn) });
    }

    pub(crate) fn announce(&self) {
        self.put(Entry::Announce);
    }

    /// Takes everybody here off the roll.
    pub(crate) async fn retire(&self) {
        let (done, left) = oneshot::channel();
        self.put(Entry::Retire { done });
        if left.await.is_err() {
            tracing::trace!("the server has stopped");
        }
    }

    /// Everybody who is online, at any gateway.
    pub(crate) fn online(&self) -> &Mutex<Online> {
        &self.online
    }

    /// After the server has stopped nobody listens, and nobody need.
    fn put(&self, entry: Entry) {
        if self.entries.send(entry).is_err() {
            tracing::trace!("the server has stopped");
        }
    }
}
