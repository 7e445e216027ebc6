//! Presence in memory keeps what every one of them promises.

use std::sync::Arc;
use std::time::Duration;

use jobapp_contracts::presence::Gateways;
use jobapp_memory::MemoryPresence;

async fn fresh() -> Gateways {
    // Long enough for a slow test, short enough to wait for a dead gateway.
    let presence = MemoryPresence::with_lease(Duration::from_secs(2));
    Gateways { there: Arc::new(presence.clone()), here: Arc::new(presence), keep: Arc::new(()) }
}

jobapp_contracts::presence!(fresh());
