//! SQLite: one connection that writes and a few that read.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sea_orm::sea_query::Values;
use sea_orm::sqlx::sqlite::SqliteConnectOptions;
use sea_orm::sqlx::{self, ConnectOptions as _, Connection as _, SqliteConnection};
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, QueryResult,
    RuntimeErr, SqliteTransactionMode, Statement, TransactionOptions, TransactionTrait,
};
use sea_query_sqlx::SqlxValues;

/// How long a writer waits for another process's write before it gives up.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a caller waits for a connection that others of this process use.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(30);

/// How many connections read.
const READERS: usize = 2;

/// Opens the connection that writes; a database in memory has no other.
pub(crate) async fn connect_writer(file: Option<&Path>) -> Result<DatabaseConnection, DbErr> {
    let sqlite = match file {
        None => sqlite().in_memory(true),
        Some(path) => sqlite()
            .filename(path)
            .create_if_missing(true)
            .pragma("journal_mode", "WAL")
            // A commit that was answered survives a power cut.
            .pragma("synchronous", "FULL")
            // Negative sizes are in KiB. A marketplace has many stores open; the operating system caches the files anyway.
            .pragma("cache_size", "-1024")
            .pragma("journal_size_limit", "4194304"),
    };
    let in_file = file.is_some();
    let mut options = ConnectOptions::new("sqlite::memory:");
    options
        .max_connections(1)
        .min_connections(1)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        // A connection to a file does not go stale; in memory, the database would go with it.
        .idle_timeout(None::<Duration>)
        .max_lifetime(None::<Duration>)
        .test_before_acquire(false)
        .record_stmt_in_spans(false)
        .sqlx_logging(false)
        .map_sqlx_sqlite_opts(move |_| sqlite.clone().disable_statement_logging());
    if in_file {
        options.map_sqlx_sqlite_pool_opts(|pool| pool.after_release(|connection, _| Box::pin(is_whole(connection))));
    }
    Database::connect(options).await
}

/// Whether a connection may be used again. On a full disk SQLite ends a transaction by itself; the driver's own rollback then
/// finds none and the driver believes for ever that one is open. Its next "begin" and "commit" would be savepoints, and what
/// they were said to have stored could be lost. Such a connection is closed, and the pool opens another.
async fn is_whole(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    // A transaction that was dropped is rolled back before the answer comes.
    connection.ping().await?;
    Ok(!connection.is_in_transaction())
}

/// Opens the connections that read a file.
pub(crate) async fn connect_readers(path: &Path) -> Result<Vec<SqliteConnection>, DbErr> {
    let options =
        sqlite().filename(path).pragma("cache_size", "-512").pragma("query_only", "ON").disable_statement_logging();
    let connecting = (0..READERS).map(|_| options.connect());
    futures::future::try_join_all(connecting).await.map_err(|error| DbErr::Conn(RuntimeErr::SqlxError(Arc::new(error))))
}

fn sqlite() -> SqliteConnectOptions {
    SqliteConnectOptions::new().foreign_keys(false).busy_timeout(BUSY_TIMEOUT).pragma("mmap_size", "0")
}

/// The rows of a question, asked on a connection that reads.
pub(crate) async fn ask(reader: &mut SqliteConnection, question: Statement) -> Result<Vec<QueryResult>, DbErr> {
    let values = SqlxValues(question.values.unwrap_or(Values(Vec::new())));
    // The text was made by sea-query; whatever came from outside is among the values.
    let rows = sqlx::query_with(sqlx::AssertSqlSafe(question.sql), values).fetch_all(reader).await;
    match rows {
        Ok(rows) => Ok(rows.into_iter().map(QueryResult::from).collect()),
        Err(error) => Err(DbErr::Query(RuntimeErr::SqlxError(Arc::new(error)))),
    }
}

/// Begins a transaction that holds the right to write from its start: what it reads stays true until it commits.
pub(crate) async fn begin(writer: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    let options = TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    };
    writer.begin_with_options(options).await
}

/// Writes more than the cache holds, and takes it back: fails where an ordinary large write would.
pub(crate) async fn try_a_large_write(writer: &DatabaseConnection) -> Result<(), DbErr> {
    let transaction = begin(writer).await?;
    let filled = fill(&transaction).await;
    let undone = transaction.rollback().await;
    filled.and(undone)
}

async fn fill(transaction: &DatabaseTransaction) -> Result<(), DbErr> {
    transaction.execute_unprepared("CREATE TABLE jobapp_trial (filling BLOB)").await?;
    transaction.execute_unprepared("INSERT INTO jobapp_trial VALUES (zeroblob(2097152))").await.map(drop)
}

/// The number a program keeps in the database's head for itself; 0 at first.
pub(crate) async fn user_version(database: &impl ConnectionTrait) -> Result<i64, DbErr> {
    let row = database.query_one_raw(Statement::from_string(DbBackend::Sqlite, "PRAGMA user_version")).await?;
    row.map_or(Ok(0), |row| row.try_get_by_index(0))
}

/// Sets that number.
pub(crate) async fn set_user_version(database: &impl ConnectionTrait, version: i64) -> Result<(), DbErr> {
    database.execute_unprepared(&format!("PRAGMA user_version = {version}")).await.map(drop)
}

/// Whether a table that numbers its rows ever had one.
pub(crate) async fn was_ever_used(database: &impl ConnectionTrait, table: &str) -> Result<bool, DbErr> {
    let sql = "SELECT 1 FROM sqlite_sequence WHERE name = ?";
    let question = Statement::from_sql_and_values(DbBackend::Sqlite, sql, [table.into()]);
    database.query_one_raw(question).await.map(|row| row.is_some())
}

/// Writes the database anew, so that nothing of what was deleted or overwritten is left in its free pages and its log.
///
/// Another program that reads just now keeps the log; then this is to be done again.
pub(crate) async fn forget_what_was(writer: &DatabaseConnection) -> Result<bool, DbErr> {
    writer.execute_unprepared("VACUUM").await?;
    let emptied = Statement::from_string(DbBackend::Sqlite, "PRAGMA wal_checkpoint(TRUNCATE)");
    let row = writer.query_one_raw(emptied).await?;
    let is_held: i64 = row.map_or(Ok(0), |row| row.try_get_by_index(0))?;
    Ok(is_held == 0)
}
