//! What every index promises.

use std::sync::Arc;

use jobapp_contracts::search::{Search, Source};
use jobapp_gigs::SearchIndex;
use jobapp_tantivy::TantivySearch;

async fn fresh() -> Search {
    let folder = tempfile::tempdir().unwrap();
    let index = TantivySearch::open(folder.path().join("gigs")).unwrap();
    index.rebuild(&mut Source::of(Vec::new()), &|_| {}).await.unwrap();
    Search::of(Arc::new(index)).keeping(folder)
}

jobapp_contracts::search!(fresh());
