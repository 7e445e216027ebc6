//! MySQL and MariaDB.

use sea_orm::{Database, DatabaseConnection, DbErr};
use sqlx::{ConnectOptions as _, Executor as _};

use super::pool;
use crate::ServerAddress;

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
    let mut options = pool::options(address, connections, later);
    options.map_sqlx_mysql_opts(|options| options.disable_statement_logging()).map_sqlx_mysql_pool_opts(|pool| {
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
