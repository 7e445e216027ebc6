//! What a decision is about, as a question to the database.

use jobapp_kernel::{About, Aggregate, Key, KeyValue, PageRequest, RepositoryError, Stored, id_text};
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use crate::SqliteError;
use crate::queries::{KeyQueries, Queries, Question};
use crate::row;
use crate::tables::parameter;

/// A question whose first row is id, version and state of what is wanted; `None` when there can be nothing of the kind.
pub(crate) struct Wanted(Option<Question>);

impl Wanted {
    pub(crate) fn of<A: Aggregate>(queries: &Queries, about: About<A>) -> Result<Self, RepositoryError> {
        let by = |key: Key<A>, value: KeyValue, ask: &dyn Fn(&KeyQueries, KeyValue) -> Question| {
            let queries = queries.key(&key)?;
            Ok(value.may_be_stored().then(|| ask(queries, value)))
        };
        let question = match about {
            About::Id(id) => id_text::<A>(&id).ok().map(|id| (queries.find_whole.clone(), vec![Value::Text(id)])),
            About::Holder(key, value) => by(key, value, &|of, value| (of.find_by.clone(), vec![parameter(value)]))?,
            About::Last { of, value, .. } => by(of, value, &|of, value| of.list(value, &PageRequest::newest(1)))?,
        };
        Ok(Self(question))
    }

    /// What there is, also what was written by this connection and not committed yet.
    pub(crate) fn answer<A: Aggregate>(
        &self,
        connection: &Connection,
    ) -> Result<Result<Option<Stored<A>>, RepositoryError>, SqliteError> {
        let Some((sql, values)) = &self.0 else { return Ok(Ok(None)) };
        let mut statement = connection.prepare_cached(sql)?;
        let mut rows = statement.query(params_from_iter(values))?;
        Ok(rows.next()?.map(row::load::<A>).transpose())
    }
}
