//! The store of a service.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jobapp_kernel::{Aggregate, Inventory, Leases, Outbox, Repository, RepositoryError, Sequence, Timestamp, Turns};
use jobapp_reviews::ReviewAnalytics;
use sea_orm::sea_query::{Expr, ExprTrait, Query};
use sea_orm::{ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbErr};
use tokio::sync::Notify;

use crate::analytics::{self, SqlAnalytics};
use crate::connections::{Connections, Pool};
use crate::dialect::{self, Exclusive, schema};
use crate::flags;
use crate::inner::Inner;
use crate::outbox::{Hands, OutboxStatements, TURN};
use crate::repository::SqlRepository;
use crate::sealing::seal_outbox;
use crate::statement::few_sizes;
use crate::tables::{self, Names};
use crate::task::to_the_end;
use crate::{Fault, Location, SqlConfig, SqlStoreError, migration};

/// How long a handled cause is remembered.
const INBOX_AGE: Duration = Duration::from_secs(30 * 24 * 60 * 60);

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
        let told = location.to_string();
        let (connections, names, location, seal) = to_the_end(async move {
            prepare(&connections, &names, &location).await?;
            seal_outbox(&connections, &names, &location, seal.as_ref()).await?;
            Ok((connections, names, location, seal))
        })
        .await
        .and_then(|prepared| prepared)
        .map_err(|source| SqlStoreError::Open { location: told, source })?;
        let outbox = OutboxStatements::new(connections.backend(), &names);
        let (changed, turns, hands) = (Notify::new(), Turns::default(), Hands::default());
        let inner = Inner { connections, names, location, clock, headers, seal, changed, outbox, hands, turns };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Opens the database as it is: nothing is made, brought up to date or sealed, and no key is needed. For its [`Inventory`] alone.
    ///
    /// # Errors
    /// As [`SqlStore::open`].
    pub async fn attach(config: SqlConfig) -> Result<Self, SqlStoreError> {
        let SqlConfig { location, clock, headers, namespace, .. } = config;
        let names = Names::of(namespace);
        let connections = Connections::open(&location).await?;
        let outbox = OutboxStatements::new(connections.backend(), &names);
        let (changed, turns, hands) = (Notify::new(), Turns::default(), Hands::default());
        let inner = Inner { connections, names, location, clock, headers, seal: None, changed, outbox, hands, turns };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Looks whether the database can be had, and changes nothing.
    ///
    /// # Errors
    /// As [`SqlStore::open`].
    pub async fn look(config: SqlConfig) -> Result<(), SqlStoreError> {
        let location = config.location;
        let failed = |source: DbErr| SqlStoreError::Open { location: location.to_string(), source };
        let connections = Connections::open(&location).await?;
        connections.writer().ping().await.map_err(failed)?;
        connections.close().await.map_err(failed)
    }

    /// The repository of one kind of aggregate. Makes its table, or brings it up to date with the declared keys: the columns
    /// of a new key are filled from the stored values before this returns, in one transaction.
    ///
    /// Columns and index of a key that is no longer declared, or declared otherwise, are removed. What a key reads or
    /// sorts by is not seen from outside: when that changes, the key needs a new name.
    ///
    /// Other processes may do the same at once, and others go on with the old keys meanwhile.
    ///
    /// # Errors
    /// [`SqlStoreError::Migrate`] and [`SqlStoreError::NotUnique`]; the table is then as it was before, except that on MySQL a key
    /// that was to be declared otherwise is gone.
    pub async fn register<A: Aggregate>(&self) -> Result<Arc<dyn Repository<A>>, SqlStoreError> {
        let inner = Arc::clone(&self.inner);
        let migration =
            async move { migration::bring_up_to_date::<A>(&inner.connections, &inner.names, &inner.location).await };
        to_the_end(migration).await.map_err(|source| SqlStoreError::Migrate {
            aggregate: A::NAME,
            location: self.inner.location.to_string(),
            source: source.into(),
        })??;
        Ok(Arc::new(SqlRepository::<A>::new(Arc::clone(&self.inner))))
    }

    /// The outbox of all kinds.
    pub fn outbox(&self) -> Arc<dyn Outbox> {
        Arc::new(self.clone())
    }

    /// How it is, from outside.
    pub fn inventory(&self) -> Arc<dyn Inventory> {
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

    /// The read model of reviews, in tables of its own beside the store's. Makes them when they are missing.
    ///
    /// # Errors
    /// [`SqlStoreError::Migrate`].
    pub async fn analytics(&self) -> Result<Arc<dyn ReviewAnalytics>, SqlStoreError> {
        let prepared = to_the_end(analytics::prepare(Arc::clone(&self.inner))).await.and_then(|prepared| prepared);
        prepared.map_err(|source| SqlStoreError::Migrate {
            aggregate: "rating",
            location: self.inner.location.to_string(),
            source: source.into(),
        })?;
        Ok(Arc::new(SqlAnalytics::new(Arc::clone(&self.inner))))
    }

    /// The connection that writes, for read models with tables of their own beside the store's. In SQLite it is one connection: a
    /// transaction left open on it holds up every save. Whoever begins a transaction must bring it to its end: drop no call
    /// that begins or commits one.
    pub fn database(&self) -> DatabaseConnection {
        self.inner.connections.writer()
    }

    /// How many connections there are to a server; `None` for a file or memory.
    pub fn pool(&self) -> Option<Pool> {
        self.inner.connections.pool()
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
                keys.iter().map(|row| dialect::text(row, 0)).collect::<Result<_, _>>().map_err(failed)?;
            let delete = Query::delete()
                .from_table(self.inner.names.inbox.clone())
                .and_where(Expr::col("key").is_in(few_sizes(keys)))
                .take();
            forgotten += self.inner.connections.execute(&delete).await.map_err(failed)?;
        }
    }

    /// What is wrong with the database; `None` while all is well, which costs next to nothing to know. After a failed write it is
    /// tried whether another one succeeds.
    pub async fn fault(&self) -> Option<Fault> {
        self.inner.connections.condition.fault(self.inner.connections.writer(), &self.inner.names.leases).await
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
async fn prepare(connections: &Connections, names: &Names, location: &Location) -> Result<(), DbErr> {
    let exclusive = Exclusive::begin(connections.writer(), location, &names.store()).await?;
    match make_tables(&exclusive.transaction, names).await {
        Ok(()) => exclusive.commit().await,
        Err(error) => Err(exclusive.undo(error).await),
    }
}

async fn make_tables(transaction: &DatabaseTransaction, names: &Names) -> Result<(), DbErr> {
    let backend = transaction.get_database_backend();
    for table in tables::common(backend, names) {
        transaction.execute(&table).await?;
    }
    for (index, (table, name)) in tables::common_indexes(names) {
        if !schema::has_index(transaction, &table, &name).await? {
            transaction.execute(&index).await?;
        }
    }
    if dialect::has_many_writers(backend) {
        flags::raise(transaction, names, TURN).await?;
    }
    Ok(())
}
