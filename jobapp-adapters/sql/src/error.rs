//! Why a store cannot be used at all.

use std::error::Error;
use std::path::PathBuf;

use sea_orm::DbErr;

/// Why a store could not be opened or prepared for a kind of aggregate.
#[derive(Debug, thiserror::Error)]
pub enum SqlStoreError {
    /// The folder of the database cannot be made.
    #[error("the folder {} for the database cannot be made", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The database cannot be opened, or not be written to.
    #[error("the database {location} cannot be opened for writing: is the folder writable, and the disk not full?")]
    Open {
        /// The file, or `in memory`.
        location: String,
        /// Why.
        source: DbErr,
    },
    /// The table of a kind of aggregate cannot be made or brought up to date; it is as it was before.
    #[error("the table of {aggregate} in {location} cannot be brought up to date")]
    Migrate {
        /// The kind of aggregate.
        aggregate: &'static str,
        /// The file, or `in memory`.
        location: String,
        /// Why: a database error, or a stored value that cannot be read.
        source: Box<dyn Error + Send + Sync>,
    },
    /// A new unique key cannot be introduced, since stored values share it; the table is as it was before.
    #[error("stored values of {aggregate} share a value of the new unique key {key}")]
    NotUnique {
        /// The kind of aggregate.
        aggregate: &'static str,
        /// The key.
        key: &'static str,
        /// What the database said.
        source: DbErr,
    },
}
