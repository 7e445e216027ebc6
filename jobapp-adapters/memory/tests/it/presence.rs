//! Presence in memory keeps what every one of them promises.

use std::sync::Arc;
use std::time::Duration;

use jobapp_contracts::presence::Gateways;
use jobapp_memory::MemoryPresence;

async fn fresh() -> Gateways {
    let presence = MemoryPresence::with_lease(Duration::from_millis(200));
    Gateways { elsewhere: Arc::new(presence.clone()), presence: Arc::new(presence), keep: Arc::new(()) }
}

jobapp_contracts::presence!(fresh());
