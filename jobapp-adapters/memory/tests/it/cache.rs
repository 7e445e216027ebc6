//! A shared cache in memory keeps what every one promises.

use std::sync::Arc;

use jobapp_contracts::cache::Caches;
use jobapp_memory::MemoryCache;

async fn fresh() -> Caches {
    let cache = Arc::new(MemoryCache::new());
    Caches { cache: cache.clone(), elsewhere: cache, keep: Arc::new(()) }
}

jobapp_contracts::cache!(fresh());
