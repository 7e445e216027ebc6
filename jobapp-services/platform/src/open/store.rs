//! The store of a service, whatever keeps it.

mod kept;

use std::collections::BTreeMap;
#[cfg(any(feature = "mongodb", feature = "mysql", feature = "postgres"))]
use std::pin::Pin;
use std::sync::Arc;

use jobapp_kernel::{Aggregate, Inventory, Layout, Leases, Outbox, Repository, RepositoryError, Sequence, Timestamp};
use jobapp_memory::MemoryStore;
#[cfg(feature = "mongodb")]
use jobapp_mongo::{MongoConfig, MongoStore, MongoStoreError};
use jobapp_reviews::{ReviewAnalytics, StoredAnalytics};
use jobapp_runtime::SystemClock;
#[cfg(any(feature = "mysql", feature = "postgres"))]
use jobapp_sql::{SqlConfig, SqlStore, SqlStoreError};
#[cfg(feature = "sqlite")]
use jobapp_sqlite::{OpenError as SqliteOpenError, Seal, SqliteConfig, SqliteStore};
use jobapp_telemetry::Traces;
use parking_lot::Mutex;

use super::{Address, OpenError, SealingKey};

pub use self::kept::{Kept, KeptValue};

/// How its addresses look.
const KNOWN: &[&str] = &[
    "memory:",
    #[cfg(feature = "sqlite")]
    "sqlite:<file>",
    #[cfg(feature = "postgres")]
    "postgres://<user>:<password>@<host>/<database>",
    #[cfg(feature = "mysql")]
    "mysql://<user>:<password>@<host>/<database>",
    #[cfg(feature = "mongodb")]
    "mongodb://<user>:<password>@<host>/<database>",
];

/// The connections to a database server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pool {
    /// How many are open.
    pub open: u32,
    /// How many of them nobody uses.
    pub idle: usize,
    /// How many there may be.
    pub most: u32,
}

/// The store of one service: its aggregates, outbox, inbox and sequences. A clone is another handle.
#[derive(Clone)]
pub struct Store {
    technology: Technology,
    /// What was asked for so far, by the name of its kind.
    kept: Arc<Mutex<BTreeMap<&'static str, Arc<dyn Kept>>>>,
    /// Whether its calls are traced.
    is_traced: bool,
    /// What it is, in the words of OpenTelemetry where it has one.
    system: &'static str,
}

#[derive(Clone)]
enum Technology {
    Memory(MemoryStore),
    #[cfg(feature = "sqlite")]
    Sqlite(SqliteStore),
    #[cfg(any(feature = "mysql", feature = "postgres"))]
    Sql(SqlStore),
    #[cfg(feature = "mongodb")]
    Mongo(MongoStore),
}

impl From<MemoryStore> for Store {
    fn from(store: MemoryStore) -> Self {
        Self { technology: Technology::Memory(store), kept: Arc::default(), is_traced: false, system: "memory" }
    }
}

#[cfg(feature = "sqlite")]
impl From<SqliteStore> for Store {
    fn from(store: SqliteStore) -> Self {
        Self { technology: Technology::Sqlite(store), kept: Arc::default(), is_traced: false, system: "sqlite" }
    }
}

#[cfg(any(feature = "mysql", feature = "postgres"))]
impl From<SqlStore> for Store {
    fn from(store: SqlStore) -> Self {
        Self { technology: Technology::Sql(store), kept: Arc::default(), is_traced: false, system: "other_sql" }
    }
}

#[cfg(feature = "mongodb")]
impl From<MongoStore> for Store {
    fn from(store: MongoStore) -> Self {
        Self { technology: Technology::Mongo(store), kept: Arc::default(), is_traced: false, system: "mongodb" }
    }
}

impl Store {
    /// An empty store in memory.
    pub fn in_memory() -> Self {
        MemoryStore::with(Arc::new(SystemClock), Some(headers())).into()
    }

    /// The same, whose calls belong to the traces they are made in, if there are any.
    #[must_use]
    pub fn traced(self, traces: &Traces) -> Self {
        Self { is_traced: traces.is_on(), ..self }
    }

    /// Opens the store at this address. With a key, what waits to be published is sealed, where it can be.
    ///
    /// # Errors
    /// [`OpenError`] when that cannot be done, or nothing here opens such an address.
    pub async fn open(address: &Address, key: Option<SealingKey>) -> Result<Self, OpenError> {
        match address.scheme() {
            "memory" => Ok(Self::in_memory()),
            #[cfg(feature = "sqlite")]
            "sqlite" => {
                let config = SqliteConfig::file(address.path()).headers(headers()).patient(jobapp_runtime::is_behind);
                let config = SqliteConfig { seal: key.map(Seal::new), ..config };
                SqliteStore::open(config).await.map(Self::from).map_err(refused)
            }
            #[cfg(feature = "postgres")]
            "postgres" | "postgresql" => Self::on_server(address, key).await,
            #[cfg(feature = "mysql")]
            "mysql" | "mariadb" => Self::on_server(address, key).await,
            #[cfg(feature = "mongodb")]
            "mongodb" | "mongodb+srv" => {
                let config = MongoConfig { seal: key.map(jobapp_mongo::Seal::new), ..mongo(address)? };
                boxed(MongoStore::open(config)).await.map(Self::from).map_err(not_had)
            }
            _ => {
                let _ = key;
                Err(OpenError::unknown(address, "a store", KNOWN))
            }
        }
    }

    /// Looks whether this is the address of a store, without looking whether there is one.
    pub(super) fn check(address: &Address) -> Result<(), OpenError> {
        match address.scheme() {
            "memory" => Ok(()),
            #[cfg(feature = "sqlite")]
            "sqlite" => Ok(()),
            #[cfg(feature = "postgres")]
            "postgres" | "postgresql" => server(address).map(drop),
            #[cfg(feature = "mysql")]
            "mysql" | "mariadb" => server(address).map(drop),
            #[cfg(feature = "mongodb")]
            "mongodb" | "mongodb+srv" => mongo(address).map(drop),
            _ => Err(OpenError::unknown(address, "a store", KNOWN)),
        }
    }

    /// Looks whether the store at this address can be had, and changes nothing.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub async fn look(address: &Address) -> Result<(), OpenError> {
        match address.scheme() {
            "memory" => Ok(()),
            #[cfg(feature = "sqlite")]
            "sqlite" => folder_of(address.path()),
            #[cfg(feature = "postgres")]
            "postgres" | "postgresql" => boxed(SqlStore::look(server(address)?)).await.map_err(unreached),
            #[cfg(feature = "mysql")]
            "mysql" | "mariadb" => boxed(SqlStore::look(server(address)?)).await.map_err(unreached),
            #[cfg(feature = "mongodb")]
            "mongodb" | "mongodb+srv" => boxed(MongoStore::look(mongo(address)?)).await.map_err(not_had),
            _ => Err(OpenError::unknown(address, "a store", KNOWN)),
        }
    }

    /// Tells how the store at this address is, from outside, as it is: nothing is made, brought up to date or sealed.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub async fn inventory_at(address: &Address) -> Result<Arc<dyn Inventory>, OpenError> {
        match address.scheme() {
            "memory" => Err(OpenError::of("a store in memory is seen by its own process alone")),
            #[cfg(feature = "sqlite")]
            "sqlite" if !address.path().exists() => Ok(MemoryStore::new().inventory()),
            #[cfg(feature = "sqlite")]
            "sqlite" => {
                let store = SqliteStore::attach(SqliteConfig::file(address.path())).await;
                store.map(|store| store.inventory()).map_err(refused)
            }
            #[cfg(feature = "postgres")]
            "postgres" | "postgresql" => attached(address).await,
            #[cfg(feature = "mysql")]
            "mysql" | "mariadb" => attached(address).await,
            #[cfg(feature = "mongodb")]
            "mongodb" | "mongodb+srv" => {
                let store = boxed(MongoStore::attach(mongo(address)?)).await;
                store.map(|store| store.inventory()).map_err(not_had)
            }
            _ => Err(OpenError::unknown(address, "a store", KNOWN)),
        }
    }

    #[cfg(any(feature = "mysql", feature = "postgres"))]
    async fn on_server(address: &Address, key: Option<SealingKey>) -> Result<Self, OpenError> {
        let config = server(address)?;
        let config = match key {
            Some(key) => config.sealed(jobapp_sql::Seal::new(key)),
            None => config,
        };
        let system = match address.scheme() {
            "postgres" | "postgresql" => "postgresql",
            "mariadb" => "mariadb",
            _ => "mysql",
        };
        let opened = boxed(SqlStore::open(config)).await.map_err(unreached)?;
        Ok(Self { system, ..Self::from(opened) })
    }

    /// The repository of one kind of aggregate, made or brought up to date with its declared keys.
    ///
    /// # Errors
    /// [`OpenError`] when that cannot be done.
    pub async fn repository<A: Aggregate>(&self) -> Result<Arc<dyn Repository<A>>, OpenError> {
        let repository = self.unlisted().await?;
        self.kept.lock().insert(A::NAME, kept::of(Arc::clone(&repository)));
        Ok(if self.is_traced { jobapp_telemetry::traced(self.system, repository) } else { repository })
    }

    /// The same, which is not among what was [asked for](Store::kept).
    async fn unlisted<A: Aggregate>(&self) -> Result<Arc<dyn Repository<A>>, OpenError> {
        Ok(match &self.technology {
            Technology::Memory(store) => store.repository::<A>(),
            #[cfg(feature = "sqlite")]
            Technology::Sqlite(store) => store.register::<A>().await.map_err(refused)?,
            #[cfg(any(feature = "mysql", feature = "postgres"))]
            Technology::Sql(store) => boxed(store.register::<A>()).await.map_err(unreached)?,
            #[cfg(feature = "mongodb")]
            Technology::Mongo(store) => boxed(store.register::<A>()).await.map_err(not_had)?,
        })
    }

    /// The read model of reviews: in tables of its own where the store is a database of tables on a server. It is not among what is
    /// [kept](Store::kept), since it follows from the reviews.
    ///
    /// # Errors
    /// [`OpenError`] when it cannot be had.
    pub async fn analytics(&self) -> Result<Arc<dyn ReviewAnalytics>, OpenError> {
        #[cfg(any(feature = "mysql", feature = "postgres"))]
        if let Technology::Sql(store) = &self.technology {
            return boxed(store.analytics()).await.map_err(unreached);
        }
        Ok(Arc::new(StoredAnalytics::new(self.unlisted().await?, self.unlisted().await?)))
    }

    /// Every kind of aggregate that was asked for so far, by name: for commands that look at all that is stored.
    pub fn kept(&self) -> Vec<Arc<dyn Kept>> {
        self.kept.lock().values().cloned().collect()
    }

    /// What was asked for so far, as this version wants the store to be made for it.
    pub fn layout(&self) -> Layout {
        self.kept.lock().iter().map(|(name, kept)| ((*name).to_owned(), kept.keys())).collect()
    }

    /// How it is, from outside.
    pub fn inventory(&self) -> Arc<dyn Inventory> {
        match &self.technology {
            Technology::Memory(store) => store.inventory(),
            #[cfg(feature = "sqlite")]
            Technology::Sqlite(store) => store.inventory(),
            #[cfg(any(feature = "mysql", feature = "postgres"))]
            Technology::Sql(store) => store.inventory(),
            #[cfg(feature = "mongodb")]
            Technology::Mongo(store) => store.inventory(),
        }
    }

    /// The sequences.
    pub fn sequence(&self) -> Arc<dyn Sequence> {
        match &self.technology {
            Technology::Memory(store) => store.sequence(),
            #[cfg(feature = "sqlite")]
            Technology::Sqlite(store) => store.sequence(),
            #[cfg(any(feature = "mysql", feature = "postgres"))]
            Technology::Sql(store) => store.sequence(),
            #[cfg(feature = "mongodb")]
            Technology::Mongo(store) => store.sequence(),
        }
    }

    /// The outbox of all kinds.
    pub fn outbox(&self) -> Arc<dyn Outbox> {
        match &self.technology {
            Technology::Memory(store) => store.outbox(),
            #[cfg(feature = "sqlite")]
            Technology::Sqlite(store) => store.outbox(),
            #[cfg(any(feature = "mysql", feature = "postgres"))]
            Technology::Sql(store) => store.outbox(),
            #[cfg(feature = "mongodb")]
            Technology::Mongo(store) => store.outbox(),
        }
    }

    /// The leases.
    pub fn leases(&self) -> Arc<dyn Leases> {
        match &self.technology {
            Technology::Memory(store) => store.leases(),
            #[cfg(feature = "sqlite")]
            Technology::Sqlite(store) => store.leases(),
            #[cfg(any(feature = "mysql", feature = "postgres"))]
            Technology::Sql(store) => store.leases(),
            #[cfg(feature = "mongodb")]
            Technology::Mongo(store) => store.leases(),
        }
    }

    /// Forgets causes nobody can repeat any more, and returns how many. To be called now and then.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn prune(&self, now: Timestamp) -> Result<u64, RepositoryError> {
        match &self.technology {
            // What is in memory ends with the process.
            Technology::Memory(_) => {
                let _ = now;
                Ok(0)
            }
            #[cfg(feature = "sqlite")]
            Technology::Sqlite(store) => store.prune(now).await,
            #[cfg(any(feature = "mysql", feature = "postgres"))]
            Technology::Sql(store) => boxed(store.prune(now)).await,
            #[cfg(feature = "mongodb")]
            Technology::Mongo(store) => boxed(store.prune(now)).await,
        }
    }

    /// How many connections there are to its server; `None` where there is none, or its driver does not tell.
    pub fn pool(&self) -> Option<Pool> {
        match &self.technology {
            #[cfg(any(feature = "mysql", feature = "postgres"))]
            Technology::Sql(store) => {
                let jobapp_sql::Pool { open, idle, most } = store.pool()?;
                Some(Pool { open, idle, most })
            }
            _ => None,
        }
    }

    /// What is wrong with it, in words; `None` while all is well, which costs next to nothing to know.
    pub async fn trouble(&self) -> Option<String> {
        match &self.technology {
            Technology::Memory(_) => None,
            #[cfg(feature = "sqlite")]
            Technology::Sqlite(store) => store.fault().await.map(|fault| fault.to_string()),
            #[cfg(any(feature = "mysql", feature = "postgres"))]
            Technology::Sql(store) => boxed(store.fault()).await.map(|fault| fault.to_string()),
            #[cfg(feature = "mongodb")]
            Technology::Mongo(store) => boxed(store.fault()).await.map(|fault| fault.to_string()),
        }
    }

    /// Closes it. Later calls fail as unavailable.
    ///
    /// # Errors
    /// When it does not let go.
    pub async fn close(&self) -> Result<(), RepositoryError> {
        match &self.technology {
            Technology::Memory(_) => Ok(()),
            #[cfg(feature = "sqlite")]
            Technology::Sqlite(store) => {
                store.close().await;
                Ok(())
            }
            #[cfg(any(feature = "mysql", feature = "postgres"))]
            Technology::Sql(store) => boxed(store.close()).await,
            #[cfg(feature = "mongodb")]
            Technology::Mongo(store) => boxed(store.close()).await,
        }
    }
}

/// What events are stored with: the trace that raised them.
fn headers() -> jobapp_memory::Headers {
    Arc::new(jobapp_telemetry::headers)
}

/// A database that another program holds is free once that lets go.
#[cfg(feature = "sqlite")]
pub(super) fn refused(error: SqliteOpenError) -> OpenError {
    if error.is_busy() { OpenError::away(error) } else { OpenError::of(error) }
}

/// A folder that is there, or can be made, is all that a file needs.
#[cfg(feature = "sqlite")]
fn folder_of(path: &std::path::Path) -> Result<(), OpenError> {
    let above = path.ancestors().skip(1).find(|above| above.exists() || above.as_os_str().is_empty());
    match above.filter(|above| !above.as_os_str().is_empty()) {
        Some(above) if !above.is_dir() => Err(OpenError::of(format!("{} is no folder", above.display()))),
        Some(above) if above.metadata().is_ok_and(|metadata| metadata.permissions().readonly()) => {
            Err(OpenError::of(format!("the folder {} cannot be written", above.display())))
        }
        Some(_) | None => Ok(()),
    }
}

#[cfg(any(feature = "mysql", feature = "postgres"))]
fn server(address: &Address) -> Result<SqlConfig, OpenError> {
    SqlConfig::server(&address.url())
        .map(|config| config.headers(headers()))
        .map_err(|error| OpenError::of(format!("{}: {address}: {error}", address.setting())))
}

#[cfg(any(feature = "mysql", feature = "postgres"))]
async fn attached(address: &Address) -> Result<Arc<dyn Inventory>, OpenError> {
    boxed(SqlStore::attach(server(address)?)).await.map(|store| store.inventory()).map_err(unreached)
}

/// A server that cannot be reached may be later.
#[cfg(any(feature = "mysql", feature = "postgres"))]
fn unreached(error: SqlStoreError) -> OpenError {
    if error.is_away() || error.is_busy() { OpenError::away(error) } else { OpenError::of(error) }
}

#[cfg(feature = "mongodb")]
fn mongo(address: &Address) -> Result<MongoConfig, OpenError> {
    MongoConfig::server(&address.url())
        .map(|config| config.headers(headers()))
        .map_err(|error| OpenError::of(format!("{}: {address}: {error}", address.setting())))
}

/// A server that cannot be reached may be later.
#[cfg(feature = "mongodb")]
fn not_had(error: MongoStoreError) -> OpenError {
    if error.is_away() { OpenError::away(error) } else { OpenError::of(error) }
}

/// In a box that hides its type: the futures of database drivers are so deep that the compiler gives up on those around them.
#[cfg(any(feature = "mongodb", feature = "mysql", feature = "postgres"))]
fn boxed<'a, T>(future: impl Future<Output = T> + Send + 'a) -> Pin<Box<dyn Future<Output = T> + Send + 'a>> {
    Box::pin(future)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_unknown_scheme_is_told_with_those_that_are_known_and_the_setting() {
        let address = Address::parse("MYSQL_DB in the environment", "oracle://jobapp:hush@db.test/auth");
        let error = Store::open(&address, None).await.err().unwrap();
        assert!(!error.may_pass());
        assert_eq!(
            error.to_string(),
            format!(
                "MYSQL_DB in the environment: \"oracle://jobapp:***@db.test/auth\" is no address of a store; known are {}",
                KNOWN.join(", ")
            )
        );
    }

    #[cfg(feature = "sqlite")]
    #[tokio::test]
    async fn a_file_is_a_store() {
        let folder = tempfile::tempdir().unwrap();
        let address = Address::new("JOBAPP_STORE", "sqlite", folder.path().join("kettles.db"));
        let store = Store::open(&address, None).await.unwrap();
        assert_eq!((store.outbox().waiting().await.unwrap(), store.trouble().await), (0, None));
        store.close().await.unwrap();
        assert!(folder.path().join("kettles.db").exists());
    }

    #[cfg(feature = "postgres")]
    #[tokio::test]
    async fn an_address_of_a_server_is_told_without_its_password_when_something_is_wrong_with_it() {
        let address = Address::parse("JOBAPP_STORE", "postgres://jobapp:hush@db.test/market?namespace=Order");
        let error = Store::open(&address, None).await.err().unwrap();
        assert!(!error.may_pass());
        let text = error.to_string();
        assert!(text.starts_with("JOBAPP_STORE: postgres://jobapp:***@db.test/market"), "{text}");
        assert!(text.contains("namespace=Order is wrong") && !text.contains("hush"), "{text}");
    }

    #[cfg(feature = "mongodb")]
    #[tokio::test]
    async fn an_address_of_mongodb_is_told_without_its_password_when_something_is_wrong_with_it() {
        for (text, told) in [
            ("mongodb://jobapp:hush@a.test,b.test/market?connections=0", "connections=0 is wrong"),
            ("mongodb+srv://jobapp:hush@db.test", "names no database"),
        ] {
            let address = Address::parse("DATABASE_URL", text);
            for error in [Store::open(&address, None).await.err(), Store::look(&address).await.err()] {
                let error = error.unwrap();
                assert!(!error.may_pass());
                let text = error.to_string();
                assert!(text.starts_with("DATABASE_URL: mongodb") && text.contains(told), "{text}");
                assert!(!text.contains("hush"), "{text}");
            }
        }
    }
}
