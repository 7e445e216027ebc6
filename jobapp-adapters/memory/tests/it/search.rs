//! The gig index keeps what every gig index promises.

use std::sync::Arc;

use jobapp_contracts::search::Search;
use jobapp_memory::MemorySearch;

async fn fresh() -> Search {
    Search::of(Arc::new(MemorySearch::new()))
}

jobapp_contracts::search!(fresh());
