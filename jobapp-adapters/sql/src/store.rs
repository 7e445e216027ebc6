//! The store of a service.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jobapp_kernel::{Aggregate, Clock, Leases, Outbox, Repository, RepositoryError, Sequence, Timestamp, Turns};
use sea_orm::sea_query::{Expr, ExprTrait, Query};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr};
use tokio::sync::Notify;

use crate::config::Headers;
use crate::connections::Connections;
use crate::dialect;
use crate::outbox::OutboxStatements;
use crate::repository::SqlRepository;
use crate::seal::{self, Seal};
use crate::tables::{self, INBOX, OUTBOX};
use crate::{Fault, Location, SqlConfig, SqlStoreError, migration};

/// How long a handled cause is remembered.
const INBOX_AGE: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// The database's `user_version` once everything in its outbox is sealed.
const SEALED: i64 = 1;

/// The aggregates, outbox, inbox and sequences of one service in one database. A clone is another handle.
#[derive(Clone)]
pub struct SqlStore {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) connections: Connections,
    pub(crate) location: Location,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) headers: Option<Headers>,
    pub(crate) seal: Option<Seal>,
    pub(crate) changed: Notify,
    pub(crate) outbox: OutboxStatements,
    pub(crate) turns: Turns,
}

impl fmt::Debug for SqlStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqlStore").field("location", &self.inner.location).finish_non_exhaustive()
    }
}

impl SqlStore {
    /// Opens the database, and makes it with its folder if it is missing.
    ///
    /// # Errors
    /// [`SqlStoreError::Folder`] and [`SqlStoreError::Open`] name the path that cannot be used.
    pub async fn open(config: SqlConfig) -> Result<Self, SqlStoreError> {
        let SqlConfig { location, clock, headers, seal } = config;
        let connections = Connections::open(&location).await?;
        let failed = |source| SqlStoreError::Open { location: location.to_string(), source };
        prepare(&connections).await.map_err(failed)?;
        seal_outbox(&connections, &location, seal.as_ref()).await.map_err(failed)?;
        let outbox = OutboxStatements::new(connections.backend());
        let (changed, turns) = (Notify::new(), Turns::default());
        let inner = Inner { connections, location, clock, headers, seal, changed, outbox, turns };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The repository of one kind of aggregate. Makes its table, or brings it up to date with the declared keys: the columns
    /// of a new key are filled from the stored values before this returns, in one transaction.
    ///
    /// Columns and index of a key that is no longer declared, or declared otherwise, are removed. What a key reads or
    /// sorts by is not seen from outside: when that changes, the key needs a new name.
    ///
    /// # Errors
    /// [`SqlStoreError::Migrate`] and [`SqlStoreError::NotUnique`]; the table is then as it was before.
    pub async fn register<A: Aggregate>(&self) -> Result<Arc<dyn Repository<A>>, SqlStoreError> {
        migration::bring_up_to_date::<A>(&self.inner.connections, &self.inner.location).await?;
        Ok(Arc::new(SqlRepository::<A>::new(Arc::clone(&self.inner))))
    }

    /// The outbox of all kinds.
    pub fn outbox(&self) -> Arc<dyn Outbox> {
        Arc::new(self.clone())
    }

    /// The sequences.
    pub fn sequence(&self) -> Arc<dyn Sequence> {
        Arc::new(self.clone())
    }

    /// The leases.
    pub fn leases(&self) -> Arc<dyn Leases> {
        Arc::new(self.clone())
    }

    /// The connection that writes, for read models with tables of their own beside the store's. It is one connection: a
    /// transaction left open on it holds up every save.
    pub fn database(&self) -> &DatabaseConnection {
        &self.inner.connections.writer
    }

    /// Forgets causes that were handled more than 30 days before `now`, and returns how many. To be called now and then.
    ///
    /// # Errors
    /// [`RepositoryError::Unavailable`] when the store is away.
    pub async fn prune(&self, now: Timestamp) -> Result<u64, RepositoryError> {
        let failed = |error: DbErr| RepositoryError::unavailable("forget old causes", error);
        let old = Expr::col("at").lt(now.minus(INBOX_AGE).as_millis());
        let mut forgotten = 0;
        loop {
            // In small transactions, so that no save waits long.
            let keys = Query::select().column("key").from(INBOX).and_where(old.clone()).limit(500).take();
            let keys = self.inner.connections.ask(&keys).await.map_err(failed)?;
            if keys.is_empty() {
                return Ok(forgotten);
            }
            let keys: Vec<String> =
                keys.iter().map(|row| row.try_get_by_index(0)).collect::<Result<_, _>>().map_err(failed)?;
            let delete = Query::delete().from_table(INBOX).and_where(Expr::col("key").is_in(keys)).take();
            let done = self.inner.connections.writer.execute(&delete).await.map_err(failed)?;
            forgotten += done.rows_affected();
        }
    }

    /// What is wrong with the database; `None` while all is well, which costs next to nothing to know. After a failed write it is
    /// tried whether another one succeeds.
    pub async fn fault(&self) -> Option<Fault> {
        self.inner.connections.condition.fault(&self.inner.connections.writer).await
    }

    /// Closes the database when its connections are idle. Later calls fail as unavailable.
    ///
    /// # Errors
    /// [`RepositoryError::Unavailable`] when the database does not let go.
    pub async fn close(&self) -> Result<(), RepositoryError> {
        self.inner.connections.close().await.map_err(|error| RepositoryError::unavailable("close", error))
    }
}

impl Inner {
    pub(crate) fn backend(&self) -> DbBackend {
        self.connections.backend()
    }
}

/// Makes the tables every store has. Even when they are there it asks for the right to write, so that a store that cannot be
/// written to fails here and not at its first change.
async fn prepare(connections: &Connections) -> Result<(), DbErr> {
    let transaction = connections.begin().await?;
    for table in tables::common() {
        transaction.execute(&table).await?;
    }
    for index in tables::common_indexes() {
        transaction.execute(&index).await?;
    }
    transaction.commit().await
}

/// Seals what waits in the outbox in clear, once, and writes the database anew: what was there before is still in its free pages.
async fn seal_outbox(connections: &Connections, location: &Location, seal: Option<&Seal>) -> Result<(), DbErr> {
    let is_sealed = dialect::user_version(&connections.writer).await? >= SEALED;
    let Some(seal) = seal else {
        return if is_sealed {
            Err(DbErr::Custom("its outbox is sealed, and no key was given".to_owned()))
        } else {
            Ok(())
        };
    };
    if is_sealed {
        return Ok(());
    }
    if !dialect::was_ever_used(&connections.writer, OUTBOX).await? {
        return dialect::set_user_version(&connections.writer, SEALED).await;
    }
    let transaction = connections.begin().await?;
    let waiting = Query::select().columns(["seq", "id", "event"]).from(OUTBOX).take();
    for row in transaction.query_all(&waiting).await? {
        let (seq, id): (i64, String) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
        // What is no text was never readable.
        let Ok(event) = row.try_get_by_index::<String>(2) else { continue };
        // Another process may have begun and not come to the end.
        let Ok(clear) = seal::open_text(Some(seal), event, &id) else { continue };
        let sealed = seal.close_text(&clear, &id)?;
        let update = Query::update().table(OUTBOX).value("event", sealed).and_where(Expr::col("seq").eq(seq)).take();
        transaction.execute(&update).await?;
    }
    transaction.commit().await?;
    if dialect::forget_what_was(&connections.writer).await? {
        return dialect::set_user_version(&connections.writer, SEALED).await;
    }
    tracing::warn!(database = %location, "another program reads a database: what it has in clear is overwritten at the next start");
    Ok(())
}
