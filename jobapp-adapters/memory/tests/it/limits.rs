//! Rate limits in memory keep what every limiter promises.

use std::sync::Arc;

use jobapp_contracts::limits::Limiters;
use jobapp_memory::MemoryLimiter;

async fn fresh() -> Limiters {
    let limiter = MemoryLimiter::new();
    Limiters::shared(Arc::new(limiter.clone()), Arc::new(limiter))
}

jobapp_contracts::limits!(fresh());
