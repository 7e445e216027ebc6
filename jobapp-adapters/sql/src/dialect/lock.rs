//! Tables are changed by one process at a time.

use futures::future::BoxFuture;
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, Statement, TransactionTrait, Value,
};
use sha2::{Digest, Sha256};

use super::{begin, connect_to};
use crate::Location;
use crate::task::undo;

/// How long another process may take to bring the tables up to date, in seconds.
const PATIENCE: i64 = 300;

/// The right to change the tables of a store, which one process has at a time, and a transaction to do so in.
///
/// In SQLite the transaction is the right. PostgreSQL has a lock that ends with the transaction. MySQL commits at each change of
/// a table, so its lock belongs to a connection: one that is opened for this and closed behind it, since on a pooled
/// one the lock would outlive a failure.
pub(crate) struct Exclusive {
    pub(crate) transaction: DatabaseTransaction,
    /// The connection that has the lock, where it is one of its own.
    own: Option<DatabaseConnection>,
}

impl Exclusive {
    /// Waits for the right to change the tables of the store of this name.
    pub(crate) fn begin<'a>(
        writer: DatabaseConnection,
        location: &'a Location,
        store: &'a str,
    ) -> BoxFuture<'a, Result<Self, DbErr>> {
        Box::pin(async move { Self::begun(&writer, location, store).await })
    }

    async fn begun(writer: &DatabaseConnection, location: &Location, store: &str) -> Result<Self, DbErr> {
        match (writer.get_database_backend(), location) {
            (DbBackend::MySql, Location::Server(address)) => {
                let own = connect_to(address, 1).await?;
                let transaction = own.begin().await?;
                let lock = "SELECT GET_LOCK(SHA2(CONCAT(DATABASE(), ?), 224), ?)";
                let values: [Value; 2] = [store.into(), PATIENCE.into()];
                let ask = Statement::from_sql_and_values(DbBackend::MySql, lock, values);
                let got: Option<i64> =
                    transaction.query_one_raw(ask).await?.map_or(Ok(None), |row| row.try_get_by_index(0))?;
                if got != Some(1) {
                    return Err(DbErr::Custom("another process keeps the tables for itself".to_owned()));
                }
                Ok(Self { transaction, own: Some(own) })
            }
            (DbBackend::Postgres, _) => {
                let transaction = begin(writer).await?;
                // As long as it takes: the session's own limit is for rows.
                transaction.execute_unprepared(&format!("SET LOCAL lock_timeout = '{PATIENCE}s'")).await?;
                let lock = "SELECT pg_advisory_xact_lock(hashtextextended(current_schema() || $1, $2))";
                let values: [Value; 2] = [store.into(), seed().into()];
                transaction.query_one_raw(Statement::from_sql_and_values(DbBackend::Postgres, lock, values)).await?;
                Ok(Self { transaction, own: None })
            }
            _ => Ok(Self { transaction: begin(writer).await?, own: None }),
        }
    }

    /// Keeps what was done and lets the next process in.
    pub(crate) fn commit(self) -> BoxFuture<'static, Result<(), DbErr>> {
        Box::pin(async move {
            let done = self.transaction.commit().await;
            close(self.own).await;
            done
        })
    }

    /// Undoes what can be undone, because of a failure, and lets the next process in.
    pub(crate) async fn undo(self, because: DbErr) -> DbErr {
        let because = undo(self.transaction, because).await;
        close(self.own).await;
        because
    }

    /// The same, because of something else.
    pub(crate) fn roll_back(self) -> BoxFuture<'static, Result<(), DbErr>> {
        Box::pin(async move {
            let done = self.transaction.rollback().await;
            close(self.own).await;
            done
        })
    }
}

/// The lock ends with its connection, also when closing it does not go well.
async fn close(own: Option<DatabaseConnection>) {
    if let Some(own) = own
        && let Err(error) = own.close().await
    {
        tracing::debug!(%error, "the connection that had the lock of the tables was gone already");
    }
}

/// What tells these locks from those of other programs in the same database.
fn seed() -> i64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&Sha256::digest(b"jobapp tables")[..8]);
    i64::from_be_bytes(bytes)
}
