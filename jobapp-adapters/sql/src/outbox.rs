//! The outbox: what the relay reads.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::time::Duration;

use async_trait::async_trait;
use jobapp_kernel::{MessageId, Outbox, OutboxEntry, RepositoryError, Timestamp, Version};
use jobapp_seal::{self as seal, Seal};
use sea_orm::sea_query::{Expr, ExprTrait, Query};
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbErr, Order, QueryResult, Statement};

use crate::SqlStore;
use crate::dialect;
use crate::inner::Inner;
use crate::outbox_statements::{NOBODY, OutboxStatements, TURN};
use crate::patience::Patience;
use crate::statement::{few_sizes, limited};
use crate::task::undo;

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
        leased.map_err(failed)
    }

    /// Only what is leased to `owner` goes: who lost a lease must not clear an entry that another is about to publish.
    async fn clear(&self, owner: &str, ids: &[MessageId]) -> Result<(), RepositoryError> {
        if ids.is_empty() {
            return Ok(());
        }
        // Found by their aggregates, which few others have: an index by ids would be written at every save, and again here.
        let aggregates: BTreeSet<&str> =
            ids.iter().filter_map(OutboxEntry::named).map(|(_, aggregate_id, _)| aggregate_id).collect();
        let aggregates = few_sizes(aggregates.into_iter().collect());
        let ids = few_sizes(ids.iter().map(|id| id.0.as_str()).collect());
        let delete = Query::delete()
            .from_table(self.inner.names.outbox.clone())
            .and_where(Expr::col("aggregate_id").is_in(aggregates))
            .and_where(Expr::col("id").is_in(ids))
            .and_where(Expr::col("leased_by").eq(owner))
            .take();
        self.inner.connections.execute(&delete).await.map(drop).map_err(failed(&self.inner, "clear outbox entries"))
    }

    async fn hold_back(&self, owner: &str, entries: &[(MessageId, Duration)]) -> Result<(), RepositoryError> {
        let failed = failed(&self.inner, "hold back outbox entries");
        let (store, by, entries) = (self.clone(), owner.to_owned(), entries.to_vec());
        let held =
            self.inner.connections.to_the_end(async move { store.hold_back_patiently(&by, &entries).await }).await;
        held.map_err(failed)
    }

    async fn changed(&self) {
        self.inner.changed.notified().await;
    }

    async fn waiting(&self) -> Result<u64, RepositoryError> {
        self.count(self.inner.outbox.count.with([])).await
    }

    async fn stuck(&self) -> Result<u64, RepositoryError> {
        self.count(self.inner.outbox.stuck.with([NOBODY.into()])).await
    }
}

impl SqlStore {
    async fn lease_patiently(&self, owner: &str, lease: Duration, most: usize) -> Result<Vec<OutboxEntry>, DbErr> {
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
    ) -> Result<Vec<OutboxEntry>, DbErr> {
        let statements = &self.inner.outbox;
        if let Some(turn) = &statements.turn {
            transaction.query_one_raw(turn.with(TURN.map(Into::into))).await?;
        }
        let rows = transaction.query_all_raw(limited(statements.oldest.with([owner.into()]), most)).await?;
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let numbers = rows.iter().map(|row| row.try_get_by_index(0)).collect::<Result<Vec<i64>, _>>()?;
        let wanted = numbers.len();
        let numbers = few_sizes(numbers);
        let update = Query::update()
            .table(self.inner.names.outbox.clone())
            .value("leased_by", owner)
            .value("leased_until", dialect::in_future(self.inner.backend(), lease))
            .and_where(Expr::col("seq").is_in(numbers.clone()))
            .take();
        let leased = transaction.execute(&update).await?.rows_affected();
        let rows = if usize::try_from(leased) == Ok(wanted) {
            rows
        } else {
            // Whoever had a lease that ended has cleared some after all.
            let rest = OutboxStatements::entries(&self.inner.names.outbox)
                .and_where(Expr::col("seq").is_in(numbers))
                .order_by("seq", Order::Asc)
                .take();
            transaction.query_all(&rest).await?
        };
        rows.iter().map(|row| entry(row, self.inner.seal.as_ref())).collect()
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
        for (id, time) in entries {
            let Some((_, aggregate_id, _)) = OutboxEntry::named(id) else { continue };
            let update = Query::update()
                .table(self.inner.names.outbox.clone())
                .value("leased_by", NOBODY)
                .value("leased_until", dialect::in_future(self.inner.backend(), *time))
                .and_where(Expr::col("aggregate_id").eq(aggregate_id))
                .and_where(Expr::col("id").eq(id.0.as_str()))
                .and_where(Expr::col("leased_by").eq(owner))
                .take();
            transaction.execute(&update).await?;
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
