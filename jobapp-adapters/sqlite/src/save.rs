//! One change, one step: the value at its expected version, its events and its cause.

use std::collections::BTreeMap;
use std::sync::Arc;

use jobapp_kernel::{
    About, Aggregate, Cause, Change, ChangeKind, Decision, Key, KeyValue, MAX_KEY_BYTES, OutboxEntry, RepositoryError,
    Saved, Version, id_text,
};
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, params, params_from_iter};
use sha2::{Digest, Sha256};

use crate::SqliteError;
use crate::database::Verdict;
use crate::error::Violation;
use crate::queries::{HANDLED, Queries, RECORD, REMEMBER, SideQueries};
use crate::row::unavailable;
use crate::store::Inner;
use crate::tables::{number, parameter};
use crate::wanted::Wanted;

/// The text the inbox has for a cause; a hash of it when no key may be so.
pub(crate) fn inbox_key(cause: &Cause, aggregate: &str, id: &str) -> String {
    let key = cause.inbox_key(aggregate, id);
    if key.len() <= MAX_KEY_BYTES && !key.contains('\0') {
        return key;
    }
    // No key that is kept as it is starts so.
    format!("sha256 {}", hex::encode(Sha256::digest(key.as_bytes())))
}

/// The hash of the body and the id that the inbox has for a cause.
pub(crate) fn handled(connection: &Connection, key: &str) -> rusqlite::Result<Option<(String, String)>> {
    connection.prepare_cached(HANDLED)?.query_row([key], |row| Ok((row.get(0)?, row.get(1)?))).optional()
}

pub(crate) async fn save<A: Aggregate>(
    store: &Arc<Inner>,
    queries: &Arc<Queries>,
    change: Change<A>,
) -> Result<Saved, RepositoryError> {
    let prepared = Prepared::of(store, &change, &store.headers_now())?;
    // Who relays an event would tell others of what a power cut may take back.
    let waits = !change.before_another || !prepared.events.is_empty();
    let queries = Arc::clone(queries);
    let saving = move |connection: &Connection| {
        let saved = Saving { connection, queries: &queries, prepared: &prepared }.apply::<A>()?;
        Ok(saved.map(|saved| saved.map(Some)))
    };
    let saved = changed(store, waits, saving).await;
    let saved = saved.map_err(|error| unavailable::<A>("save", error))??;
    saved.ok_or_else(|| unavailable::<A>("save", SqliteError::Closed))
}

/// Reads, has it decided, and saves, all where the writes are done: nobody comes between, and what others decide about the same
/// thing at the same time goes to the disk together with it.
pub(crate) async fn decide<A: Aggregate>(
    store: &Arc<Inner>,
    queries: &Arc<Queries>,
    about: About<A>,
    mut decide: Decision<A>,
) -> Result<Option<Saved>, RepositoryError> {
    let question = Wanted::of(queries, about)?;
    // They say for whom the caller works, which nobody knows where the writes are done.
    let headers = store.headers_now();
    let (queries, of) = (Arc::clone(queries), Arc::clone(store));
    let deciding = move |connection: &Connection| {
        let stored = match question.answer(connection)? {
            Ok(stored) => stored,
            Err(error) => return Ok(Verdict::Undo(Err(error))),
        };
        let Some(change) = decide(stored) else { return Ok(Verdict::Undo(Ok(None))) };
        let prepared = match Prepared::of(&of, &change, &headers) {
            Ok(prepared) => prepared,
            Err(error) => return Ok(Verdict::Undo(Err(error))),
        };
        let saved = Saving { connection, queries: &queries, prepared: &prepared }.apply::<A>()?;
        Ok(saved.map(|saved| saved.map(Some)))
    };
    changed(store, true, deciding).await.map_err(|error| unavailable::<A>("change", error))?
}

/// Has the thread do this, and wakes the relay when something was stored: also when whoever asked has gone.
async fn changed(
    store: &Arc<Inner>,
    waits: bool,
    work: impl FnMut(&Connection) -> Result<Outcome, SqliteError> + Send + 'static,
) -> Result<Result<Option<Saved>, RepositoryError>, SqliteError> {
    let (sender, answer) = tokio::sync::oneshot::channel();
    let of = Arc::clone(store);
    store.database.submit(waits, work, move |saved| {
        if matches!(saved, Ok(Ok(Some(Saved::Stored(_))))) {
            of.changed.notify_one();
        }
        drop(sender.send(saved));
    });
    answer.await.unwrap_or(Err(SqliteError::Closed))
}

/// The key whose constraint was violated.
fn taken_key<A: Aggregate>(queries: &Queries, violation: &Violation) -> Option<&'static str> {
    if violation.is_of(A::NAME, "id") {
        return Some("id");
    }
    let is_violated = |key: &&Key<A>| {
        queries.keys.get(key.name).is_some_and(|of_key| {
            let names = &of_key.names;
            if key.many { violation.is_of(&names.side, "value") } else { violation.is_of(A::NAME, &names.value) }
        })
    };
    A::keys().iter().find(is_violated).map(|key| key.name)
}

/// What a change does to the table.
#[derive(Clone, Copy)]
enum Step {
    Insert,
    Update(Version),
    Delete(Version),
}

/// A change in the form it is stored in. All that needs no look at the store was done, so that the thread that writes does little.
struct Prepared {
    step: Step,
    id: String,
    state: String,
    /// A value and a sort value for each single key, in the order of the declared keys.
    single: Vec<Value>,
    /// The values and the sort value of each key of many.
    many: Vec<(&'static str, Vec<KeyValue>, i64)>,
    /// The version it makes.
    version: Version,
    /// The id of its entry and the event, sealed if the store is.
    events: Vec<(String, String)>,
    headers: String,
    /// The inbox key and the hash of the body.
    cause: Option<(String, String)>,
    /// Milliseconds.
    now: i64,
}

impl Prepared {
    /// `headers` are those of its events.
    fn of<A: Aggregate>(
        store: &Inner,
        change: &Change<A>,
        headers: &BTreeMap<String, String>,
    ) -> Result<Self, RepositoryError> {
        let unwritable = |error| RepositoryError::unavailable(format!("write a {} as JSON", A::NAME), error);
        let value = change.value();
        let id = id_text::<A>(value.id())?;
        let (step, version) = match change.kind {
            ChangeKind::Insert(_) => (Step::Insert, 1),
            ChangeKind::Update(expected, _) => (Step::Update(expected), expected.saturating_add(1)),
            ChangeKind::Delete(expected, _) => (Step::Delete(expected), expected.saturating_add(1)),
        };
        let mut single = Vec::with_capacity(2 * A::keys().len());
        let mut many = Vec::new();
        for key in A::keys() {
            let (mut values, sort) = (key.values_of(value)?, key.sort_of(value)?);
            if key.many {
                many.push((key.name, values, sort));
            } else {
                single.push(values.pop().map_or(Value::Null, parameter));
                single.push(Value::Integer(sort));
            }
        }
        let headers = match change.events.as_slice() {
            [] => String::new(),
            _ => serde_json::to_string(headers).map_err(unwritable)?,
        };
        let mut events = Vec::with_capacity(change.events.len());
        for (index, event) in change.events.iter().enumerate() {
            let entry = OutboxEntry::id_of(A::NAME, &id, version, index).0;
            let event = serde_json::to_string(event).map_err(unwritable)?;
            let event = jobapp_seal::close_text(store.seal.as_ref(), &event, &entry)
                .map_err(|error| unavailable::<A>("seal the events of", error.into()))?
                .into_owned();
            events.push((entry, event));
        }
        let cause = |cause: &Cause| (inbox_key(cause, A::NAME, &id), cause.body_hash().to_owned());
        Ok(Self {
            step,
            state: serde_json::to_string(&value.to_state()).map_err(unwritable)?,
            single,
            many,
            version,
            events,
            headers,
            cause: change.cause.as_ref().map(cause),
            now: store.clock.now().as_millis(),
            id,
        })
    }
}

/// What a change comes to.
type Applied = Verdict<Result<Saved, RepositoryError>>;
/// What a decision comes to.
type Outcome = Verdict<Result<Option<Saved>, RepositoryError>>;

struct Saving<'a> {
    connection: &'a Connection,
    queries: &'a Queries,
    prepared: &'a Prepared,
}

impl Saving<'_> {
    fn apply<A: Aggregate>(&self) -> rusqlite::Result<Applied> {
        let outcome = self.steps::<A>();
        let Err(error) = &outcome else { return outcome };
        let taken = Violation::of(error).and_then(|violation| taken_key::<A>(self.queries, &violation));
        match taken {
            Some(key) => Ok(Verdict::Undo(Err(RepositoryError::Taken { aggregate: A::NAME, key }))),
            None => outcome,
        }
    }

    fn steps<A: Aggregate>(&self) -> rusqlite::Result<Applied> {
        let Prepared { id, version, now, .. } = self.prepared;
        if let Some((key, body_hash)) = &self.prepared.cause {
            if let Some((known, first)) = handled(self.connection, key)? {
                let is_same = known == *body_hash;
                let answer = is_same.then_some(Saved::Duplicate { id: first }).ok_or(RepositoryError::CauseReused);
                return Ok(Verdict::Undo(answer));
            }
            self.connection.prepare_cached(REMEMBER)?.execute(params![key, body_hash, id, now])?;
        }
        if !self.change()? {
            let conflict = RepositoryError::Conflict { aggregate: A::NAME, id: id.clone() };
            return Ok(Verdict::Undo(Err(conflict)));
        }
        for (entry, event) in &self.prepared.events {
            let headers = &self.prepared.headers;
            let values = params![entry, A::NAME, id, number(*version), event, headers, now];
            self.connection.prepare_cached(RECORD)?.execute(values)?;
        }
        Ok(Verdict::Keep(Ok(Saved::Stored(*version))))
    }

    /// Changes the table. Returns whether the value was there at the version that was expected.
    fn change(&self) -> rusqlite::Result<bool> {
        let Prepared { id, state, single, version, .. } = self.prepared;
        let (id, state) = (Value::Text(id.clone()), Value::Text(state.clone()));
        let version = Value::Integer(number(*version));
        match self.prepared.step {
            Step::Insert => {
                let values = [id, version, state].into_iter().chain(single.iter().cloned());
                self.connection.prepare_cached(&self.queries.insert)?.execute(params_from_iter(values))?;
                for (side, values, sort) in self.many() {
                    for value in values {
                        self.insert_side(side, value, sort)?;
                    }
                }
            }
            Step::Update(expected) => {
                let values = [version, state].into_iter().chain(single.iter().cloned());
                let values = values.chain([id, Value::Integer(number(expected))]);
                if self.connection.prepare_cached(&self.queries.update)?.execute(params_from_iter(values))? != 1 {
                    return Ok(false);
                }
                for (side, values, sort) in self.many() {
                    self.update_side(side, values, sort)?;
                }
            }
            Step::Delete(expected) => {
                let mut delete = self.connection.prepare_cached(&self.queries.delete)?;
                if delete.execute(params![id, number(expected)])? != 1 {
                    return Ok(false);
                }
                for (side, ..) in self.many() {
                    self.connection.prepare_cached(&side.delete_all)?.execute([&self.prepared.id])?;
                }
            }
        }
        Ok(true)
    }

    /// Writes what differs from what the side table has.
    fn update_side(&self, side: &SideQueries, values: &[KeyValue], sort: i64) -> rusqlite::Result<()> {
        let mut select = self.connection.prepare_cached(&side.select)?;
        let stored = select
            .query_map([&self.prepared.id], |row| Ok((row.get::<_, Value>(0)?, row.get::<_, i64>(1)?)))?
            .collect::<rusqlite::Result<Vec<_>>>()?;
        let mut unchanged = Vec::with_capacity(stored.len());
        for (value, stored_sort) in stored {
            let wanted = values.iter().find(|wanted| parameter((*wanted).clone()) == value);
            match wanted {
                Some(wanted) if stored_sort == sort => unchanged.push(wanted),
                _ => {
                    self.connection.prepare_cached(&side.delete)?.execute(params![self.prepared.id, value])?;
                }
            }
        }
        for value in values.iter().filter(|value| !unchanged.contains(value)) {
            self.insert_side(side, value, sort)?;
        }
        Ok(())
    }

    fn insert_side(&self, side: &SideQueries, value: &KeyValue, sort: i64) -> rusqlite::Result<()> {
        let values = params![self.prepared.id, parameter(value.clone()), sort];
        self.connection.prepare_cached(&side.insert)?.execute(values).map(drop)
    }

    /// The side tables, and what the aggregate has in them.
    fn many(&self) -> impl Iterator<Item = (&SideQueries, &[KeyValue], i64)> {
        self.prepared.many.iter().filter_map(|(key, values, sort)| {
            let side = self.queries.keys.get(key)?.side.as_ref()?;
            Some((side, &values[..], *sort))
        })
    }
}
