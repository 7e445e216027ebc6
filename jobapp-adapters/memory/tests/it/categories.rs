//! Chosen categories in memory keep what every memory of them promises: those of their own, and those of a store.

use std::sync::Arc;

use jobapp_contracts::categories::Categories;
use jobapp_gigs::StoredCategories;
use jobapp_memory::{MemoryCategories, MemoryStore};

mod of_their_own {
    use super::*;

    async fn fresh() -> Categories {
        Categories::of(Arc::new(MemoryCategories::new()))
    }

    jobapp_contracts::categories!(fresh());
}

mod of_a_store {
    use super::*;

    async fn fresh() -> Categories {
        Categories::of(Arc::new(StoredCategories::new(MemoryStore::new().repository())))
    }

    jobapp_contracts::categories!(fresh());
}
