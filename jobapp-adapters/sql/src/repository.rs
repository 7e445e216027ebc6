//! The repository of one kind of aggregate: its readings. What it writes is in `save`.

use std::collections::HashMap;
use std::marker::PhantomData;
use std::sync::Arc;

use async_trait::async_trait;
use jobapp_kernel::{
    Aggregate, Bounds, Cause, Change, Cursor, InvalidId, Key, KeyValue, Page, PageRequest, Repository, RepositoryError,
    Saved, Stored, Turns, id_text,
};
use sea_orm::sea_query::{Expr, ExprTrait, Query};
use sea_orm::{DbErr, Order, QueryResult, Statement};

use crate::dialect;
use crate::inner::Inner;
use crate::queries::Queries;
use crate::row;
use crate::save::{self, inbox_key};
use crate::statement::{self, few_sizes};
use crate::tables::parameter;

pub(crate) struct SqlRepository<A> {
    store: Arc<Inner>,
    queries: Arc<Queries>,
    aggregate: PhantomData<fn() -> A>,
}

impl<A: Aggregate> SqlRepository<A> {
    pub(crate) fn new(store: Arc<Inner>) -> Self {
        Self { queries: Arc::new(Queries::of::<A>(store.backend(), &store.names)), store, aggregate: PhantomData }
    }

    async fn one(&self, statement: Statement) -> Result<Option<QueryResult>, RepositoryError> {
        self.store.connections.one(statement).await.map_err(unavailable::<A>)
    }

    async fn all(&self, statement: Statement) -> Result<Vec<QueryResult>, RepositoryError> {
        self.store.connections.all(statement).await.map_err(unavailable::<A>)
    }

    /// A page of at most `limit` of these rows, which are id, version, state and what they are sorted by.
    fn page(rows: &[QueryResult], is_int: bool, limit: usize) -> Result<Page<Stored<A>>, RepositoryError> {
        let has_more = rows.len() > limit;
        let rows = &rows[..rows.len().min(limit)];
        let items = rows.iter().map(row::load::<A>).collect::<Result<_, _>>()?;
        let next = match rows.last() {
            Some(last) if has_more => {
                let sort = match is_int {
                    true => last.try_get_by_index(3).map(KeyValue::Int),
                    false => dialect::text(last, 3).map(KeyValue::Text),
                };
                let unreadable = row::unreadable::<A>;
                Some(Cursor { sort: sort.map_err(unreadable)?, id: dialect::text(last, 0).map_err(unreadable)? })
            }
            _ => None,
        };
        Ok(Page { items, next })
    }
}

fn unavailable<A: Aggregate>(error: DbErr) -> RepositoryError {
    RepositoryError::unavailable(format!("look for a {}", A::NAME), error)
}

/// How many ids are asked for with one question: databases take only so many values.
const IDS_AT_ONCE: usize = 500;

#[async_trait]
impl<A: Aggregate> Repository<A> for SqlRepository<A> {
    async fn find(&self, id: &A::Id) -> Result<Option<Stored<A>>, RepositoryError> {
        let Ok(id) = id_text::<A>(id) else { return Ok(None) };
        let row = self.one(self.queries.find.with([id.as_str().into()])).await?;
        row.map(|row| row::from_columns(&id, &row, 0)).transpose()
    }

    async fn find_many(&self, ids: &[A::Id]) -> Result<Vec<Stored<A>>, RepositoryError> {
        let mut found = HashMap::new();
        for ids in ids.chunks(IDS_AT_ONCE) {
            let mut select = Query::select();
            select.columns(["id", "version", "state"]).from(self.queries.table.clone()).and_where(
                Expr::col("id").is_in(few_sizes(ids.iter().filter_map(|id| id_text::<A>(id).ok()).collect())),
            );
            let rows = self.store.connections.ask(&select).await.map_err(unavailable::<A>)?;
            for row in &rows {
                let stored = row::load::<A>(row)?;
                found.insert(stored.value.id().clone(), stored);
            }
        }
        // Each is taken where it is named first; the rest finds nothing.
        Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
    }

    async fn find_by(&self, key: Key<A>, value: KeyValue) -> Result<Option<Stored<A>>, RepositoryError> {
        let queries = self.queries.key(&key)?;
        if !value.may_be_stored() {
            return Ok(None);
        }
        let question = queries.find_by.with([parameter(value)]);
        self.one(statement::limited(question, 1)).await?.as_ref().map(row::load::<A>).transpose()
    }

    async fn list(&self, key: Key<A>, value: KeyValue, page: PageRequest) -> Result<Page<Stored<A>>, RepositoryError> {
        let queries = self.queries.key(&key)?;
        if !value.may_be_stored() {
            return Ok(Page { items: Vec::new(), next: None });
        }
        let rows = self.all(queries.list(value, &page)).await?;
        Self::page(&rows, true, page.limit)
    }

    async fn range(&self, key: Key<A>, bounds: Bounds, page: PageRequest) -> Result<Page<Stored<A>>, RepositoryError> {
        let rows = self.all(self.queries.key(&key)?.range(self.queries.backend, bounds, &page)).await?;
        Self::page(&rows, key.int, page.limit)
    }

    async fn scan(&self, after: Option<&A::Id>, limit: usize) -> Result<Vec<Stored<A>>, RepositoryError> {
        let mut select = Query::select();
        select
            .columns(["id", "version", "state"])
            .from(self.queries.table.clone())
            .order_by("id", Order::Asc)
            .limit(statement::limit(limit));
        if let Some(after) = after {
            select.and_where(Expr::col("id").gt(after.to_string()));
        }
        let rows = self.store.connections.ask(&select).await.map_err(unavailable::<A>)?;
        rows.iter().map(row::load::<A>).collect()
    }

    async fn caused(&self, cause: &Cause) -> Result<Option<A::Id>, RepositoryError> {
        if matches!(cause, Cause::Message { .. }) {
            return Ok(None);
        }
        let statement = self.queries.handled.with([inbox_key(cause, A::NAME, "").into()]);
        let Some(row) = self.one(statement).await? else { return Ok(None) };
        let id = save::first_id(cause, &row).map_err(unavailable::<A>)?.ok_or(RepositoryError::CauseReused)?;
        let corrupt =
            |error: InvalidId| RepositoryError::Corrupt { aggregate: A::NAME, id: id.clone(), source: error.into() };
        id.parse().map(Some).map_err(corrupt)
    }

    async fn save(&self, change: Change<A>) -> Result<Saved, RepositoryError> {
        save::save(&self.store, &self.queries, change).await
    }

    fn turns(&self) -> &Turns {
        &self.store.turns
    }
}
