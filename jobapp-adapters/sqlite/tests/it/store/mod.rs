//! The store on SQLite: the suites of every store, and what only files can show.

mod migration;
mod opening;
mod processes;
mod sealed;
mod shared;
mod trouble;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::future::BoxFuture;
use jobapp_contracts::fixture::Kettle;
use jobapp_contracts::inventory::Shelf;
use jobapp_contracts::leases::Desk;
use jobapp_contracts::{Corrupt, Harness, Reopen};
use jobapp_kernel::ObjectId;
use jobapp_sqlite::{Seal, SqliteConfig, SqliteStore};
use tempfile::TempDir;

/// Spoils a stored kettle with a statement of its own.
fn corrupt(store: &SqliteStore) -> Corrupt {
    let store = store.clone();
    Box::new(move |id: ObjectId, state: &'static str| -> BoxFuture<'static, ()> {
        let store = store.clone();
        Box::pin(async move {
            store.run_statements(format!("UPDATE kettle SET state = '{state}' WHERE id = '{id}'")).await.unwrap();
        })
    })
}

async fn harness(config: SqliteConfig, reopen: Option<Reopen>, folder: Option<Arc<TempDir>>) -> Harness {
    let store = SqliteStore::open(config).await.unwrap();
    Harness {
        kettles: store.register::<Kettle>().await.unwrap(),
        outbox: store.outbox(),
        sequence: store.sequence(),
        corrupt: corrupt(&store),
        reopen,
        guard: Box::new((store, folder)),
    }
}

fn on_file(path: PathBuf, folder: Option<Arc<TempDir>>) -> BoxFuture<'static, Harness> {
    let again = path.clone();
    let reopen: Reopen = Arc::new(move || on_file(again.clone(), None));
    Box::pin(async move { harness(SqliteConfig::file(path), Some(reopen), folder).await })
}

/// A store in a file of a folder that goes with it.
async fn in_a_file() -> Harness {
    let folder = TempDir::new().unwrap();
    let path = file_in(folder.path());
    on_file(path, Some(Arc::new(folder))).await
}

fn file_in(folder: &Path) -> PathBuf {
    folder.join("kettles.db")
}

mod on_a_file {
    use super::*;

    jobapp_contracts::repository!(in_a_file());
    jobapp_contracts::durability!(in_a_file());
}

mod for_who_is_in_no_hurry {
    use super::*;

    async fn in_a_file() -> Harness {
        let folder = TempDir::new().unwrap();
        let config = SqliteConfig::file(file_in(folder.path())).patient(|| true);
        harness(config, None, Some(Arc::new(folder))).await
    }

    jobapp_contracts::repository!(in_a_file());
}

mod in_memory {
    use super::*;

    jobapp_contracts::repository!(harness(SqliteConfig::memory(), None, None));
}

/// Looked at by a handle of its own, which needs no key.
async fn shelf(config: impl Fn(PathBuf) -> SqliteConfig) -> Shelf {
    let folder = TempDir::new().unwrap();
    let store = SqliteStore::open(config(file_in(folder.path()))).await.unwrap();
    let (kettles, outbox) = (store.register::<Kettle>().await.unwrap(), store.outbox());
    let inventory = SqliteStore::attach(SqliteConfig::file(file_in(folder.path()))).await.unwrap().inventory();
    let unused = SqliteStore::attach(SqliteConfig::file(folder.path().join("unused.db"))).await.unwrap().inventory();
    Shelf { kettles, outbox, inventory, unused, keep: Arc::new(folder) }
}

mod inventory_of_a_file {
    use super::*;

    jobapp_contracts::inventory!(shelf(SqliteConfig::file));
}

mod inventory_of_what_is_sealed {
    use super::*;

    jobapp_contracts::inventory!(shelf(|path| SqliteConfig::file(path).sealed(Seal::new([7; Seal::KEY_BYTES]))));
}

mod leases_in_a_file {
    use super::*;

    async fn desk() -> Desk {
        let folder = TempDir::new().unwrap();
        let open = || SqliteStore::open(SqliteConfig::file(file_in(folder.path())));
        let (leases, elsewhere) = (open().await.unwrap().leases(), open().await.unwrap().leases());
        Desk { leases, elsewhere, keep: Arc::new(folder) }
    }

    jobapp_contracts::leases!(desk());
}

mod leases_in_memory {
    use super::*;

    async fn desk() -> Desk {
        let leases = SqliteStore::open(SqliteConfig::memory()).await.unwrap().leases();
        Desk { elsewhere: Arc::clone(&leases), leases, keep: Arc::new(()) }
    }

    jobapp_contracts::leases!(desk());
}
