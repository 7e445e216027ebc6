//! Unique constraints that statements violate.

use sea_orm::{DbErr, RuntimeErr};
use sqlx::error::{DatabaseError, ErrorKind};
use sqlx::mysql::MySqlDatabaseError;

/// A unique constraint that a statement violated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Violation {
    /// SQLite names the columns, as `table.column`.
    Columns(Vec<String>),
    /// Servers name the constraint; MySQL calls every primary key `PRIMARY`.
    Constraint(String),
}

impl Violation {
    /// The violation that made a statement fail, if it was one.
    pub(crate) fn of(error: &DbErr) -> Option<Self> {
        let (DbErr::Exec(RuntimeErr::SqlxError(error)) | DbErr::Query(RuntimeErr::SqlxError(error))) = error else {
            return None;
        };
        let error = error.as_database_error()?;
        if error.kind() != ErrorKind::UniqueViolation {
            return None;
        }
        Some(match error.constraint() {
            Some(constraint) => Self::Constraint(constraint.to_owned()),
            None if error.try_downcast_ref::<MySqlDatabaseError>().is_some() => {
                Self::Constraint(constraint_of_mysql(error).to_owned())
            }
            None => Self::Columns(columns_of_sqlite(error.message())),
        })
    }

    /// Whether it is that of an index, which makes `column` of `table` unique.
    pub(crate) fn is_of(&self, index: &str, table: &str, column: &str) -> bool {
        match self {
            Self::Columns(columns) => is_column(columns, table, column),
            Self::Constraint(constraint) => constraint == index,
        }
    }

    /// Whether it is that of the primary key of a table, which is `column`. What the statement wrote to must be known: MySQL
    /// does not tell.
    pub(crate) fn is_of_primary_key(&self, table: &str, column: &str) -> bool {
        match self {
            Self::Columns(columns) => is_column(columns, table, column),
            Self::Constraint(constraint) => constraint == "PRIMARY" || constraint.ends_with("_pkey"),
        }
    }
}

fn is_column(columns: &[String], table: &str, column: &str) -> bool {
    matches!(columns, [only] if only.strip_prefix(table).and_then(|rest| rest.strip_prefix('.')) == Some(column))
}

/// `UNIQUE constraint failed: kettle.id`.
fn columns_of_sqlite(message: &str) -> Vec<String> {
    let columns = message.rsplit_once("failed: ").map_or("", |(_, columns)| columns);
    columns.split(", ").map(str::to_owned).collect()
}

/// `Duplicate entry 'x' for key 'kettle.by_kettle__nickname'`; MariaDB and older versions leave the table out. What is between
/// the first quotes comes from outside and may contain anything.
fn constraint_of_mysql(error: &dyn DatabaseError) -> &str {
    let named = error.message().trim_end_matches('\'').rsplit_once('\'').map_or("", |(_, name)| name);
    named.rsplit_once('.').map_or(named, |(_, name)| name)
}
