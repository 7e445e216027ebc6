//! What one owner at a time may do.

use std::time::Duration;

use async_trait::async_trait;
use jobapp_kernel::{Leases, RepositoryError};
use rusqlite::{Connection, OptionalExtension, params};

use crate::SqliteStore;
use crate::config::now;
use crate::database::Verdict;

/// The name, the owner, the end and the instant.
const TAKE: &str = "
INSERT INTO jobapp_leases (name, owner, until) VALUES (?1, ?2, ?3)
ON CONFLICT (name) DO UPDATE SET owner = ?2, until = ?3 WHERE owner = ?2 OR until <= ?4";
/// The same.
const RENEW: &str = "UPDATE jobapp_leases SET until = ?3 WHERE name = ?1 AND owner = ?2 AND until > ?4";
/// The name and the instant.
const OWNER: &str = "SELECT owner FROM jobapp_leases WHERE name = ?1 AND until > ?2";
/// The name and the owner.
const RELEASE: &str = "DELETE FROM jobapp_leases WHERE name = ?1 AND owner = ?2";

#[async_trait]
impl Leases for SqliteStore {
    async fn take(&self, name: &str, owner: &str, time: Duration) -> Result<bool, RepositoryError> {
        self.lengthen(TAKE, "take", name, owner, time).await
    }

    async fn renew(&self, name: &str, owner: &str, time: Duration) -> Result<bool, RepositoryError> {
        self.lengthen(RENEW, "renew", name, owner, time).await
    }

    async fn owner(&self, name: &str) -> Result<Option<String>, RepositoryError> {
        let of = name.to_owned();
        let asking = move |connection: &Connection| {
            let mut question = connection.prepare_cached(OWNER)?;
            Ok(question.query_row(params![of, now().as_millis()], |row| row.get(0)).optional()?)
        };
        let failed = |error| RepositoryError::unavailable(format!("tell the owner of the lease {name}"), error);
        self.inner.database.read(asking).await.map_err(failed)
    }

    async fn release(&self, name: &str, owner: &str) -> Result<(), RepositoryError> {
        let of = (name.to_owned(), owner.to_owned());
        let releasing = move |connection: &Connection| {
            connection.prepare_cached(RELEASE)?.execute([&of.0, &of.1])?;
            Ok(Verdict::Keep(()))
        };
        let failed = |error| RepositoryError::unavailable(format!("release the lease {name}"), error);
        self.inner.database.note(releasing).await.map_err(failed)
    }
}

impl SqliteStore {
    /// Does not wait for the disk: no lease outlives a power cut.
    async fn lengthen(
        &self,
        sql: &'static str,
        attempt: &str,
        name: &str,
        owner: &str,
        time: Duration,
    ) -> Result<bool, RepositoryError> {
        let of = (name.to_owned(), owner.to_owned());
        let lengthening = move |connection: &Connection| {
            let (now, until) = (now(), now().plus(time));
            let values = params![of.0, of.1, until.as_millis(), now.as_millis()];
            let has_it = connection.prepare_cached(sql)?.execute(values)? > 0;
            Ok(if has_it { Verdict::Keep(true) } else { Verdict::Undo(false) })
        };
        let failed = |error| RepositoryError::unavailable(format!("{attempt} the lease {name}"), error);
        self.inner.database.note(lengthening).await.map_err(failed)
    }
}
