//! The outbox: what the relay reads.
//!
//! Neither a lease nor a clearing waits for the disk. After a power cut that undoes them the entries are leased again, and what
//! was published already is published again, as after any other end of a relay between its two steps; the bus has stored it
//! by then, since it does wait.

use std::collections::BTreeMap;
use std::error::Error;
use std::time::Duration;

use async_trait::async_trait;
use jobapp_kernel::{MessageId, Outbox, OutboxEntry, RepositoryError, Timestamp, Version};
use jobapp_seal::Seal;
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::config::now;
use crate::database::Verdict;
use crate::tables::number;
use crate::{SqliteError, SqliteStore};

const ANY: &str = "SELECT 1 FROM jobapp_outbox LIMIT 1";
const COUNT: &str = "SELECT count(*) FROM jobapp_outbox";
const STUCK: &str = "SELECT count(*) FROM jobapp_outbox WHERE leased_by = ''";
/// The instant and the owner; how many is told behind it, since a statement is planned anew at every call when that is a value.
const OLDEST: &str = "
SELECT seq, id, aggregate, aggregate_id, version, event, headers, recorded_at FROM jobapp_outbox WHERE NOT EXISTS (
    SELECT 1 FROM jobapp_outbox AS other
    WHERE other.aggregate_id = jobapp_outbox.aggregate_id AND other.aggregate = jobapp_outbox.aggregate
        AND other.leased_until > ?1 AND other.leased_by <> ?2
) ORDER BY seq LIMIT ";
/// The owner, the end of the lease and the numbers as a JSON list.
const LEASE: &str =
    "UPDATE jobapp_outbox SET leased_by = ?1, leased_until = ?2 WHERE seq IN (SELECT value FROM json_each(?3))";
/// The aggregate's id and kind, the entry's id, the owner and the end. An entry is found by its aggregate, which few others have: an index by
/// ids would be written at every save, and again here.
const HOLD_BACK: &str = "UPDATE jobapp_outbox SET leased_by = '', leased_until = ?5
    WHERE aggregate_id = ?1 AND aggregate = ?2 AND id = ?3 AND leased_by = ?4";
/// The aggregate's id and kind, the entry's id and the owner.
const CLEAR: &str =
    "DELETE FROM jobapp_outbox WHERE aggregate_id = ?1 AND aggregate = ?2 AND id = ?3 AND leased_by = ?4";

fn failed(attempt: &'static str) -> impl Fn(SqliteError) -> RepositoryError {
    move |error| RepositoryError::unavailable(attempt, error)
}

#[async_trait]
impl Outbox for SqliteStore {
    async fn lease(&self, owner: &str, lease: Duration, most: usize) -> Result<Vec<OutboxEntry>, RepositoryError> {
        let failed = failed("lease outbox entries");
        // Most of the time nothing waits; finding that out must not cost a write.
        let any = self
            .inner
            .database
            .read(|connection| Ok(connection.prepare_cached(ANY)?.query_row([], |_| Ok(())).optional()?.is_some()));
        if !any.await.map_err(&failed)? {
            return Ok(Vec::new());
        }
        let (owner, seal) = (owner.to_owned(), self.inner.seal.clone());
        let oldest = format!("{OLDEST}{}", number(most.try_into().unwrap_or(u64::MAX)));
        let leasing = move |connection: &Connection| {
            let now = now();
            let mut oldest = connection.prepare_cached(&oldest)?;
            let rows = oldest.query_map(params![now.as_millis(), owner], |row| {
                Ok((row.get::<_, i64>(0)?, entry(row, seal.as_ref())?))
            })?;
            let (numbers, entries): (Vec<i64>, Vec<OutboxEntry>) =
                rows.collect::<rusqlite::Result<Vec<_>>>()?.into_iter().unzip();
            if entries.is_empty() {
                return Ok(Verdict::Undo(entries));
            }
            let numbers = serde_json::Value::from(numbers).to_string();
            let until = now.plus(lease).as_millis();
            connection.prepare_cached(LEASE)?.execute(params![owner, until, numbers])?;
            Ok(Verdict::Keep(entries))
        };
        self.inner.database.note(leasing).await.map_err(failed)
    }

    /// Only what is leased to `owner` goes: who lost a lease must not clear an entry that another is about to publish.
    async fn clear(&self, owner: &str, ids: &[MessageId]) -> Result<(), RepositoryError> {
        if ids.is_empty() {
            return Ok(());
        }
        let (owner, ids) = (owner.to_owned(), ids.to_vec());
        let clearing = move |connection: &Connection| {
            let mut clear = connection.prepare_cached(CLEAR)?;
            for id in &ids {
                if let Some((aggregate, aggregate_id, _)) = OutboxEntry::named(id) {
                    clear.execute(params![aggregate_id, aggregate, id.0, owner])?;
                }
            }
            Ok(Verdict::Keep(()))
        };
        self.inner.database.note(clearing).await.map_err(failed("clear outbox entries"))
    }

    async fn hold_back(&self, owner: &str, entries: &[(MessageId, Duration)]) -> Result<(), RepositoryError> {
        if entries.is_empty() {
            return Ok(());
        }
        let (owner, entries) = (owner.to_owned(), entries.to_vec());
        let holding = move |connection: &Connection| {
            let (now, mut hold_back) = (now(), connection.prepare_cached(HOLD_BACK)?);
            for (id, time) in &entries {
                if let Some((aggregate, aggregate_id, _)) = OutboxEntry::named(id) {
                    let until = now.plus(*time).as_millis();
                    hold_back.execute(params![aggregate_id, aggregate, id.0, owner, until])?;
                }
            }
            Ok(Verdict::Keep(()))
        };
        self.inner.database.note(holding).await.map_err(failed("hold back outbox entries"))
    }

    async fn changed(&self) {
        self.inner.changed.notified().await;
    }

    async fn waiting(&self) -> Result<u64, RepositoryError> {
        self.count(COUNT).await
    }

    async fn stuck(&self) -> Result<u64, RepositoryError> {
        self.count(STUCK).await
    }
}

impl SqliteStore {
    async fn count(&self, question: &'static str) -> Result<u64, RepositoryError> {
        let counting = move |connection: &Connection| {
            Ok(connection.prepare_cached(question)?.query_row([], |row| row.get::<_, i64>(0))?.unsigned_abs())
        };
        self.inner.database.read(counting).await.map_err(failed("count outbox entries"))
    }
}

/// An entry whose content is damaged is handed out as unreadable: it must hold back its aggregate and nothing else.
fn entry(row: &Row<'_>, seal: Option<&Seal>) -> rusqlite::Result<OutboxEntry> {
    let id: String = row.get(1)?;
    let content = content(row, &id, seal).unwrap_or_else(|error| Content {
        version: 0,
        event: OutboxEntry::unreadable(&error.to_string()),
        headers: BTreeMap::new(),
        recorded_at: Timestamp::EPOCH,
    });
    Ok(OutboxEntry {
        id: MessageId(id),
        aggregate: row.get(2)?,
        aggregate_id: row.get(3)?,
        version: content.version,
        event: content.event,
        headers: content.headers,
        recorded_at: content.recorded_at,
    })
}

/// What an entry consists of besides what tells whose it is.
struct Content {
    version: Version,
    event: serde_json::Value,
    headers: BTreeMap<String, String>,
    recorded_at: Timestamp,
}

fn content(row: &Row<'_>, id: &str, seal: Option<&Seal>) -> Result<Content, Box<dyn Error + Send + Sync>> {
    Ok(Content {
        version: Version::try_from(row.get::<_, i64>(4)?)?,
        event: serde_json::from_str(&jobapp_seal::open_text(seal, row.get(5)?, id)?)?,
        headers: serde_json::from_str(row.get_ref(6)?.as_str()?)?,
        recorded_at: Timestamp::from_millis(row.get(7)?)?,
    })
}
