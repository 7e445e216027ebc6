//! The open database: one connection that writes and a few that read, or those to a server.

use std::fs::OpenOptions;
use std::io;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use futures::future::BoxFuture;
use sea_orm::sqlx::{Connection, Database, SqliteConnection};
use sea_orm::{
    ConnAcquireErr, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, QueryResult,
    RuntimeErr, Statement, StatementBuilder,
};
use tokio::sync::{Mutex, MutexGuard};

use crate::condition::Condition;
use crate::dialect::{self, sqlite};
use crate::task::to_the_end;
use crate::{Location, SqlStoreError};

/// How long a server may take to answer a call. Longer than a call waits for locks in all.
const PATIENCE: Duration = Duration::from_secs(25);

/// The connections to a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pool {
    /// How many are open.
    pub open: u32,
    /// How many of them nobody uses.
    pub idle: usize,
    /// How many there may be.
    pub most: u32,
}

impl Pool {
    fn of<D: Database>(pool: &sea_orm::sqlx::Pool<D>) -> Self {
        Self { open: pool.size(), idle: pool.num_idle(), most: pool.options().get_max_connections() }
    }
}

/// One writer and a few readers. In memory the writer reads too, since nobody else sees its database; on a server it stands for
/// several connections, which do both.
pub(crate) struct Connections {
    location: Location,
    backend: DbBackend,
    /// Exchanged when a server has become silent.
    writer: RwLock<DatabaseConnection>,
    pub(crate) condition: Arc<Condition>,
    /// Kept and not pooled: giving a connection back to a pool costs about as much as finding a value by its id.
    readers: Vec<Mutex<Option<SqliteConnection>>>,
}

impl Connections {
    /// Opens the database, and makes it with its folder if it is missing.
    pub(crate) async fn open(location: &Location) -> Result<Self, SqlStoreError> {
        let writer = open_writer(location).await?;
        let readers = match location {
            Location::Memory | Location::Server(_) => Vec::new(),
            Location::File(path) => sqlite::connect_readers(path)
                .await
                .map_err(|source| SqlStoreError::Open { location: location.to_string(), source })?,
        };
        if let Location::Server(address) = location
            && !address.is_local()
            && !dialect::is_encrypted(&writer)
                .await
                .map_err(|source| SqlStoreError::Open { location: location.to_string(), source })?
        {
            tracing::warn!(database = %location, "what goes to a database and comes from it can be read on the way: it has no TLS, or none is asked for");
        }
        let readers = readers.into_iter().map(|reader| Mutex::new(Some(reader))).collect();
        Ok(Self {
            location: location.clone(),
            backend: writer.get_database_backend(),
            writer: RwLock::new(writer),
            condition: Arc::new(Condition::of(location)),
            readers,
        })
    }

    pub(crate) fn backend(&self) -> DbBackend {
        self.backend
    }

    /// The connection that writes, or those to a server.
    pub(crate) fn writer(&self) -> DatabaseConnection {
        self.writer.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many connections there are to a server.
    pub(crate) fn pool(&self) -> Option<Pool> {
        let writer = self.writer();
        match self.backend {
            DbBackend::Postgres => Some(Pool::of(writer.get_postgres_connection_pool())),
            DbBackend::MySql => Some(Pool::of(writer.get_mysql_connection_pool())),
            _ => None,
        }
    }

    /// Runs to its end what is begun, whatever becomes of the caller, and tells of a server that does not answer.
    pub(crate) fn to_the_end<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, DbErr>> + Send + 'static,
    ) -> impl Future<Output = Result<T, DbErr>> + Send {
        let answer = tokio::time::timeout(self.patience(), to_the_end(work));
        async move {
            match answer.await {
                Ok(done) => done?,
                Err(_) => {
                    self.connect_anew().await;
                    self.noted(Err(DbErr::ConnectionAcquire(ConnAcquireErr::Timeout)))
                }
            }
        }
    }

    /// How long a call waits for an answer. What a file does takes as long as it takes.
    fn patience(&self) -> Duration {
        if dialect::has_many_writers(self.backend) { PATIENCE } else { Duration::MAX }
    }

    /// Has the next calls take new connections: those that are there may be dead for a quarter of an hour until the system notices.
    async fn connect_anew(&self) {
        tracing::warn!(database = %self.location, "a database does not answer: it is connected to anew");
        match dialect::connect_later(&self.location).await {
            Ok(fresh) => {
                let silent =
                    std::mem::replace(&mut *self.writer.write().unwrap_or_else(PoisonError::into_inner), fresh);
                // Waits until every one of them has been given up.
                tokio::spawn(async move {
                    if let Err(error) = silent.close().await {
                        tracing::debug!(%error, "silent connections were given up");
                    }
                });
            }
            Err(error) => tracing::warn!(%error, database = %self.location, "it cannot be connected to anew"),
        }
    }

    /// Changes something with one statement.
    pub(crate) async fn execute(&self, statement: &impl StatementBuilder) -> Result<u64, DbErr> {
        let (writer, statement) = (self.writer(), StatementBuilder::build(statement, &self.backend));
        let done = self.to_the_end(async move { writer.execute_raw(statement).await }).await;
        self.noted(done).map(|done| done.rows_affected())
    }

    /// Begins a write. In SQLite it waits until every other write is over.
    pub(crate) fn begin(&self) -> BoxFuture<'_, Result<DatabaseTransaction, DbErr>> {
        Box::pin(async move { self.noted(dialect::begin(&self.writer()).await) })
    }

    /// The rows of a question, as of the last commit.
    pub(crate) fn all(&self, question: Statement) -> BoxFuture<'_, Result<Vec<QueryResult>, DbErr>> {
        Box::pin(async move {
            let Some(mut reader) = self.idle_reader().await else {
                let writer = self.writer();
                return self.noted(self.to_the_end(async move { writer.query_all_raw(question).await }).await);
            };
            let reader = reader.as_mut().ok_or(DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed))?;
            self.noted(sqlite::ask(reader, question).await)
        })
    }

    /// A result, of which a failure is noted.
    pub(crate) fn noted<T>(&self, result: Result<T, DbErr>) -> Result<T, DbErr> {
        result.inspect_err(|error| self.condition.note(error))
    }

    /// The only row of a question.
    pub(crate) async fn one(&self, question: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.all(question).await.map(|rows| rows.into_iter().next())
    }

    /// The rows of a question whose text is made for this call.
    pub(crate) async fn ask(&self, question: &impl StatementBuilder) -> Result<Vec<QueryResult>, DbErr> {
        self.all(StatementBuilder::build(question, &self.backend())).await
    }

    /// A reader that nobody uses, or the first that gets free.
    async fn idle_reader(&self) -> Option<MutexGuard<'_, Option<SqliteConnection>>> {
        if let Some(idle) = self.readers.iter().find_map(|reader| reader.try_lock().ok()) {
            return Some(idle);
        }
        let waiting = self.readers.iter().map(|reader| Box::pin(reader.lock()));
        if waiting.len() == 0 {
            return None;
        }
        Some(futures::future::select_all(waiting).await.0)
    }

    /// Closes every connection once it is idle.
    pub(crate) async fn close(&self) -> Result<(), DbErr> {
        for reader in &self.readers {
            if let Some(reader) = reader.lock().await.take() {
                reader.close().await.map_err(|error| DbErr::Conn(RuntimeErr::SqlxError(error.into())))?;
            }
        }
        self.writer().close_by_ref().await
    }
}

/// Opens the connection that writes, and makes the database with its folder if it is missing.
pub(crate) async fn open_writer(location: &Location) -> Result<DatabaseConnection, SqlStoreError> {
    if let Location::File(path) = location
        && let Some(folder) = path.parent()
    {
        make_private_folder(folder).map_err(|source| SqlStoreError::Folder { path: folder.to_owned(), source })?;
        make_private_file(path);
    }
    connect_patiently(location).await.map_err(|source| SqlStoreError::Open { location: location.to_string(), source })
}

/// Connects the writer. The switch to a write-ahead log needs the database for itself for a moment and does not wait for it,
/// so two processes that open a new database together would otherwise disturb each other.
async fn connect_patiently(location: &Location) -> Result<DatabaseConnection, DbErr> {
    let mut pause = Duration::from_millis(10);
    loop {
        match dialect::connect(location).await {
            Err(error) if dialect::is_busy(&error) && pause < Duration::from_secs(4) => {
                tokio::time::sleep(pause).await;
                pause *= 2;
            }
            connected => return connected,
        }
    }
}

/// Makes a folder that only its owner may enter; one that is there stays as it is.
fn make_private_folder(folder: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Makes an empty file that only its owner may read, which the database then takes; its log gets the same rights. What does not
/// succeed here, the database says better.
fn make_private_file(path: &Path) {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => tracing::debug!(file = %path.display(), %error, "a database file could not be made beforehand"),
    }
}
