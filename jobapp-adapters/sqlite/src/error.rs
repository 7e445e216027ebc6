//! What fails.

use std::error::Error;
use std::path::PathBuf;

use rusqlite::ErrorCode;

use crate::Fault;

/// Why a database did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum SqliteError {
    /// It was closed.
    #[error("the database is closed")]
    Closed,
    /// It failed.
    #[error(transparent)]
    Failed(#[from] rusqlite::Error),
    /// It holds what this program does not read.
    #[error("{0}")]
    Foreign(String),
}

impl SqliteError {
    pub(crate) fn foreign(text: impl Into<String>) -> Self {
        Self::Foreign(text.into())
    }

    /// Whether another process held the database for too long.
    pub(crate) fn is_busy(&self) -> bool {
        matches!(
            self,
            Self::Failed(error)
                if matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
        )
    }
}

impl From<jobapp_seal::TooLarge> for SqliteError {
    fn from(error: jobapp_seal::TooLarge) -> Self {
        Self::Foreign(error.to_string())
    }
}

/// Why a store could not be opened or prepared for a kind of aggregate.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
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
        /// The file, or `in memory`.
        location: String,
        /// Why.
        source: SqliteError,
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
        source: SqliteError,
    },
}

impl OpenError {
    /// Whether another program held the database for too long.
    pub fn is_busy(&self) -> bool {
        matches!(self, Self::Open { source, .. } if source.is_busy())
    }

    /// What is wrong with the database, as far as the failure tells.
    pub fn fault(&self) -> Option<Fault> {
        match self {
            Self::Folder { .. } => None,
            Self::Open { source, .. } | Self::NotUnique { source, .. } => Fault::of(source),
            Self::Migrate { source, .. } => source.downcast_ref().and_then(Fault::of),
        }
    }
}

fn why_not_open(source: &SqliteError) -> &'static str {
    match Fault::of(source) {
        Some(Fault::Damaged) => "is damaged, or is no database",
        Some(Fault::Full) => "cannot be written: the disk is full",
        Some(Fault::ReadOnly) => "cannot be written: it or its folder is read-only",
        Some(Fault::Unopenable) => "cannot be opened: may its folder be written, and the file read?",
        Some(Fault::Disk) => "cannot be read or written: the disk fails, or is full",
        Some(Fault::Gone) => "is gone",
        None if source.is_busy() => "cannot be opened: another program holds it",
        None => "cannot be opened",
    }
}

/// A unique constraint that a statement violated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Violation {
    /// The columns of the constraint, as `table.column`.
    columns: Vec<String>,
}

impl Violation {
    /// The violation that made a statement fail, if it was one.
    pub(crate) fn of(error: &rusqlite::Error) -> Option<Self> {
        use rusqlite::ffi::{SQLITE_CONSTRAINT_PRIMARYKEY, SQLITE_CONSTRAINT_UNIQUE};
        let rusqlite::Error::SqliteFailure(failure, Some(message)) = error else { return None };
        if ![SQLITE_CONSTRAINT_UNIQUE, SQLITE_CONSTRAINT_PRIMARYKEY].contains(&failure.extended_code) {
            return None;
        }
        // The columns are named: `UNIQUE constraint failed: kettle.id`.
        let columns = message.rsplit_once("failed: ").map_or("", |(_, columns)| columns);
        Some(Self { columns: columns.split(", ").map(str::to_owned).collect() })
    }

    /// Whether it is the constraint that `column` is unique by itself.
    pub(crate) fn is_of(&self, table: &str, column: &str) -> bool {
        matches!(&self.columns[..], [only] if only.strip_prefix(table).and_then(|rest| rest.strip_prefix('.')) == Some(column))
    }
}
