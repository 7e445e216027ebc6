//! What a database has already, where a change of a table is not undone with its transaction.

use futures::future::BoxFuture;
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, Statement};

/// Asks whether there is a table of this name: a row, or none.
pub(crate) fn table(backend: DbBackend, name: &str) -> Statement {
    let question = match backend {
        DbBackend::MySql => {
            "SELECT 1 FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = ?"
        }
        DbBackend::Sqlite => "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?",
        _ => "SELECT 1 FROM information_schema.tables WHERE table_schema = current_schema() AND table_name = $1",
    };
    Statement::from_sql_and_values(backend, question, [name.into()])
}

/// Whether a table has an index of this name. Asked of MySQL alone: elsewhere "no" is right, since what was begun is undone.
pub(crate) fn has_index<'a>(
    transaction: &'a DatabaseTransaction,
    table: &'a str,
    index: &'a str,
) -> BoxFuture<'a, Result<bool, DbErr>> {
    let question = "SELECT 1 FROM information_schema.statistics \
        WHERE table_schema = DATABASE() AND table_name = ? AND index_name = ? LIMIT 1";
    Box::pin(has(transaction, question, table, index))
}

/// Whether a table has a column of this name. Asked of MySQL alone.
pub(crate) fn has_column<'a>(
    transaction: &'a DatabaseTransaction,
    table: &'a str,
    column: &'a str,
) -> BoxFuture<'a, Result<bool, DbErr>> {
    let question = "SELECT 1 FROM information_schema.columns \
        WHERE table_schema = DATABASE() AND table_name = ? AND column_name = ? LIMIT 1";
    Box::pin(has(transaction, question, table, column))
}

async fn has(transaction: &DatabaseTransaction, question: &str, table: &str, part: &str) -> Result<bool, DbErr> {
    if transaction.get_database_backend() != DbBackend::MySql {
        return Ok(false);
    }
    let question = Statement::from_sql_and_values(DbBackend::MySql, question, [table.into(), part.into()]);
    transaction.query_one_raw(question).await.map(|row| row.is_some())
}
