//! What differs between databases, and nothing else does: how to connect, begin, lock, declare a column and read a failure.
//!
//! Every other statement is built for the connection's database from one description.

mod identity;
mod lock;
mod mysql;
mod pool;
mod postgres;
pub(crate) mod schema;
pub(crate) mod sqlite;
mod violation;

use std::time::Duration;

use sea_orm::sea_query::{ColumnDef, Expr, ExprTrait, Query, TableCreateStatement};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, QueryResult, RuntimeErr, Statement,
    TransactionTrait,
};
use sqlx::mysql::MySqlDatabaseError;
use sqlx::postgres::PgDatabaseError;

use crate::{Location, ServerAddress};

pub(crate) use self::identity::FileIdentity;
pub(crate) use self::lock::Exclusive;
pub(crate) use self::violation::Violation;

/// How many bytes a column for keys takes where that must be said: the longest key.
const KEY_BYTES: u32 = 191;
/// The same for the ids of messages, which are made of a key, a name and two numbers.
const MESSAGE_ID_BYTES: u32 = 400;

/// Opens the connection that writes, or the connections to a server.
pub(crate) async fn connect(location: &Location) -> Result<DatabaseConnection, DbErr> {
    match location {
        Location::File(path) => sqlite::connect_writer(Some(path)).await,
        Location::Memory => sqlite::connect_writer(None).await,
        Location::Server(address) => connect_to(address, address.connections()).await,
    }
}

/// The same as [`connect`], at the first call that needs it.
pub(crate) async fn connect_later(location: &Location) -> Result<DatabaseConnection, DbErr> {
    match location {
        Location::Server(address) => open_pool(address, address.connections(), true).await,
        _ => connect(location).await,
    }
}

async fn connect_to(address: &ServerAddress, connections: u32) -> Result<DatabaseConnection, DbErr> {
    open_pool(address, connections, false).await
}

async fn open_pool(address: &ServerAddress, connections: u32, later: bool) -> Result<DatabaseConnection, DbErr> {
    match address.backend() {
        DbBackend::MySql => Box::pin(mysql::connect(address, connections, later)).await,
        _ => Box::pin(postgres::connect(address, connections, later)).await,
    }
}

/// Begins a transaction. In SQLite it holds the right to write from its start: what it reads stays true until it commits. On a
/// server it reads what others have committed, and what it is about to write waits for theirs.
pub(crate) async fn begin(writer: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    match writer.get_database_backend() {
        DbBackend::Sqlite => sqlite::begin(writer).await,
        _ => writer.begin().await,
    }
}

/// Whether other processes write at the same time as this one.
pub(crate) fn has_many_writers(backend: DbBackend) -> bool {
    backend != DbBackend::Sqlite
}

/// Whether what a transaction does to tables is undone with it; elsewhere each such step commits by itself.
pub(crate) fn undoes_schemas(backend: DbBackend) -> bool {
    backend != DbBackend::MySql
}

/// The database's own time in milliseconds since 1970, as an expression: what ends by it, ends for every process at once. It
/// is that of the statement, which may have waited long since its transaction began.
pub(crate) fn now(backend: DbBackend) -> Expr {
    Expr::cust(match backend {
        DbBackend::MySql => "CAST(ROUND(UNIX_TIMESTAMP(NOW(3)) * 1000) AS SIGNED)",
        DbBackend::Postgres => "CAST(round(extract(epoch FROM clock_timestamp()) * 1000) AS bigint)",
        _ => "CAST(round(unixepoch('now', 'subsec') * 1000) AS INTEGER)",
    })
}

/// So long after the database's own time.
pub(crate) fn in_future(backend: DbBackend, time: Duration) -> Expr {
    now(backend).add(i64::try_from(time.as_millis()).unwrap_or(i64::MAX / 2))
}

/// Makes a column one for ids and text keys: compared bytewise, able to hold the longest key. SQLite's texts compare so;
/// every collation of MySQL that MariaDB has too takes `a` and `a ` for the same.
pub(crate) fn key_text(backend: DbBackend, column: &mut ColumnDef) -> &mut ColumnDef {
    bytewise(backend, column, KEY_BYTES)
}

/// Makes a column one for ids of messages, which is indexed.
pub(crate) fn message_id(backend: DbBackend, column: &mut ColumnDef) -> &mut ColumnDef {
    match backend {
        // As earlier versions made it.
        DbBackend::Sqlite => column.text(),
        _ => bytewise(backend, column, MESSAGE_ID_BYTES),
    }
}

fn bytewise(backend: DbBackend, column: &mut ColumnDef, bytes: u32) -> &mut ColumnDef {
    match backend {
        DbBackend::MySql => column.var_binary(bytes),
        DbBackend::Postgres => column.text().extra("COLLATE \"C\""),
        _ => column.text(),
    }
}

/// Makes a column one for texts of any length.
pub(crate) fn long_text(backend: DbBackend, column: &mut ColumnDef) -> &mut ColumnDef {
    // MySQL's TEXT ends at 64 KiB.
    if backend == DbBackend::MySql { column.custom("longtext") } else { column.text() }
}

/// Makes a column one that numbers the rows.
pub(crate) fn numbering(backend: DbBackend, column: &mut ColumnDef) -> &mut ColumnDef {
    // SQLite numbers only what is called so.
    let column = if backend == DbBackend::Sqlite { column.integer() } else { column.big_integer() };
    column.auto_increment()
}

/// What a table needs besides its columns, whatever the server's defaults are.
pub(crate) fn table_options(backend: DbBackend, table: &mut TableCreateStatement) -> &mut TableCreateStatement {
    if backend == DbBackend::MySql { table.engine("InnoDB").character_set("utf8mb4") } else { table }
}

/// A text of a row, whatever kind of column it is in.
pub(crate) fn text(row: &QueryResult, index: usize) -> Result<String, DbErr> {
    optional_text(row, index)?.ok_or_else(|| DbErr::Type(format!("column {index} has no text")))
}

fn optional_text(row: &QueryResult, index: usize) -> Result<Option<String>, DbErr> {
    if row.try_as_mysql_row().is_some()
        && let Ok(bytes) = row.try_get_by_index::<Option<Vec<u8>>>(index)
    {
        let text = bytes.map(String::from_utf8).transpose();
        return text.map_err(|error| DbErr::Type(format!("column {index} is no text: {error}")));
    }
    row.try_get_by_index(index)
}

/// What a database calls a failure.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Code {
    /// An extended result code.
    Sqlite(i32),
    /// An SQLSTATE.
    Postgres(String),
    /// Its own number: SQLSTATE says less.
    MySql(u16),
    /// The connection is gone, or there was none to be had.
    Lost,
}

/// What the database calls a failure.
pub(crate) fn code_of(error: &DbErr) -> Option<Code> {
    let error = match error {
        DbErr::ConnectionAcquire(_) => return Some(Code::Lost),
        DbErr::Conn(error) | DbErr::Exec(error) | DbErr::Query(error) => error,
        _ => return None,
    };
    let RuntimeErr::SqlxError(error) = error else { return None };
    match &**error {
        sqlx::Error::Database(error) => {
            if let Some(mysql) = error.try_downcast_ref::<MySqlDatabaseError>() {
                Some(Code::MySql(mysql.number()))
            } else if error.try_downcast_ref::<PgDatabaseError>().is_some() {
                error.code().map(|code| Code::Postgres(code.into_owned()))
            } else {
                error.code()?.parse().ok().map(Code::Sqlite)
            }
        }
        // What speaks no such protocol is a proxy before a server that starts, or the rest of a connection that broke.
        sqlx::Error::Io(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => Some(Code::Lost),
        _ => None,
    }
}

/// Whether a transaction failed because of others, so that the same one may succeed in a moment when it is begun anew: the
/// database was busy, or ended a deadlock or a wait for a lock.
pub(crate) fn is_transient(error: &DbErr) -> bool {
    match code_of(error) {
        // The lower byte is the kind: busy, locked.
        Some(Code::Sqlite(code)) => matches!(code & 0xff, 5 | 6),
        Some(Code::Postgres(code)) => matches!(code.as_str(), "40001" | "40P01" | "55P03"),
        // Sequences of statements that were undone in part are rolled back as a whole.
        Some(Code::MySql(number)) => matches!(number, 1205 | 1213),
        Some(Code::Lost) | None => false,
    }
}

/// Whether a connection was lost, or none was to be had: the server may be back already.
pub(crate) fn is_lost(error: &DbErr) -> bool {
    matches!(code_of(error), Some(Code::Lost))
        || matches!(code_of(error), Some(Code::Postgres(code)) if code.starts_with("57P0"))
        || matches!(code_of(error), Some(Code::MySql(1053)))
}

/// Whether another process holds the database just now.
pub(crate) fn is_busy(error: &DbErr) -> bool {
    let text = error.to_string();
    text.contains("database is locked") || text.contains("database table is locked")
}

/// Whether a table has a row.
pub(crate) async fn has_rows(database: &impl ConnectionTrait, table: &str) -> Result<bool, DbErr> {
    let any = Query::select().expr(Expr::val(1)).from(table.to_owned()).limit(1).take();
    database.query_one(&any).await.map(|row| row.is_some())
}

/// Writes as much as an ordinary large write does, and takes it back. `table` has the columns of leases.
pub(crate) async fn try_to_write(writer: &DatabaseConnection, table: &str) -> Result<(), DbErr> {
    if writer.get_database_backend() == DbBackend::Sqlite {
        return sqlite::try_a_large_write(writer).await;
    }
    let transaction = writer.begin().await?;
    let trial = Query::insert()
        .into_table(table.to_owned())
        .columns(["name", "owner", "until"])
        .values_panic(["jobapp trial".into(), "".into(), 0_i64.into()])
        .take();
    let written = transaction.execute(&trial).await;
    let undone = transaction.rollback().await;
    written.and(undone)
}

/// Whether nobody between here and the server can read along.
pub(crate) async fn is_encrypted(database: &DatabaseConnection) -> Result<bool, DbErr> {
    let backend = database.get_database_backend();
    let question = match backend {
        DbBackend::MySql => "SHOW SESSION STATUS LIKE 'Ssl_cipher'",
        _ => "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()",
    };
    let Some(row) = database.query_one_raw(Statement::from_string(backend, question)).await? else { return Ok(false) };
    match backend {
        DbBackend::MySql => Ok(!text(&row, 1)?.is_empty()),
        _ => row.try_get_by_index(0),
    }
}
