//! The store of a service.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jobapp_kernel::{Aggregate, Leases, Outbox, Repository, RepositoryError, Sequence, Timestamp, Turns};
use jobapp_seal::{self as seal, Seal};
use sea_orm::sea_query::{Expr, ExprTrait, Query};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbErr};
use tokio::sync::Notify;

use crate::connections::Connections;
use crate::dialect::{self, Violation};
use crate::error::too_large;
use crate::inner::Inner;
use crate::outbox_statements::OutboxStatements;
use crate::repository::SqlRepository;
use crate::tables::{self, Names};
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
        let SqlConfig { location, clock, headers, namespace, seal } = config;
        let names = Names::of(namespace);
        let connections = Connections::open(&location).await?;
        let failed = |source| SqlStoreError::Open { location: location.to_string(), source };
        prepare(&connections, &names).await.map_err(failed)?;
        seal_outbox(&connections, &names, &location, seal.as_ref()).await.map_err(failed)?;
        let outbox = OutboxStatements::new(connections.backend(), &names.outbox);
        let (changed, turns) = (Notify::new(), Turns::default());
        let inner = Inner { connections, names, location, clock, headers, seal, changed, outbox, turns };
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
        migration::bring_up_to_date::<A>(&self.inner.connections, &self.inner.names, &self.inner.location).await?;
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
            let keys = Query::select()
                .column("key")
                .from(self.inner.names.inbox.clone())
                .and_where(old.clone())
                .limit(500)
                .take();
            let keys = self.inner.connections.ask(&keys).await.map_err(failed)?;
            if keys.is_empty() {
                return Ok(forgotten);
            }
            let keys: Vec<String> =
                keys.iter().map(|row| row.try_get_by_index(0)).collect::<Result<_, _>>().map_err(failed)?;
            let delete = Query::delete()
                .from_table(self.inner.names.inbox.clone())
                .and_where(Expr::col("key").is_in(keys))
                .take();
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

/// Makes the tables every store has. Even when they are there it asks for the right to write, so that a store that cannot be
/// written to fails here and not at its first change.
async fn prepare(connections: &Connections, names: &Names) -> Result<(), DbErr> {
    let transaction = connections.begin().await?;
    for table in tables::common(names) {
        transaction.execute(&table).await?;
    }
    for index in tables::common_indexes(names) {
        transaction.execute(&index).await?;
    }
    transaction.commit().await
}

/// Seals what waits in the outbox in clear, once, and writes the database anew: what was there before is still in its free pages.
async fn seal_outbox(
    connections: &Connections,
    names: &Names,
    location: &Location,
    seal: Option<&Seal>,
) -> Result<(), DbErr> {
    let is_sealed = is_sealed(connections, names).await?;
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
    if !dialect::was_ever_used(&connections.writer, &names.outbox).await? {
        return remember_sealed(connections, names).await;
    }
    let transaction = connections.begin().await?;
    let waiting = Query::select().columns(["seq", "id", "event"]).from(names.outbox.clone()).take();
    for row in transaction.query_all(&waiting).await? {
        let (seq, id): (i64, String) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
        // What is no text was never readable.
        let Ok(event) = row.try_get_by_index::<String>(2) else { continue };
        // Another process may have begun and not come to the end.
        let Ok(clear) = seal::open_text(Some(seal), event, &id) else { continue };
        let sealed = seal.close_text(&clear, &id).map_err(too_large)?;
        let update = Query::update()
            .table(names.outbox.clone())
            .value("event", sealed)
            .and_where(Expr::col("seq").eq(seq))
            .take();
        transaction.execute(&update).await?;
    }
    transaction.commit().await?;
    if dialect::forget_what_was(&connections.writer).await? {
        return remember_sealed(connections, names).await;
    }
    tracing::warn!(database = %location, "another program reads a database: what it has in clear is overwritten at the next start");
    Ok(())
}

/// What says among the keys of a shared database that an outbox is sealed. No aggregate is called so.
const SEAL: [&str; 2] = ["", "sealed"];

/// Whether everything in the outbox was sealed. A store that has its database to itself says so in the database's head.
async fn is_sealed(connections: &Connections, names: &Names) -> Result<bool, DbErr> {
    if !names.is_shared() {
        return Ok(dialect::user_version(&connections.writer).await? >= SEALED);
    }
    let [aggregate, key] = SEAL;
    let said = Query::select()
        .column("key")
        .from(names.keys.clone())
        .and_where(Expr::col("aggregate").eq(aggregate))
        .and_where(Expr::col("key").eq(key))
        .take();
    connections.writer.query_one(&said).await.map(|row| row.is_some())
}

async fn remember_sealed(connections: &Connections, names: &Names) -> Result<(), DbErr> {
    if !names.is_shared() {
        return dialect::set_user_version(&connections.writer, SEALED).await;
    }
    let [aggregate, key] = SEAL;
    let say = Query::insert()
        .into_table(names.keys.clone())
        .columns(["aggregate", "key", "declaration"])
        .values_panic([aggregate.into(), key.into(), "1".into()])
        .take();
    match connections.writer.execute(&say).await {
        // Another process has sealed it in the same moment.
        Err(error) if Violation::of(&error).is_some() => Ok(()),
        said => said.map(drop),
    }
}
