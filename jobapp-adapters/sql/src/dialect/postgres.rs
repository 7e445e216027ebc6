//! PostgreSQL.

use std::time::Duration;

use sea_orm::{ConnectOptions, Database, DatabaseConnection, DbErr};
use sqlx::{ConnectOptions as _, Executor as _};

use crate::ServerAddress;

/// How long a call waits for a connection: others of this process use them, or the server is away.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(8);
const IDLE_TIMEOUT: Duration = Duration::from_secs(600);
const LONGEST_LIFE: Duration = Duration::from_secs(1800);

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
    let mut options = ConnectOptions::new(address.for_driver());
    options
        .max_connections(connections)
        .min_connections(1)
        .connect_lazy(later)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .idle_timeout(IDLE_TIMEOUT)
        .max_lifetime(LONGEST_LIFE)
        .record_stmt_in_spans(false)
        .sqlx_logging(false)
        .map_sqlx_postgres_opts(|options| options.disable_statement_logging())
        .map_sqlx_postgres_pool_opts(|pool| {
            pool.after_connect(|connection, _| Box::pin(async move { connection.execute(SESSION).await.map(drop) }))
        });
    Database::connect(options).await
}
