//! What is asked of a store by whoever looks after it.

use async_trait::async_trait;
use jobapp_kernel::{Backlog, Inventory, Layout, RepositoryError, Timestamp};
use rusqlite::{Connection, OptionalExtension};

use crate::{SqliteError, SqliteStore};

const IS_USED: &str = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'jobapp_keys'";
const LAYOUT: &str = "SELECT aggregate, key, declaration FROM jobapp_keys";
const BACKLOG: &str =
    "SELECT count(*), count(CASE WHEN leased_by = '' THEN 1 END), min(recorded_at) FROM jobapp_outbox";

fn failed(attempt: &'static str) -> impl Fn(SqliteError) -> RepositoryError {
    move |error| RepositoryError::unavailable(attempt, error)
}

#[async_trait]
impl Inventory for SqliteStore {
    async fn layout(&self) -> Result<Layout, RepositoryError> {
        let reading = self.inner.database.read(|connection| Ok(layout(connection)?));
        reading.await.map_err(failed("read what the store was made for"))
    }

    async fn backlog(&self) -> Result<Backlog, RepositoryError> {
        let counting = self.inner.database.read(|connection| {
            if !is_used(connection)? {
                return Ok(Backlog::default());
            }
            Ok(connection.query_row(BACKLOG, [], |row| {
                let oldest: Option<i64> = row.get(2)?;
                Ok(Backlog {
                    waiting: row.get::<_, i64>(0)?.unsigned_abs(),
                    stuck: row.get::<_, i64>(1)?.unsigned_abs(),
                    oldest: oldest.and_then(|millis| Timestamp::from_millis(millis).ok()),
                })
            })?)
        });
        counting.await.map_err(failed("count outbox entries"))
    }

    async fn count(&self, kind: &str) -> Result<u64, RepositoryError> {
        let kind = kind.to_owned();
        let counting = self.inner.database.read(move |connection| {
            // What is no name of a kind is in no statement.
            if !layout(connection)?.contains_key(&kind) {
                return Ok(0);
            }
            let count: i64 = connection.query_row(&format!("SELECT count(*) FROM \"{kind}\""), [], |row| row.get(0))?;
            Ok(count.unsigned_abs())
        });
        counting.await.map_err(failed("count what is stored"))
    }
}

fn is_used(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row(IS_USED, [], |_| Ok(())).optional().map(|found| found.is_some())
}

fn layout(connection: &Connection) -> rusqlite::Result<Layout> {
    let mut layout = Layout::new();
    if !is_used(connection)? {
        return Ok(layout);
    }
    let mut select = connection.prepare(LAYOUT)?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let (kind, key, declaration): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let keys = layout.entry(kind).or_default();
        // Without a name it stands for the table itself.
        if !key.is_empty() {
            keys.insert(key, declaration);
        }
    }
    Ok(layout)
}
