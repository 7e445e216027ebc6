//! The repository of one kind of aggregate: its readings. What it writes is in `save`.

use std::collections::HashMap;
use std::marker::PhantomData;
use std::sync::Arc;

use async_trait::async_trait;
use jobapp_kernel::{
    About, Aggregate, Bounds, Cause, Change, Cursor, Decision, InvalidId, Key, KeyValue, Page, PageRequest, Repository,
    RepositoryError, Saved, Stored, Turns, id_text,
};
use rusqlite::types::{FromSql, Value};
use rusqlite::{Connection, OptionalExtension, Row, params_from_iter};

use crate::SqliteError;
use crate::queries::{Queries, Question};
use crate::row::{self, unavailable};
use crate::save::{self, inbox_key};
use crate::store::Inner;
use crate::tables::number;

pub(crate) struct SqliteRepository<A> {
    store: Arc<Inner>,
    queries: Arc<Queries>,
    aggregate: PhantomData<fn() -> A>,
}

/// What a question of values answers: what the database says, then what its rows come to.
type Loaded<T> = Result<Result<T, RepositoryError>, SqliteError>;

impl<A: Aggregate> SqliteRepository<A> {
    pub(crate) fn new(store: Arc<Inner>) -> Self {
        Self { queries: Arc::new(Queries::of::<A>()), store, aggregate: PhantomData }
    }

    /// Asks the database.
    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnMut(&Connection) -> Loaded<T> + Send + 'static,
    ) -> Result<T, RepositoryError> {
        self.store.database.read(question).await.map_err(|error| unavailable::<A>("look for", error))?
    }

    /// A page of at most `limit` of these rows, which are id, version, state and what they are sorted by.
    async fn page<S>(&self, (sql, values): Question, limit: usize) -> Result<Page<Stored<A>>, RepositoryError>
    where
        S: FromSql + Into<KeyValue>,
    {
        self.ask(move |connection| {
            let mut statement = connection.prepare_cached(&sql)?;
            let mut rows = statement.query(params_from_iter(&values))?;
            let mut page = Page { items: Vec::new(), next: None };
            let mut last = None;
            while let Some(row) = rows.next()? {
                if page.items.len() == limit {
                    page.next = last;
                    break;
                }
                match row::load::<A>(row) {
                    Ok(stored) => page.items.push(stored),
                    Err(error) => return Ok(Err(error)),
                }
                if page.items.len() == limit {
                    let sort: S = row.get(3)?;
                    last = Some(Cursor { sort: sort.into(), id: row.get(0)? });
                }
            }
            Ok(Ok(page))
        })
        .await
    }
}

/// The only row of a question, read.
fn one<T>(
    connection: &Connection,
    sql: &str,
    values: &[Value],
    read: impl FnOnce(&Row<'_>) -> Result<T, RepositoryError>,
) -> Loaded<Option<T>> {
    let mut statement = connection.prepare_cached(sql)?;
    let found = statement.query_row(params_from_iter(values), |row| Ok(read(row))).optional()?;
    Ok(found.transpose())
}

/// Every row of a question, read.
fn all<A: Aggregate>(connection: &Connection, sql: &str, values: &[Value]) -> Loaded<Vec<Stored<A>>> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params_from_iter(values))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        match row::load::<A>(row) {
            Ok(stored) => found.push(stored),
            Err(error) => return Ok(Err(error)),
        }
    }
    Ok(Ok(found))
}

#[async_trait]
impl<A: Aggregate> Repository<A> for SqliteRepository<A> {
    async fn find(&self, id: &A::Id) -> Result<Option<Stored<A>>, RepositoryError> {
        let Ok(id) = id_text::<A>(id) else { return Ok(None) };
        let queries = Arc::clone(&self.queries);
        self.ask(move |connection| {
            let mut statement = connection.prepare_cached(&queries.find)?;
            let found = statement.query_row([&id], |row| Ok(row::from_columns(&id, row, 0))).optional()?;
            Ok(found.transpose())
        })
        .await
    }

    async fn find_many(&self, ids: &[A::Id]) -> Result<Vec<Stored<A>>, RepositoryError> {
        let queries = Arc::clone(&self.queries);
        let texts: Vec<String> = ids.iter().filter_map(|id| id_text::<A>(id).ok()).collect();
        let found = self
            .ask(move |connection| {
                // All as of one moment, which is also cheaper than a moment for each. Where the writer is asked it has one.
                let _moment = connection.is_autocommit().then(|| connection.unchecked_transaction()).transpose()?;
                let mut statement = connection.prepare_cached(&queries.find)?;
                let mut found = HashMap::new();
                for id in &texts {
                    let row = statement.query_row([id], |row| Ok(row::from_columns::<A>(id, row, 0))).optional()?;
                    match row.transpose() {
                        Ok(Some(stored)) => drop(found.insert(stored.value.id().clone(), stored)),
                        Ok(None) => {}
                        Err(error) => return Ok(Err(error)),
                    }
                }
                Ok(Ok(found))
            })
            .await;
        let mut found = found?;
        // Each is taken where it is named first; the rest finds nothing.
        Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
    }

    async fn find_by(&self, key: Key<A>, value: KeyValue) -> Result<Option<Stored<A>>, RepositoryError> {
        let sql = self.queries.key(&key)?.find_by.clone();
        if !value.may_be_stored() {
            return Ok(None);
        }
        let values = [crate::tables::parameter(value)];
        self.ask(move |connection| one(connection, &sql, &values, row::load::<A>)).await
    }

    async fn list(&self, key: Key<A>, value: KeyValue, page: PageRequest) -> Result<Page<Stored<A>>, RepositoryError> {
        let queries = self.queries.key(&key)?;
        if !value.may_be_stored() {
            return Ok(Page { items: Vec::new(), next: None });
        }
        let question = queries.list(value, &page);
        self.page::<i64>(question, page.limit).await
    }

    async fn range(&self, key: Key<A>, bounds: Bounds, page: PageRequest) -> Result<Page<Stored<A>>, RepositoryError> {
        let question = self.queries.key(&key)?.range::<A>(bounds, &page);
        if key.int {
            self.page::<i64>(question, page.limit).await
        } else {
            self.page::<String>(question, page.limit).await
        }
    }

    async fn scan(&self, after: Option<&A::Id>, limit: usize) -> Result<Vec<Stored<A>>, RepositoryError> {
        let queries = Arc::clone(&self.queries);
        // No id is shorter than the empty one.
        let after = after.map_or_else(String::new, ToString::to_string);
        let values = [Value::Text(after), Value::Integer(number(limit.try_into().unwrap_or(u64::MAX)))];
        self.ask(move |connection| all::<A>(connection, &queries.scan, &values)).await
    }

    async fn caused(&self, cause: &Cause) -> Result<Option<A::Id>, RepositoryError> {
        if matches!(cause, Cause::Message { .. }) {
            return Ok(None);
        }
        let key = inbox_key(cause, A::NAME, "");
        let known = self.ask(move |connection| Ok(Ok(save::handled(connection, &key)?))).await?;
        let Some((body_hash, id)) = known else { return Ok(None) };
        if body_hash != cause.body_hash() {
            return Err(RepositoryError::CauseReused);
        }
        let corrupt =
            |error: InvalidId| RepositoryError::Corrupt { aggregate: A::NAME, id: id.clone(), source: error.into() };
        id.parse().map(Some).map_err(corrupt)
    }

    async fn save(&self, change: Change<A>) -> Result<Saved, RepositoryError> {
        save::save(&self.store, &self.queries, change).await
    }

    async fn decide(&self, about: About<A>, decide: Decision<A>) -> Result<Option<Saved>, RepositoryError> {
        save::decide(&self.store, &self.queries, about, decide).await
    }

    fn turns(&self) -> &Turns {
        &self.store.turns
    }
}
