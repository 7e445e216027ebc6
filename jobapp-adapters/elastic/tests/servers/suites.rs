//! What every index promises, where one process writes and another one searches.

use std::sync::Arc;

use jobapp_contracts::search::Search;

use crate::place::Place;

async fn fresh() -> Search {
    let (_, one, other) = Place::two(Vec::new()).await;
    Search { search: Arc::new(other), ..Search::of(Arc::new(one)) }
}

jobapp_contracts::search!(fresh());
