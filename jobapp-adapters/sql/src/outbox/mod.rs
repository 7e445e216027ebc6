//! The outbox: what the relay reads.
//!
//! A lease is one row: its owner, its end and the numbers of its entries. The entries themselves are written when they are stored and
//! when they go, and never between. An aggregate belongs to the lease that has one of its entries that is still there, so clearing gives it
//! back without a word. What cannot be published is in a table of its own, which is empty most of the time.

mod hands;
mod runs;
mod statements;

use std::collections::{BTreeMap, HashSet};
use std::error::Error;
use std::time::Duration;

use async_trait::async_trait;
use jobapp_kernel::{MessageId, Outbox, OutboxEntry, RepositoryError, Timestamp, Version};
use jobapp_seal::{self as seal, Seal};
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbErr, QueryResult, Statement};

pub(crate) use self::hands::Hands;
use self::runs::Runs;
pub(crate) use self::statements::{OutboxStatements, TURN, stuck};
use crate::SqlStore;
use crate::dialect;
use crate::inner::Inner;
use crate::patience::Patience;
use crate::statement::limited;
use crate::task::undo;

/// An entry and its number.
type Numbered = (i64, OutboxEntry);

fn failed(store: &Inner, attempt: &'static str) -> impl Fn(DbErr) -> RepositoryError {
    move |error| {
        store.connections.condition.note(&error);
        RepositoryError::unavailable(attempt, error)
    }
}

#[async_trait]
impl Outbox for SqlStore {
    async fn lease(&self, owner: &str, lease: Duration, most: usize) -> Result<Vec<OutboxEntry>, RepositoryError> {
        let failed = failed(&self.inner, "lease outbox entries");
        let statements = &self.inner.outbox;
        // Most of the time nothing waits; finding that out must not cost a write.
        let any = limited(statements.any.with([]), 1);
        if self.inner.connections.one(any).await.map_err(&failed)?.is_none() {
            return Ok(Vec::new());
        }
        let (store, by) = (self.clone(), owner.to_owned());
        let leased =
            self.inner.connections.to_the_end(async move { store.lease_patiently(&by, lease, most).await }).await;
        let leased = leased.map_err(failed)?;
        self.inner.hands.put(owner, leased.iter().map(|(seq, entry)| (entry.id.clone(), *seq)));
        Ok(leased.into_iter().map(|(_, entry)| entry).collect())
    }

    /// Only what is leased to `owner` goes: who lost a lease must not clear an entry that another is about to publish.
    async fn clear(&self, owner: &str, ids: &[MessageId]) -> Result<(), RepositoryError> {
        let entries = self.inner.hands.numbers(owner, ids);
        if entries.is_empty() {
            return Ok(());
        }
        let clear = self.inner.outbox.clear(owner, &entries);
        self.inner.connections.execute(&clear).await.map_err(failed(&self.inner, "clear outbox entries"))?;
        self.inner.hands.forget(owner, ids.iter());
        Ok(())
    }

    async fn hold_back(&self, owner: &str, entries: &[(MessageId, Duration)]) -> Result<(), RepositoryError> {
        let failed = failed(&self.inner, "hold back outbox entries");
        let (store, by, held) = (self.clone(), owner.to_owned(), entries.to_vec());
        let holding =
            self.inner.connections.to_the_end(async move { store.hold_back_patiently(&by, &held).await }).await;
        holding.map_err(failed)?;
        self.inner.hands.forget(owner, entries.iter().map(|(id, _)| id));
        Ok(())
    }

    async fn changed(&self) {
        self.inner.changed.notified().await;
    }

    async fn waiting(&self) -> Result<u64, RepositoryError> {
        self.count(self.inner.outbox.count.with([])).await
    }

    async fn stuck(&self) -> Result<u64, RepositoryError> {
        self.count(self.inner.outbox.stuck.with([])).await
    }
}

impl SqlStore {
    async fn lease_patiently(&self, owner: &str, lease: Duration, most: usize) -> Result<Vec<Numbered>, DbErr> {
        let mut patience = Patience::new();
        loop {
            let transaction = self.inner.connections.begin().await?;
            let error = match self.lease_in(&transaction, owner, lease, most).await {
                Ok(entries) if entries.is_empty() => return transaction.rollback().await.map(|()| entries),
                Ok(entries) => return transaction.commit().await.map(|()| entries),
                Err(error) => error,
            };
            let error = undo(transaction, error).await;
            if !patience.again(&error).await {
                return Err(error);
            }
        }
    }

    async fn lease_in(
        &self,
        transaction: &DatabaseTransaction,
        owner: &str,
        lease: Duration,
        most: usize,
    ) -> Result<Vec<Numbered>, DbErr> {
        let statements = &self.inner.outbox;
        if let Some(turn) = &statements.turn {
            transaction.query_one_raw(turn.with(TURN.map(Into::into))).await?;
        }
        let of_others = self.of_others(transaction, owner).await?;
        let rows = transaction.query_all_raw(statements.oldest(&of_others, most)).await?;
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let entries: Vec<Numbered> =
            rows.iter().map(|row| numbered(row, self.inner.seal.as_ref())).collect::<Result<_, _>>()?;
        let mut let_go = HashSet::new();
        for (row, (_, entry)) in rows.iter().zip(&entries) {
            let was_held = row.try_get_by_index::<Option<i64>>(HELD_UNTIL)?.is_some();
            if was_held && let_go.insert((&entry.aggregate, &entry.aggregate_id)) {
                transaction.execute(&statements.let_go(&entry.aggregate, &entry.aggregate_id)).await?;
            }
        }
        let numbers = Runs::of(entries.iter().map(|(seq, _)| *seq).collect());
        transaction.execute(&statements.lease(owner, &numbers, lease)).await?;
        Ok(entries)
    }

    /// What others have. Leases whose time is over end here, so that who had one clears nothing any more.
    async fn of_others(&self, transaction: &DatabaseTransaction, owner: &str) -> Result<Runs, DbErr> {
        let statements = &self.inner.outbox;
        let (mut of_others, mut some_are_old) = (Runs::default(), false);
        for row in transaction.query_all_raw(statements.of_others.with([owner.into()])).await? {
            let (until, now): (i64, i64) = (row.try_get_by_index(1)?, row.try_get_by_index(2)?);
            if until > now {
                of_others.join(Runs::from_text(&dialect::text(&row, 0)?)?);
            } else {
                some_are_old = true;
            }
        }
        if some_are_old {
            transaction.execute_raw(statements.end_old.with([owner.into()])).await?;
        }
        Ok(of_others)
    }

    async fn hold_back_patiently(&self, owner: &str, entries: &[(MessageId, Duration)]) -> Result<(), DbErr> {
        let mut patience = Patience::new();
        loop {
            let transaction = self.inner.connections.begin().await?;
            let error = match self.hold_back_in(&transaction, owner, entries).await {
                Ok(()) => return transaction.commit().await,
                Err(error) => error,
            };
            let error = undo(transaction, error).await;
            if !patience.again(&error).await {
                return Err(error);
            }
        }
    }

    async fn hold_back_in(
        &self,
        transaction: &DatabaseTransaction,
        owner: &str,
        entries: &[(MessageId, Duration)],
    ) -> Result<(), DbErr> {
        let (statements, hands) = (&self.inner.outbox, &self.inner.hands);
        let rest = hands.besides(owner, entries.iter().map(|(id, _)| id));
        if transaction.execute(&statements.narrow(owner, &rest)).await?.rows_affected() == 0 {
            return Ok(());
        }
        for (id, time) in entries {
            let (Some(seq), Some((aggregate, aggregate_id, _))) = (hands.number(owner, id), OutboxEntry::named(id))
            else {
                continue;
            };
            transaction.execute(&statements.hold_back(aggregate, aggregate_id, seq, *time)).await?;
        }
        Ok(())
    }

    async fn count(&self, question: Statement) -> Result<u64, RepositoryError> {
        let failed = failed(&self.inner, "count outbox entries");
        let row = self.inner.connections.one(question).await.map_err(&failed)?;
        let count: i64 = row.map_or(Ok(0), |row| row.try_get_by_index(0)).map_err(&failed)?;
        Ok(u64::try_from(count).unwrap_or(0))
    }
}

/// Where a row of an entry says until when it was held back.
const HELD_UNTIL: usize = 8;

fn numbered(row: &QueryResult, seal: Option<&Seal>) -> Result<Numbered, DbErr> {
    Ok((row.try_get_by_index(0)?, entry(row, seal)?))
}

/// An entry whose content is damaged is handed out as unreadable: it must hold back its aggregate and nothing else.
fn entry(row: &QueryResult, seal: Option<&Seal>) -> Result<OutboxEntry, DbErr> {
    let id = dialect::text(row, 1)?;
    let content = content(row, &id, seal).unwrap_or_else(|error| Content {
        version: 0,
        event: OutboxEntry::unreadable(&error.to_string()),
        headers: BTreeMap::new(),
        recorded_at: Timestamp::EPOCH,
    });
    Ok(OutboxEntry {
        id: MessageId(id),
        aggregate: dialect::text(row, 2)?,
        aggregate_id: dialect::text(row, 3)?,
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

fn content(row: &QueryResult, id: &str, seal: Option<&Seal>) -> Result<Content, Box<dyn Error + Send + Sync>> {
    let text = |column: usize| dialect::text(row, column);
    Ok(Content {
        version: Version::try_from(row.try_get_by_index::<i64>(4)?)?,
        event: serde_json::from_str(&seal::open_text(seal, text(5)?, id)?)?,
        headers: serde_json::from_str(&text(6)?)?,
        recorded_at: Timestamp::from_millis(row.try_get_by_index(7)?)?,
    })
}
