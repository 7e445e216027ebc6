//! The store of a service in memory.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use jobapp_kernel::{Aggregate, Clock, Inventory, Leases, Outbox, OutboxEntry, Repository, Sequence, Timestamp, Turns};
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::data::{Headers, Shared};
use crate::repository::MemoryRepository;

/// The aggregates, outbox, inbox and sequences of one service, gone when its last handle goes. A clone is another handle.
#[derive(Clone)]
pub struct MemoryStore {
    pub(crate) shared: Arc<Shared>,
    pub(crate) turns: Turns,
}

struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::EPOCH.plus(since)
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryStore {
    /// An empty store on the system's clock, whose outbox entries have no headers.
    pub fn new() -> Self {
        Self::with(Arc::new(SystemClock), None)
    }

    /// An empty store on this clock, which dates outbox entries; `headers` says what a change came with.
    pub fn with(clock: Arc<dyn Clock>, headers: Option<Headers>) -> Self {
        let shared = Shared { clock, headers, data: Mutex::default(), changed: Notify::new() };
        Self { shared: Arc::new(shared), turns: Turns::default() }
    }

    /// The same store as another process has it: whoever changes something there waits for nobody here.
    #[must_use]
    pub fn of_another_process(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), turns: Turns::default() }
    }

    /// The repository of one kind of aggregate.
    pub fn repository<A: Aggregate>(&self) -> Arc<dyn Repository<A>> {
        let keys = A::keys().iter().map(|key| (key.name.to_owned(), key.declaration())).collect();
        self.shared.data.lock().layout.insert(A::NAME.to_owned(), keys);
        Arc::new(MemoryRepository::new(Arc::clone(&self.shared), self.turns.clone()))
    }

    /// The outbox of all kinds.
    pub fn outbox(&self) -> Arc<dyn Outbox> {
        Arc::new(self.clone())
    }

    /// How it is, from outside.
    pub fn inventory(&self) -> Arc<dyn Inventory> {
        Arc::new(self.clone())
    }

    /// The sequences.
    pub fn sequence(&self) -> Arc<dyn Sequence> {
        Arc::new(self.clone())
    }

    /// The leases.
    pub fn leases(&self) -> Arc<dyn Leases> {
        Arc::new(self.clone())
    }

    /// The events that wait to be published, oldest first: what a test looks at.
    pub fn events(&self) -> Vec<OutboxEntry> {
        self.shared.data.lock().outbox.entries()
    }

    /// How many values of this kind are stored.
    pub fn count<A: Aggregate>(&self) -> usize {
        self.shared.data.lock().tables.get(A::NAME).map_or(0, |table| table.len())
    }

    /// Puts another text in the place of a stored state, as a careless hand would in a database: for tests of what happens
    /// then. Returns whether there is such a value.
    pub fn overwrite_state<A: Aggregate>(&self, id: &A::Id, state: &str) -> bool {
        let mut data = self.shared.data.lock();
        let Some(row) = data.tables.get_mut(A::NAME).and_then(|table| table.row_mut(&id.to_string())) else {
            return false;
        };
        state.clone_into(&mut row.state);
        true
    }
}
