//! What a store in memory holds.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use jobapp_kernel::{Clock, Layout};
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::table::Table;
use crate::waiting::Waiting;

/// Gives what a change came with, such as `x-request-id` and `traceparent`: asked when its events are stored.
pub type Headers = Arc<dyn Fn() -> BTreeMap<String, String> + Send + Sync>;

pub(crate) struct Shared {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) headers: Option<Headers>,
    /// Everything under one lock: a save is atomic because nobody sees the middle of it.
    pub(crate) data: Mutex<Data>,
    pub(crate) changed: Notify,
}

#[derive(Default)]
pub(crate) struct Data {
    pub(crate) layout: Layout,
    pub(crate) tables: HashMap<&'static str, Table>,
    pub(crate) inbox: HashMap<String, Handled>,
    pub(crate) outbox: Waiting,
    pub(crate) sequences: HashMap<String, i64>,
    pub(crate) leases: Taken,
}

/// What the inbox remembers of a cause.
pub(crate) struct Handled {
    pub(crate) body_hash: String,
    pub(crate) id: String,
}

/// Who has what, and until when.
#[derive(Default)]
pub(crate) struct Taken(HashMap<String, (String, Instant)>);

impl Taken {
    /// Who has it now.
    pub(crate) fn owner(&self, name: &str) -> Option<&str> {
        self.0.get(name).filter(|(_, until)| *until > Instant::now()).map(|(owner, _)| owner.as_str())
    }

    pub(crate) fn give(&mut self, name: &str, owner: &str, time: Duration) {
        self.0.insert(name.to_owned(), (owner.to_owned(), Instant::now() + time));
    }

    pub(crate) fn forget(&mut self, name: &str) {
        self.0.remove(name);
    }
}
