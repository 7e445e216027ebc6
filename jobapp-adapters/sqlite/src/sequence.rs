//! Numbers that are given out once.

use async_trait::async_trait;
use jobapp_kernel::{RepositoryError, Sequence};
use rusqlite::{Connection, params};

use crate::SqliteStore;
use crate::database::Verdict;

/// The name and the smallest number: the one behind the next.
const TAKE: &str = "
INSERT INTO jobapp_sequences (name, next) VALUES (?1, ?2 + 1)
ON CONFLICT (name) DO UPDATE SET next = max(next, ?2) + 1 RETURNING next";

#[async_trait]
impl Sequence for SqliteStore {
    /// Does not wait for the disk: what carries the number is saved after it, in the same log. A power cut that takes back the
    /// number has taken back what carried it.
    async fn next(&self, name: &str, start: i64) -> Result<i64, RepositoryError> {
        let of = name.to_owned();
        let taking = move |connection: &Connection| {
            let next: i64 = connection.prepare_cached(TAKE)?.query_row(params![of, start], |row| row.get(0))?;
            Ok(Verdict::Keep(next.saturating_sub(1)))
        };
        let failed = |error| RepositoryError::unavailable(format!("take the next number of {name}"), error);
        self.inner.database.note(taking).await.map_err(failed)
    }
}
