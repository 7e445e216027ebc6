//! Fan-out in memory keeps what every one of them promises.

use std::sync::Arc;

use jobapp_contracts::fanout::Gateways;
use jobapp_memory::MemoryFanout;

async fn fresh() -> Gateways {
    let fanout = MemoryFanout::default();
    Gateways { elsewhere: Arc::new(fanout.clone()), fanout: Arc::new(fanout), keep: Arc::new(()) }
}

jobapp_contracts::fanout!(fresh());
