//! Totals in a memory store keep what every read model of reviews promises.

use std::sync::Arc;

use jobapp_contracts::analytics::Totals;
use jobapp_memory::MemoryStore;
use jobapp_reviews::StoredAnalytics;

async fn fresh() -> Totals {
    let store = MemoryStore::new();
    Totals::of(Arc::new(StoredAnalytics::new(store.repository(), store.repository())))
}

jobapp_contracts::analytics!(fresh());
