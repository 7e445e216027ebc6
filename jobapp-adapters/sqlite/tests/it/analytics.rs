//! Totals in a file keep what every read model of reviews promises.

use std::sync::Arc;

use jobapp_contracts::analytics::Totals;
use jobapp_reviews::StoredAnalytics;
use jobapp_sqlite::{SqliteConfig, SqliteStore};
use tempfile::TempDir;

async fn fresh() -> Totals {
    let folder = TempDir::new().unwrap();
    let store = SqliteStore::open(SqliteConfig::file(folder.path().join("review.db"))).await.unwrap();
    let (months, editions) = (store.register().await.unwrap(), store.register().await.unwrap());
    Totals::of(Arc::new(StoredAnalytics::new(months, editions))).keeping(folder)
}

jobapp_contracts::analytics!(fresh());
