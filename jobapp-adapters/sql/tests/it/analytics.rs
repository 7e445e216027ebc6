//! Ratings in tables of their own keep what every read model of reviews promises.

use jobapp_contracts::analytics::Totals;
use jobapp_sql::{SqlConfig, SqlStore};
use tempfile::TempDir;

async fn fresh() -> Totals {
    let folder = TempDir::new().unwrap();
    let store = SqlStore::open(SqlConfig::file(folder.path().join("review.db"))).await.unwrap();
    Totals::of(store.analytics().await.unwrap()).keeping(folder)
}

jobapp_contracts::analytics!(fresh());

mod in_memory {
    use super::*;

    async fn fresh() -> Totals {
        Totals::of(SqlStore::open(SqlConfig::memory()).await.unwrap().analytics().await.unwrap())
    }

    jobapp_contracts::analytics!(fresh());
}
