//! MySQL and MariaDB.

use std::time::Duration;

use sea_orm::{ConnectOptions, Database, DatabaseConnection, DbErr};
use sqlx::{ConnectOptions as _, Executor as _};

use crate::ServerAddress;

/// How long a call waits for a connection: others of this process use them, or the server is away.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(8);
const IDLE_TIMEOUT: Duration = Duration::from_secs(600);
const LONGEST_LIFE: Duration = Duration::from_secs(1800);

/// What every connection begins with. Reading what others have committed keeps insertions from locking gaps; nobody waits long
/// for a lock; and what does not fit is refused, not cut.
const SESSION: [&str; 3] = [
    "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
    "SET SESSION innodb_lock_wait_timeout = 5",
    "SET SESSION sql_mode = CONCAT(@@sql_mode, ',STRICT_ALL_TABLES')",
];

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
        .map_sqlx_mysql_opts(|options| options.disable_statement_logging())
        .map_sqlx_mysql_pool_opts(|pool| {
            pool.after_connect(|connection, _| {
                Box::pin(async move {
                    for statement in SESSION {
                        connection.execute(statement).await?;
                    }
                    Ok(())
                })
            })
        });
    Database::connect(options).await
}
