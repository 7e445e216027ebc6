//! The databases of a data folder, before they are opened.

use anyhow::anyhow;
use jobapp_platform::OpenError;
use jobapp_sqlite::{Depth, Fault, OpenError as SqliteOpenError, examine};

use crate::Folder;

/// Databases up to this size are looked through before they are opened; larger ones once the marketplace runs.
pub(crate) const AT_ONCE: u64 = 64 * 1024 * 1024;

/// The stores of the marketplace, by the name of their files.
pub(crate) const DATABASES: [&str; 8] = ["auth", "users", "gig", "chat", "order", "review", "payments", "bus"];

/// Says what to do about a database that cannot be opened.
pub(crate) fn advised(error: SqliteOpenError) -> anyhow::Error {
    let is_damaged = error.fault() == Some(Fault::Damaged);
    let error = anyhow::Error::new(error);
    if is_damaged { error.context(ADVICE) } else { error }
}

/// As [`advised`], for a store whose technology is not named.
pub(crate) fn advised_to_open(error: OpenError) -> anyhow::Error {
    let damaged = |error: &SqliteOpenError| error.fault() == Some(Fault::Damaged);
    let is_damaged = error.cause().downcast_ref().is_some_and(damaged);
    let error = anyhow::Error::new(error);
    if is_damaged { error.context(ADVICE) } else { error }
}

pub(crate) const ADVICE: &str =
    "nothing was changed; take the data folder from a backup, or see \"A damaged database\" in docs/running.md";

/// Looks through a database before it is opened, unless that would take long.
pub(crate) async fn look_through(folder: &Folder, database: &str) -> anyhow::Result<()> {
    let path = folder.database(database);
    match std::fs::metadata(&path) {
        Ok(file) if file.len() > 0 && file.len() <= AT_ONCE => {}
        // One that is missing is made, and what cannot be looked at cannot be opened: that says it better.
        Ok(_) | Err(_) => return Ok(()),
    }
    let findings = examine(&path, Depth::Quick).await.map_err(advised)?;
    match findings.first() {
        None => Ok(()),
        Some(first) => {
            Err(anyhow!("{first}").context(format!("the database {} is damaged", path.display())).context(ADVICE))
        }
    }
}
