//! What differs between databases, and nothing else does: how to connect, begin, declare a key column and read a violation.
//!
//! Every other statement is built for the connection's database from one description. SQLite is the one that is wired up.

use std::time::Duration;

use sea_orm::sea_query::ColumnDef;
use sea_orm::{
    ConnectOptions, Database, DatabaseConnection, DatabaseTransaction, DbErr, SqlErr, SqliteTransactionMode,
    TransactionOptions, TransactionTrait,
};

use crate::Location;

/// How long a writer waits for another process's write before it gives up.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a caller waits for a connection that others of this process use.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(30);

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// The one connection that writes.
    Writer,
    /// A few that only read.
    Reader,
}

/// Opens the connections of a role.
pub(crate) async fn connect(location: &Location, role: Role) -> Result<DatabaseConnection, DbErr> {
    let mut options = ConnectOptions::new("sqlite::memory:");
    options
        .max_connections(if role == Role::Writer { 1 } else { 2 })
        .min_connections(u32::from(role == Role::Writer))
        .acquire_timeout(ACQUIRE_TIMEOUT)
        // A connection to a file does not go stale; in memory, the database would go with it.
        .idle_timeout(None::<Duration>)
        .max_lifetime(None::<Duration>)
        .test_before_acquire(false)
        .record_stmt_in_spans(false)
        .sqlx_logging(false);
    let location = location.clone();
    options.map_sqlx_sqlite_opts(move |sqlite| {
        let sqlite = sqlite.foreign_keys(false).busy_timeout(BUSY_TIMEOUT).pragma("mmap_size", "0");
        match (&location, role) {
            // Negative sizes are in KiB. A marketplace has many stores open; the operating system caches the files anyway.
            (Location::Memory, _) => sqlite,
            (Location::File(path), Role::Reader) => sqlite
                .in_memory(false)
                .shared_cache(false)
                .filename(path)
                .pragma("cache_size", "-512")
                .pragma("query_only", "ON"),
            (Location::File(path), Role::Writer) => sqlite
                .in_memory(false)
                .shared_cache(false)
                .filename(path)
                .create_if_missing(true)
                .pragma("journal_mode", "WAL")
                // A commit that was answered survives a power cut.
                .pragma("synchronous", "FULL")
                .pragma("cache_size", "-1024")
                .pragma("journal_size_limit", "4194304"),
        }
    });
    Database::connect(options).await
}

/// Begins a transaction that holds the right to write from its start: what it reads stays true until it commits.
pub(crate) async fn begin(writer: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    let options = TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    };
    writer.begin_with_options(options).await
}

/// Whether another process holds the database just now.
pub(crate) fn is_busy(error: &DbErr) -> bool {
    let text = error.to_string();
    text.contains("database is locked") || text.contains("database table is locked")
}

/// Makes a column one for ids and text keys: compared bytewise, able to hold the longest key. SQLite's texts compare so.
pub(crate) fn key_text(column: &mut ColumnDef) -> &mut ColumnDef {
    column.text()
}

/// A unique constraint that a statement violated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Violation {
    /// The columns of the constraint, as `table.column`.
    columns: Vec<String>,
}

impl Violation {
    /// The violation that made a statement fail, if it was one.
    pub(crate) fn of(error: &DbErr) -> Option<Self> {
        let Some(SqlErr::UniqueConstraintViolation(message)) = error.sql_err() else { return None };
        // SQLite names the columns: `UNIQUE constraint failed: kettle.id`.
        let columns = message.rsplit_once("failed: ").map_or("", |(_, columns)| columns);
        Some(Self { columns: columns.split(", ").map(str::to_owned).collect() })
    }

    /// Whether it is the constraint that `column` is unique by itself.
    pub(crate) fn is_of(&self, table: &str, column: &str) -> bool {
        matches!(&self.columns[..], [only] if only.strip_prefix(table).and_then(|rest| rest.strip_prefix('.')) == Some(column))
    }
}
