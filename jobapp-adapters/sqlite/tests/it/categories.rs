//! Chosen categories in a file keep what every memory of them promises, and outlive the process.

use std::path::Path;
use std::sync::Arc;

use jobapp_contracts::categories::Categories;
use jobapp_gigs::{SelectedCategories, StoredCategories};
use jobapp_sqlite::{SqliteConfig, SqliteStore};
use tempfile::TempDir;

async fn stored(folder: &Path) -> StoredCategories {
    let store = SqliteStore::open(SqliteConfig::file(folder.join("gig.db"))).await.unwrap();
    StoredCategories::new(store.register().await.unwrap())
}

async fn fresh() -> Categories {
    let folder = TempDir::new().unwrap();
    Categories::of(Arc::new(stored(folder.path()).await)).keeping(folder)
}

jobapp_contracts::categories!(fresh());

#[tokio::test]
async fn what_was_chosen_is_known_after_opening_again() {
    let folder = TempDir::new().unwrap();
    stored(folder.path()).await.select("Iria", "music audio").await.unwrap();
    assert_eq!(stored(folder.path()).await.of("iria").await.unwrap().as_deref(), Some("music audio"));
}
