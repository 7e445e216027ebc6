//! The store of a service.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use futures::TryStreamExt;
use jobapp_kernel::{Aggregate, Inventory, Leases, Outbox, Repository, RepositoryError, Sequence, Timestamp, Turns};
use mongodb::bson::{Document, doc};
use mongodb::options::IndexOptions;
use mongodb::{Database, IndexModel};
use tokio::sync::Notify;

use crate::clock::ServerClock;
use crate::connection::{Connection, PATIENCE};
use crate::entry::Tickets;
use crate::failure::Failure;
use crate::fields::{GONE, Names, OLDEST};
use crate::inner::Inner;
use crate::repository::MongoRepository;
use crate::{Fault, MongoConfig, MongoStoreError, migration};

/// The lease that is taken only to see whether the database can be written.
const TRIAL: &str = "(trial)";

/// The aggregates, outbox, inbox and sequences of one service in one database. A clone is another handle.
#[derive(Clone)]
pub struct MongoStore {
    pub(crate) inner: Arc<Inner>,
}

impl fmt::Debug for MongoStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MongoStore").field("address", &self.inner.address).finish_non_exhaustive()
    }
}

impl MongoStore {
    /// Opens the database; the first write makes it.
    ///
    /// # Errors
    /// [`MongoStoreError::Open`] when it cannot be reached or written, or is sealed and there is no key.
    pub async fn open(config: MongoConfig) -> Result<Self, MongoStoreError> {
        let inner = Self::connected(config).await?;
        let failed = |failure| MongoStoreError::open(&inner.address, failure);
        let preparing = Arc::clone(&inner);
        inner.connection.run(async move { preparing.prepare().await }).await.map_err(failed)?;
        // As long as it takes: what waits may be much.
        inner.seal_outbox().await.map_err(failed)?;
        Ok(Self { inner })
    }

    /// Opens the database as it is: nothing is made, brought up to date or sealed, and no key is needed. For its [`Inventory`] alone.
    ///
    /// # Errors
    /// As [`MongoStore::open`].
    pub async fn attach(config: MongoConfig) -> Result<Self, MongoStoreError> {
        let inner = Self::connected(MongoConfig { seal: None, ..config }).await?;
        let looking = Arc::clone(&inner);
        let found = inner.connection.run(async move { looking.find_kinds().await }).await;
        found.map_err(|failure| MongoStoreError::open(&inner.address, failure))?;
        Ok(Self { inner })
    }

    async fn connected(config: MongoConfig) -> Result<Arc<Inner>, MongoStoreError> {
        let MongoConfig { address, clock, headers, namespace, seal } = config;
        let connection = Connection::open(&address, PATIENCE).await;
        let connection = connection.map_err(|failure| MongoStoreError::open(&address, failure))?;
        Ok(Arc::new(Inner {
            connection,
            names: Names::of(namespace),
            address,
            clock,
            server_clock: ServerClock::default(),
            headers,
            seal,
            tickets: Tickets::default(),
            changed: Notify::new(),
            turns: Turns::default(),
            kinds: RwLock::new(BTreeSet::new()),
        }))
    }

    /// Looks whether the database can be had, and changes nothing.
    ///
    /// # Errors
    /// As [`MongoStore::open`].
    pub async fn look(config: MongoConfig) -> Result<(), MongoStoreError> {
        let connection = Connection::open(&config.address, PATIENCE).await;
        let connection = connection.map_err(|failure| MongoStoreError::open(&config.address, failure))?;
        connection.end().await;
        Ok(())
    }

    /// The repository of one kind of aggregate. Makes its collection, or brings it up to date with the declared keys: the fields of a new
    /// key are filled from the stored values before this returns.
    ///
    /// Fields and index of a key that is no longer declared, or declared otherwise, are removed. What a key reads or
    /// sorts by is not seen from outside: when that changes, the key needs a new name.
    ///
    /// Other processes may do the same at once, and others go on with the old keys meanwhile.
    ///
    /// # Errors
    /// [`MongoStoreError::Migrate`] and [`MongoStoreError::NotUnique`]; there is nothing of the new keys then, and a key that was to be
    /// declared otherwise is gone.
    pub async fn register<A: Aggregate>(&self) -> Result<Arc<dyn Repository<A>>, MongoStoreError> {
        let inner = Arc::clone(&self.inner);
        let migrating = tokio::spawn(Box::pin(migration::bring_up_to_date::<A>(inner)));
        match migrating.await {
            Ok(done) => done?,
            Err(failed) if failed.is_panic() => std::panic::resume_unwind(failed.into_panic()),
            Err(ended) => {
                let location = self.inner.address.to_string();
                return Err(MongoStoreError::Migrate { aggregate: A::NAME, location, source: ended.into() });
            }
        }
        self.inner.kinds.write().unwrap_or_else(PoisonError::into_inner).insert(A::NAME.to_owned());
        Ok(Arc::new(MongoRepository::<A>::new(Arc::clone(&self.inner))))
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

    /// The database, for read models with collections of their own beside the store's, and for who looks after it.
    pub fn database(&self) -> Database {
        self.inner.connection.database()
    }

    /// Forgets causes that were handled more than 30 days before `now`, except the newest of each aggregate that is there, and returns how
    /// many. Removes what is left of aggregates that were deleted long ago. To be called now and then.
    ///
    /// # Errors
    /// [`RepositoryError::Unavailable`] when the store is away.
    pub async fn prune(&self, now: Timestamp) -> Result<u64, RepositoryError> {
        let failed = |failure: Failure| RepositoryError::unavailable("forget old causes", failure);
        for kind in self.inner.kinds() {
            loop {
                let (store, of_kind) = (Arc::clone(&self.inner), kind.clone());
                let burying = self.inner.connection.run(async move { store.bury(&of_kind, now).await });
                if burying.await.map_err(failed)? == 0 {
                    break;
                }
            }
        }
        let store = Arc::clone(&self.inner);
        self.inner.connection.run(async move { store.forget_causes(now).await }).await.map_err(failed)
    }

    /// What is wrong with the database; `None` while all is well, which costs nothing to know. After a failed call it is tried
    /// whether a write succeeds.
    pub async fn fault(&self) -> Option<Fault> {
        let condition = &self.inner.connection.condition;
        let (fault, is_time) = condition.fault()?;
        if is_time {
            let store = Arc::clone(&self.inner);
            let trying = async move { store.try_to_write().await };
            if self.inner.connection.run(trying).await.is_ok() {
                condition.is_over(fault);
            }
        }
        condition.fault().map(|(fault, _)| fault)
    }

    /// Closes every connection. Later calls fail as unavailable.
    ///
    /// # Errors
    /// None: what does not end in time is left to end by itself.
    pub async fn close(&self) -> Result<(), RepositoryError> {
        self.inner.connection.end().await;
        Ok(())
    }
}

impl Inner {
    /// Makes what every store has. A store that cannot be written to fails here and not at its first change.
    async fn prepare(&self) -> Result<(), Failure> {
        let by_age = IndexModel::builder().keys(doc! {"at": 1}).options(named("by_at")).build();
        self.connection.collection(&self.names.inbox).create_index(by_age).await?;
        self.try_to_write().await?;
        self.find_kinds().await
    }

    /// Learns which kinds of aggregates there are, whoever registered them.
    async fn find_kinds(&self) -> Result<(), Failure> {
        let kinds = self.connection.collection(&self.names.kinds);
        let known: Vec<Document> = kinds.find(doc! {"declared": {"$exists": true}}).await?.try_collect().await?;
        let names = known.iter().filter_map(|kind| kind.get_str("_id").ok().map(str::to_owned));
        self.kinds.write().unwrap_or_else(PoisonError::into_inner).extend(names);
        Ok(())
    }

    async fn try_to_write(&self) -> Result<(), Failure> {
        let leases = self.connection.collection(&self.names.leases);
        let over = doc! {"$set": {"owner": "", "until": 0_i64}};
        leases.update_one(doc! {"_id": TRIAL}, over).upsert(true).await?;
        Ok(())
    }
}

/// The indexes of the documents of every kind of aggregate: sparse, for only a few have what they are about.
pub(crate) fn common_indexes() -> [IndexModel; 2] {
    [(OLDEST, "by_oldest"), (GONE, "by_gone")].map(|(field, name)| {
        let mut options = named(name);
        options.sparse = Some(true);
        IndexModel::builder().keys(doc! {field: 1}).options(options).build()
    })
}

fn named(name: &str) -> IndexOptions {
    IndexOptions::builder().name(name.to_owned()).build()
}
