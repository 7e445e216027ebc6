//! The store of a service.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jobapp_kernel::{
    Aggregate, Clock, Inventory, Leases, Outbox, Repository, RepositoryError, Sequence, Timestamp, Turns,
};
use jobapp_seal::Seal;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use tokio::sync::Notify;

use crate::config::Headers;
use crate::database::{Database, Verdict};
use crate::file::{forget_what_was, set_user_version, user_version};
use crate::repository::SqliteRepository;
use crate::tables::COMMON;
use crate::{Fault, Location, OpenError, SqliteConfig, SqliteError, migration};

/// How long a handled cause is remembered.
const INBOX_AGE: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// How many causes are forgotten at once, so that no save waits long.
const FORGOTTEN_AT_ONCE: u32 = 500;
/// The database's `user_version` once everything in its outbox is sealed.
const SEALED: i64 = 1;

/// The aggregates, outbox, inbox and sequences of one service in one database. A clone is another handle.
#[derive(Clone)]
pub struct SqliteStore {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) database: Database,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) headers: Option<Headers>,
    pub(crate) seal: Option<Seal>,
    pub(crate) changed: Notify,
    pub(crate) turns: Turns,
}

impl Inner {
    /// The headers of events that are raised now, by the caller.
    pub(crate) fn headers_now(&self) -> BTreeMap<String, String> {
        self.headers.as_ref().map(|headers| headers()).unwrap_or_default()
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore").field("location", self.inner.database.location()).finish_non_exhaustive()
    }
}

impl SqliteStore {
    /// Opens the database, and makes it with its folder if it is missing.
    ///
    /// # Errors
    /// [`OpenError::Folder`] and [`OpenError::Open`] name the path that cannot be used.
    pub async fn open(config: SqliteConfig) -> Result<Self, OpenError> {
        let SqliteConfig { location, clock, headers, seal, patience } = config;
        let sealing = seal.clone();
        let database = Database::open(location, patience, move |connection, location| {
            prepare(connection)?;
            seal_outbox(connection, location, sealing.as_ref())
        });
        let (changed, turns) = (Notify::new(), Turns::default());
        let inner = Inner { database: database.await?, clock, headers, seal, changed, turns };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Opens the database as it is: nothing is made, brought up to date or sealed, and no key is needed. For its [`Inventory`] alone.
    ///
    /// # Errors
    /// As [`SqliteStore::open`].
    pub async fn attach(config: SqliteConfig) -> Result<Self, OpenError> {
        let SqliteConfig { location, clock, headers, .. } = config;
        let database = Database::open(location, None, |_, _| Ok(()));
        let (changed, turns) = (Notify::new(), Turns::default());
        let inner = Inner { database: database.await?, clock, headers, seal: None, changed, turns };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The repository of one kind of aggregate. Makes its table, or brings it up to date with the declared keys: the columns
    /// of a new key are filled from the stored values before this returns, in one transaction.
    ///
    /// Columns and index of a key that is no longer declared, or declared otherwise, are removed. What a key reads or
    /// sorts by is not seen from outside: when that changes, the key needs a new name.
    ///
    /// # Errors
    /// [`OpenError::Migrate`] and [`OpenError::NotUnique`]; the table is then as it was before.
    pub async fn register<A: Aggregate>(&self) -> Result<Arc<dyn Repository<A>>, OpenError> {
        migration::bring_up_to_date::<A>(&self.inner.database).await?;
        Ok(Arc::new(SqliteRepository::<A>::new(Arc::clone(&self.inner))))
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

    /// Forgets causes that were handled more than 30 days before `now`, and returns how many. To be called now and then.
    ///
    /// # Errors
    /// [`RepositoryError::Unavailable`] when the store is away.
    pub async fn prune(&self, now: Timestamp) -> Result<u64, RepositoryError> {
        let before = now.minus(INBOX_AGE).as_millis();
        let mut forgotten = 0;
        loop {
            let forgetting = move |connection: &Connection| {
                let sql = "DELETE FROM jobapp_inbox WHERE key IN (SELECT key FROM jobapp_inbox WHERE at < ?1 LIMIT ?2)";
                let count = connection.prepare_cached(sql)?.execute(params![before, FORGOTTEN_AT_ONCE])?;
                Ok(if count == 0 { Verdict::Undo(count) } else { Verdict::Keep(count) })
            };
            let count = self.inner.database.note(forgetting).await;
            let count = count.map_err(|error| RepositoryError::unavailable("forget old causes", error))?;
            if count == 0 {
                return Ok(forgotten);
            }
            forgotten += u64::try_from(count).unwrap_or(u64::MAX);
        }
    }

    /// How many transactions were committed since it was opened.
    pub fn commits(&self) -> u64 {
        self.inner.database.commits()
    }

    /// How many of them waited for the disk.
    pub fn waits(&self) -> u64 {
        self.inner.database.waits()
    }

    /// What is wrong with the database; `None` while all is well, which costs next to nothing to know. After a failed write it is
    /// tried whether another one succeeds.
    pub async fn fault(&self) -> Option<Fault> {
        self.inner.database.fault().await
    }

    /// Finishes what it was asked for and closes the database. Later calls fail as unavailable.
    pub async fn close(&self) {
        self.inner.database.close().await;
    }

    /// Runs statements on the connection that writes: for tests of trouble.
    ///
    /// # Errors
    /// What the database says.
    #[doc(hidden)]
    pub async fn run_statements(&self, sql: impl Into<String>) -> Result<(), SqliteError> {
        let sql = sql.into();
        self.inner.database.write(move |connection| Ok(Verdict::Keep(connection.execute_batch(&sql)?))).await
    }

    /// The value of a pragma of the connection that writes: for tests of how it is set.
    ///
    /// # Errors
    /// What the database says.
    #[doc(hidden)]
    pub async fn pragma(&self, name: &'static str) -> Result<String, SqliteError> {
        let asking = move |connection: &Connection| {
            let value: rusqlite::types::Value = connection.pragma_query_value(None, name, |row| row.get(0))?;
            Ok(Verdict::Undo(match value {
                rusqlite::types::Value::Integer(number) => number.to_string(),
                rusqlite::types::Value::Text(text) => text,
                other => format!("{other:?}"),
            }))
        };
        self.inner.database.write(asking).await
    }
}

/// Makes the tables every store has. Even when they are there it asks for the right to write, so that a store that cannot be
/// written to fails here and not at its first change.
fn prepare(connection: &mut Connection) -> Result<(), SqliteError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(COMMON)?;
    transaction.commit()?;
    Ok(())
}

/// Seals what waits in the outbox in clear, once, and writes the database anew: what was there before is still in its free pages.
fn seal_outbox(connection: &mut Connection, location: &Location, seal: Option<&Seal>) -> Result<(), SqliteError> {
    let is_sealed = user_version(connection)? >= SEALED;
    let Some(seal) = seal else {
        return if is_sealed {
            Err(SqliteError::foreign("its outbox is sealed, and no key was given"))
        } else {
            Ok(())
        };
    };
    if is_sealed {
        return Ok(());
    }
    let was_used = "SELECT 1 FROM sqlite_sequence WHERE name = 'jobapp_outbox'";
    if connection.query_row(was_used, [], |_| Ok(())).optional()?.is_none() {
        return Ok(set_user_version(connection, SEALED)?);
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    {
        let mut select = transaction.prepare("SELECT seq, id, event FROM jobapp_outbox")?;
        let rows =
            select.query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, row.get(2).ok())))?;
        for row in rows.collect::<rusqlite::Result<Vec<(i64, String, Option<String>)>>>()? {
            // What is no text was never readable.
            let (seq, id, Some(event)) = row else { continue };
            // Another process may have begun and not come to the end.
            let Ok(clear) = jobapp_seal::open_text(Some(seal), event, &id) else { continue };
            let sealed = seal.close_text(&clear, &id)?;
            transaction.execute("UPDATE jobapp_outbox SET event = ?1 WHERE seq = ?2", params![sealed, seq])?;
        }
    }
    transaction.commit()?;
    if forget_what_was(connection)? {
        return Ok(set_user_version(connection, SEALED)?);
    }
    tracing::warn!(database = %location, "another program reads a database: what it has in clear is overwritten at the next start");
    Ok(())
}
