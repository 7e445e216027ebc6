//! Why a store cannot be used at all.

use std::error::Error;
use std::path::PathBuf;

use sea_orm::DbErr;

use crate::Fault;
use crate::dialect;

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
    #[error("the database {location} {}", why_not_open(source))]
    Open {
        /// The file, `in memory`, or where the server is.
        location: String,
        /// Why.
        source: DbErr,
    },
    /// The table of a kind of aggregate cannot be made or brought up to date; it is as it was before.
    #[error("the table of {aggregate} in {location} cannot be brought up to date")]
    Migrate {
        /// The kind of aggregate.
        aggregate: &'static str,
        /// The file, `in memory`, or where the server is.
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

impl SqlStoreError {
    /// What is wrong with the database, as far as the failure tells.
    pub fn fault(&self) -> Option<Fault> {
        self.database_error().and_then(Fault::of)
    }

    /// Whether another program holds the database: it is free once that lets go.
    pub fn is_busy(&self) -> bool {
        self.database_error().is_some_and(dialect::is_busy)
    }

    /// Whether its server cannot be reached: it may be later.
    pub fn is_away(&self) -> bool {
        self.database_error().is_some_and(dialect::is_lost)
    }

    fn database_error(&self) -> Option<&DbErr> {
        match self {
            Self::Folder { .. } => None,
            Self::Open { source, .. } | Self::NotUnique { source, .. } => Some(source),
            Self::Migrate { source, .. } => source.downcast_ref(),
        }
    }
}

/// Something is too large to be sealed.
pub(crate) fn too_large(error: jobapp_seal::TooLarge) -> DbErr {
    DbErr::Custom(error.to_string())
}

fn why_not_open(source: &DbErr) -> &'static str {
    match Fault::of(source) {
        Some(Fault::Damaged) => "is damaged, or is no database",
        Some(Fault::Full) => "cannot be written: the disk is full",
        Some(Fault::ReadOnly) => "cannot be written: it or its folder is read-only",
        Some(Fault::Unopenable) => "cannot be opened: may its folder be written, and the file read?",
        Some(Fault::Disk) => "cannot be read or written: the disk fails, or is full",
        Some(Fault::Gone) => "is gone",
        Some(Fault::Away) => "cannot be reached",
        None if dialect::is_busy(source) => "cannot be opened: another program holds it",
        None => "cannot be opened",
    }
}
