//! What is asked of a store by whoever looks after it.

use async_trait::async_trait;
use jobapp_kernel::{Backlog, Inventory, Layout, RepositoryError, Timestamp};
use sea_orm::DbErr;
use sea_orm::sea_query::{Expr, ExprTrait, Query};

use crate::SqlStore;
use crate::dialect::{self, schema};
use crate::outbox::stuck;

impl SqlStore {
    fn failed(&self, attempt: &'static str) -> impl Fn(DbErr) -> RepositoryError {
        move |error| {
            self.inner.connections.condition.note(&error);
            RepositoryError::unavailable(attempt, error)
        }
    }

    async fn is_used(&self) -> Result<bool, DbErr> {
        let question = schema::table(self.inner.backend(), &self.inner.names.keys);
        self.inner.connections.one(question).await.map(|found| found.is_some())
    }

    async fn read_layout(&self) -> Result<Layout, DbErr> {
        let mut layout = Layout::new();
        if !self.is_used().await? {
            return Ok(layout);
        }
        let select =
            Query::select().columns(["aggregate", "key", "declaration"]).from(self.inner.names.keys.clone()).take();
        for row in self.inner.connections.ask(&select).await? {
            let [kind, key, declaration] = [dialect::text(&row, 0)?, dialect::text(&row, 1)?, dialect::text(&row, 2)?];
            // Without a kind it is a mark of the store's own.
            if kind.is_empty() {
                continue;
            }
            let keys = layout.entry(kind).or_default();
            // Without a name it stands for the table itself.
            if !key.is_empty() {
                keys.insert(key, declaration);
            }
        }
        Ok(layout)
    }

    async fn read_backlog(&self) -> Result<Backlog, DbErr> {
        if !self.is_used().await? {
            return Ok(Backlog::default());
        }
        let outbox = || self.inner.names.outbox.clone();
        let all =
            Query::select().expr(Expr::col("seq").count()).expr(Expr::col("recorded_at").min()).from(outbox()).take();
        let mut backlog = Backlog::default();
        for row in self.inner.connections.ask(&all).await? {
            let (waiting, oldest): (i64, Option<i64>) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
            backlog.waiting = waiting.unsigned_abs();
            backlog.oldest = oldest.and_then(|millis| Timestamp::from_millis(millis).ok());
        }
        // An earlier program held nothing back in a table.
        let holds_back = schema::table(self.inner.backend(), &self.inner.names.outbox_held);
        if self.inner.connections.one(holds_back).await?.is_none() {
            return Ok(backlog);
        }
        for row in self.inner.connections.ask(&stuck(&self.inner.names)).await? {
            backlog.stuck = row.try_get_by_index::<i64>(0)?.unsigned_abs();
        }
        Ok(backlog)
    }

    async fn read_count(&self, kind: &str) -> Result<u64, DbErr> {
        // What is no name of a kind is in no statement.
        if !self.read_layout().await?.contains_key(kind) {
            return Ok(0);
        }
        let count = Query::select().expr(Expr::col("id").count()).from(self.inner.names.kind(kind)).take();
        let rows = self.inner.connections.ask(&count).await?;
        rows.first().map_or(Ok(0), |row| row.try_get_by_index::<i64>(0).map(i64::unsigned_abs))
    }
}

#[async_trait]
impl Inventory for SqlStore {
    async fn layout(&self) -> Result<Layout, RepositoryError> {
        self.read_layout().await.map_err(self.failed("read what the store was made for"))
    }

    async fn backlog(&self) -> Result<Backlog, RepositoryError> {
        self.read_backlog().await.map_err(self.failed("count outbox entries"))
    }

    async fn count(&self, kind: &str) -> Result<u64, RepositoryError> {
        self.read_count(kind).await.map_err(self.failed("count what is stored"))
    }
}
