//! One change, one transaction: the value at its expected version, its events and its cause.

use std::sync::Arc;

use jobapp_kernel::{
    Aggregate, Cause, Change, ChangeKind, Key, KeyValue, MAX_KEY_BYTES, OutboxEntry, RepositoryError, Saved, Version,
    id_text,
};
use jobapp_seal::{self as seal, Seal};
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbErr, QueryResult, Value};
use sha2::{Digest, Sha256};

use crate::dialect::{self, Violation};
use crate::error::too_large;
use crate::inner::Inner;
use crate::patience::Patience;
use crate::queries::{Queries, SideQueries};
use crate::statement::number;
use crate::tables::{no_value, parameter};
use crate::task;

/// Why a transaction goes no further.
enum Stop {
    /// The store answers without a change.
    Answer(Result<Saved, RepositoryError>),
    /// The database refused something.
    Failed(Refusal),
}

/// What the database refused, and where: a violation says more to who knows which table was written.
struct Refusal {
    place: Place,
    error: DbErr,
}

/// Which table a statement was about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// That of causes.
    Inbox,
    /// The aggregate's own.
    Own,
    /// That of a key of many values.
    Side(&'static str),
    /// None that has a unique value from outside.
    Elsewhere,
}

/// A failure of a statement about one table.
fn at(place: Place) -> impl Fn(DbErr) -> Stop {
    move |error| Stop::Failed(Refusal { place, error })
}

/// The text the inbox has for a cause; a hash of it when no key may be so.
pub(crate) fn inbox_key(cause: &Cause, aggregate: &str, id: &str) -> String {
    let key = cause.inbox_key(aggregate, id);
    if key.len() <= MAX_KEY_BYTES && !key.contains('\0') {
        return key;
    }
    // No key that is kept as it is starts so.
    format!("sha256 {}", hex::encode(Sha256::digest(key.as_bytes())))
}

/// The id a cause changed the first time, of its row in the inbox; `None` when its body was another.
pub(crate) fn first_id(cause: &Cause, row: &QueryResult) -> Result<Option<String>, DbErr> {
    let body_hash = dialect::text(row, 0)?;
    let id = dialect::text(row, 1)?;
    Ok((body_hash == cause.body_hash()).then_some(id))
}

pub(crate) async fn save<A: Aggregate>(
    store: &Arc<Inner>,
    queries: &Arc<Queries>,
    change: Change<A>,
) -> Result<Saved, RepositoryError> {
    // Here, where the caller's own context is.
    let prepared = Prepared::of(store, &change)?;
    let (store, queries) = (Arc::clone(store), Arc::clone(queries));
    let connections = Arc::clone(&store);
    let saving = async move { Ok(save_prepared(&store, &queries, &prepared, &change).await) };
    let saved = connections.connections.to_the_end(saving).await;
    saved.map_err(|error| RepositoryError::unavailable(format!("save a {}", A::NAME), error))?
}

async fn save_prepared<A: Aggregate>(
    store: &Inner,
    queries: &Queries,
    prepared: &Prepared,
    change: &Change<A>,
) -> Result<Saved, RepositoryError> {
    let unavailable = |error: DbErr| {
        store.connections.condition.note(&error);
        RepositoryError::unavailable(format!("save a {}", A::NAME), error)
    };
    // A cause that another process stored after this one looked is found at the second attempt.
    let (mut second, mut patience) = (true, Patience::new());
    loop {
        let Refusal { place, error } = match attempt(store, queries, prepared, change).await {
            Ok(answer) => return answer,
            Err(refusal) => refusal,
        };
        match Violation::of(&error) {
            Some(_) if place == Place::Inbox && second => second = false,
            Some(violation) => {
                return Err(taken_key::<A>(queries, place, &violation)
                    .map_or_else(|| unavailable(error), |key| RepositoryError::Taken { aggregate: A::NAME, key }));
            }
            None if patience.again(&error).await => {}
            None => return Err(unavailable(error)),
        }
    }
}

/// One transaction: what the store answers, or what the database refused.
async fn attempt<A: Aggregate>(
    store: &Inner,
    queries: &Queries,
    prepared: &Prepared,
    change: &Change<A>,
) -> Result<Result<Saved, RepositoryError>, Refusal> {
    let elsewhere = |error| Refusal { place: Place::Elsewhere, error };
    let transaction = store.connections.begin().await.map_err(elsewhere)?;
    let saving = Saving { transaction: &transaction, queries, prepared, seal: store.seal.as_ref() };
    match saving.apply(change).await {
        Ok(version) => {
            task::commit(transaction).await.map_err(elsewhere)?;
            if !change.events.is_empty() {
                store.changed.notify_one();
            }
            Ok(Ok(Saved::Stored(version)))
        }
        Err(Stop::Answer(answer)) => {
            given_up::<A>(task::roll_back(transaction).await);
            Ok(answer)
        }
        Err(Stop::Failed(refusal)) => {
            given_up::<A>(task::roll_back(transaction).await);
            Err(refusal)
        }
    }
}

/// A transaction that must not be stored has ended. When even that failed, the connection does it before its next use.
fn given_up<A: Aggregate>(rolled_back: Result<(), DbErr>) {
    if let Err(error) = rolled_back {
        tracing::warn!(%error, aggregate = A::NAME, "a change that was refused could not be rolled back at once");
    }
}

/// The key whose constraint was violated.
fn taken_key<A: Aggregate>(queries: &Queries, place: Place, violation: &Violation) -> Option<&'static str> {
    let is_violated = |key: &&Key<A>| {
        queries.keys.get(key.name).is_some_and(|of_key| {
            let names = &of_key.names;
            match place {
                Place::Own => !key.many && violation.is_of(&names.index, &queries.table, &names.value),
                Place::Side(side) => side == key.name && violation.is_of(&names.index, &names.side, "value"),
                Place::Inbox | Place::Elsewhere => false,
            }
        })
    };
    let key = A::keys().iter().find(is_violated).map(|key| key.name);
    key.or_else(|| (place == Place::Own && violation.is_of_primary_key(&queries.table, "id")).then_some("id"))
}

/// A change in the form it is stored in; whatever can be refused without looking at the store was.
struct Prepared {
    id: String,
    state: String,
    /// A value and a sort value for each single key, in the order of the declared keys.
    single: Vec<Value>,
    /// The values and the sort value of each key of many.
    many: Vec<(&'static str, Vec<KeyValue>, i64)>,
    events: Vec<String>,
    headers: String,
    inbox_key: Option<String>,
    /// Milliseconds.
    now: i64,
}

impl Prepared {
    fn of<A: Aggregate>(store: &Inner, change: &Change<A>) -> Result<Self, RepositoryError> {
        let unwritable = |error| RepositoryError::unavailable(format!("write a {} as JSON", A::NAME), error);
        let value = change.value();
        let id = id_text::<A>(value.id())?;
        let mut single = Vec::with_capacity(2 * A::keys().len());
        let mut many = Vec::new();
        for key in A::keys() {
            let (mut values, sort) = (key.values_of(value)?, key.sort_of(value)?);
            if key.many {
                many.push((key.name, values, sort));
            } else {
                single.push(values.pop().map_or_else(|| no_value(key.int), parameter));
                single.push(sort.into());
            }
        }
        let headers = match &store.headers {
            Some(headers) if !change.events.is_empty() => serde_json::to_string(&headers()).map_err(unwritable)?,
            _ => "{}".to_owned(),
        };
        Ok(Self {
            state: serde_json::to_string(&value.to_state()).map_err(unwritable)?,
            single,
            many,
            events: change.events.iter().map(serde_json::to_string).collect::<Result<_, _>>().map_err(unwritable)?,
            headers,
            inbox_key: change.cause.as_ref().map(|cause| inbox_key(cause, A::NAME, &id)),
            now: store.clock.now().as_millis(),
            id,
        })
    }
}

struct Saving<'a> {
    transaction: &'a DatabaseTransaction,
    queries: &'a Queries,
    prepared: &'a Prepared,
    seal: Option<&'a Seal>,
}

impl Saving<'_> {
    async fn apply<A: Aggregate>(&self, change: &Change<A>) -> Result<Version, Stop> {
        self.remember(change.cause.as_ref()).await?;
        let version = match &change.kind {
            ChangeKind::Insert(_) => self.insert().await?,
            ChangeKind::Update(version, _) => self.update::<A>(*version).await?,
            ChangeKind::Delete(version, _) => self.delete::<A>(*version).await?,
        };
        self.record::<A>(version).await.map_err(at(Place::Elsewhere))?;
        Ok(version)
    }

    /// Stores the cause, or answers how it was handled before.
    async fn remember(&self, cause: Option<&Cause>) -> Result<(), Stop> {
        let (Some(cause), Some(key)) = (cause, &self.prepared.inbox_key) else { return Ok(()) };
        let handled = self.queries.handled.with([key.as_str().into()]);
        if let Some(row) = self.transaction.query_one_raw(handled).await.map_err(at(Place::Inbox))? {
            let first = first_id(cause, &row).map_err(at(Place::Inbox))?;
            let answer = first.map(|id| Saved::Duplicate { id }).ok_or(RepositoryError::CauseReused);
            return Err(Stop::Answer(answer));
        }
        let values = [key.as_str().into(), cause.body_hash().into(), self.id(), self.prepared.now.into()];
        self.transaction.execute_raw(self.queries.remember.with(values)).await.map_err(at(Place::Inbox))?;
        Ok(())
    }

    async fn insert(&self) -> Result<Version, Stop> {
        let own = [self.id(), 1_i64.into(), self.state()];
        self.transaction
            .execute_raw(self.queries.insert.with(own.into_iter().chain(self.prepared.single.clone())))
            .await
            .map_err(at(Place::Own))?;
        for (key, side, values, sort) in self.many() {
            for value in values {
                let insert = side.insert.with([self.id(), parameter(value.clone()), sort.into()]);
                self.transaction.execute_raw(insert).await.map_err(at(Place::Side(key)))?;
            }
        }
        Ok(1)
    }

    async fn update<A: Aggregate>(&self, expected: Version) -> Result<Version, Stop> {
        let version = expected.saturating_add(1);
        let values = [number(version).into(), self.state()]
            .into_iter()
            .chain(self.prepared.single.clone())
            .chain([self.id(), number(expected).into()]);
        let done = self.transaction.execute_raw(self.queries.update.with(values)).await.map_err(at(Place::Own))?;
        self.expect_one::<A>(done.rows_affected())?;
        for (key, side, values, sort) in self.many() {
            self.update_side(side, values, sort).await.map_err(at(Place::Side(key)))?;
        }
        Ok(version)
    }

    /// Writes what differs from what the side table has.
    async fn update_side(&self, side: &SideQueries, values: &[KeyValue], sort: i64) -> Result<(), DbErr> {
        let rows = self.transaction.query_all_raw(side.select.with([self.id()])).await?;
        let mut unchanged = Vec::with_capacity(rows.len());
        for row in rows {
            let value = match row.try_get_by_index::<i64>(0) {
                Ok(number) => KeyValue::Int(number),
                Err(_) => KeyValue::Text(dialect::text(&row, 0)?),
            };
            if values.contains(&value) && row.try_get_by_index::<i64>(1)? == sort {
                unchanged.push(value);
            } else {
                self.transaction.execute_raw(side.delete.with([self.id(), parameter(value)])).await?;
            }
        }
        for value in values.iter().filter(|value| !unchanged.contains(value)) {
            self.transaction.execute_raw(side.insert.with([self.id(), parameter(value.clone()), sort.into()])).await?;
        }
        Ok(())
    }

    async fn delete<A: Aggregate>(&self, expected: Version) -> Result<Version, Stop> {
        let delete = self.queries.delete.with([self.id(), number(expected).into()]);
        let done = self.transaction.execute_raw(delete).await.map_err(at(Place::Own))?;
        self.expect_one::<A>(done.rows_affected())?;
        for (_, side, ..) in self.many() {
            let delete = side.delete_all.with([self.id()]);
            self.transaction.execute_raw(delete).await.map_err(at(Place::Elsewhere))?;
        }
        Ok(expected.saturating_add(1))
    }

    /// Puts the events in the outbox.
    async fn record<A: Aggregate>(&self, version: Version) -> Result<(), DbErr> {
        for (index, event) in self.prepared.events.iter().enumerate() {
            let entry = OutboxEntry::id_of(A::NAME, &self.prepared.id, version, index);
            let event = seal::close_text(self.seal, event, &entry.0).map_err(too_large)?;
            let values = [
                entry.0.into(),
                A::NAME.into(),
                self.id(),
                number(version).into(),
                event.into_owned().into(),
                self.prepared.headers.as_str().into(),
                self.prepared.now.into(),
            ];
            self.transaction.execute_raw(self.queries.record.with(values)).await?;
        }
        Ok(())
    }

    fn expect_one<A: Aggregate>(&self, rows: u64) -> Result<(), Stop> {
        if rows == 1 {
            return Ok(());
        }
        Err(Stop::Answer(Err(RepositoryError::Conflict { aggregate: A::NAME, id: self.prepared.id.clone() })))
    }

    /// The side tables, and what the aggregate has in them.
    fn many(&self) -> impl Iterator<Item = (&'static str, &SideQueries, &[KeyValue], i64)> {
        self.prepared.many.iter().filter_map(|(key, values, sort)| {
            let side = self.queries.keys.get(key)?.side.as_ref()?;
            Some((*key, side, &values[..], *sort))
        })
    }

    fn id(&self) -> Value {
        self.prepared.id.as_str().into()
    }

    fn state(&self) -> Value {
        self.prepared.state.as_str().into()
    }
}
