//! The bus in memory keeps every promise of a bus.

use std::sync::Arc;

use jobapp_contracts::bus::Bus;
use jobapp_memory::MemoryBus;

async fn a_fresh_bus() -> Bus {
    Bus::of(Arc::new(MemoryBus::new()))
}

jobapp_contracts::bus!(a_fresh_bus());
jobapp_contracts::bus_of_known_messages!(a_fresh_bus());
jobapp_contracts::bus_that_counts_losses!(a_fresh_bus());
