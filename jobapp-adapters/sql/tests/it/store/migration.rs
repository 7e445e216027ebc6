//! Keys that are declared later, in SQLite.

use jobapp_sql::{SqlConfig, SqlStore};
use tempfile::TempDir;

use super::file_in;
use crate::migrations;

async fn in_memory() -> (SqlStore, ()) {
    (SqlStore::open(SqlConfig::memory()).await.unwrap(), ())
}

migrations::migrations!(in_memory());

#[tokio::test(flavor = "multi_thread")]
async fn stores_that_are_opened_together_migrate_once() {
    let folder = TempDir::new().unwrap();
    let open = async || SqlStore::open(SqlConfig::file(file_in(folder.path()))).await.unwrap();
    migrations::stores_that_are_opened_together_migrate_once(&open().await, open).await;
}
