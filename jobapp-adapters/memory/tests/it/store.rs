//! The store in memory passes the suite of every store.

use std::sync::Arc;

use jobapp_contracts::Harness;
use jobapp_contracts::fixture::Kettle;
use jobapp_contracts::inventory::Shelf;
use jobapp_contracts::leases::Desk;
use jobapp_memory::MemoryStore;

async fn fresh() -> Harness {
    let store = MemoryStore::new();
    let corrupted = store.clone();
    Harness {
        kettles: store.repository::<Kettle>(),
        outbox: store.outbox(),
        sequence: store.sequence(),
        corrupt: Box::new(move |id, state| {
            assert!(corrupted.overwrite_state::<Kettle>(&id, state));
            Box::pin(async {})
        }),
        reopen: None,
        guard: Box::new(store),
    }
}

jobapp_contracts::repository!(fresh());

async fn shelf() -> Shelf {
    let store = MemoryStore::new();
    let (kettles, outbox, inventory) = (store.repository::<Kettle>(), store.outbox(), store.inventory());
    Shelf { kettles, outbox, inventory, unused: MemoryStore::new().inventory(), keep: Arc::new(()) }
}

jobapp_contracts::inventory!(shelf());

async fn desk() -> Desk {
    let store = MemoryStore::new();
    Desk { leases: store.leases(), elsewhere: store.of_another_process().leases(), keep: Arc::new(()) }
}

jobapp_contracts::leases!(desk());
