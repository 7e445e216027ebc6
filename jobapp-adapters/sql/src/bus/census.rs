//! How much a bus holds.

use std::collections::BTreeMap;

use jobapp_pump::QueueDepth;

/// What a [`SqlBus`](crate::SqlBus) holds at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqlBusCensus {
    /// How many messages each declared queue holds.
    pub queues: BTreeMap<String, QueueDepth>,
    /// Grows with every message that is stored: when it is the same later, nothing was published in between.
    pub last_stored: u64,
}

impl SqlBusCensus {
    /// Whether nothing waits and nothing is with a handler. Dead letters do not count.
    pub fn is_quiet(&self) -> bool {
        self.queues.values().all(|depth| depth.waiting + depth.in_flight == 0)
    }
}
