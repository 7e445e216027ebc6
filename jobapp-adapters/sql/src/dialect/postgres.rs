//! PostgreSQL.

use sea_orm::{Database, DatabaseConnection, DbErr};
use sqlx::{ConnectOptions as _, Executor as _};

use super::pool;
use crate::ServerAddress;

/// What every connection begins with. Insertions find what others have committed; nobody waits long for a lock; and a transaction
/// that its program has forgotten does not hold its locks for ever.
const SESSION: &str = "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED; \
    SET lock_timeout = '5s'; SET idle_in_transaction_session_timeout = '60s'; SET client_min_messages = 'warning'";

/// Opens connections.
pub(super) async fn connect(
    address: &ServerAddress,
    connections: u32,
    later: bool,
) -> Result<DatabaseConnection, DbErr> {
    let mut options = pool::options(address, connections, later);
    options.map_sqlx_postgres_opts(|options| options.disable_statement_logging()).map_sqlx_postgres_pool_opts(|pool| {
        pool.after_connect(|connection, _| Box::pin(async move { connection.execute(SESSION).await.map(drop) }))
    });
    Database::connect(options).await
}
