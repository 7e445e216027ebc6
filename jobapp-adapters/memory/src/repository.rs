//! The repository of one kind of aggregate in memory.

use std::marker::PhantomData;
use std::sync::Arc;

use async_trait::async_trait;
use jobapp_kernel::{
    Aggregate, Bounds, Cause, Change, ChangeKind, Cursor, Key, KeyValue, OutboxEntry, Page, PageRequest, Repository,
    RepositoryError, Saved, Stored, Turns, Version, id_text,
};

use crate::data::{Data, Handled, Shared};
use crate::table::{Found, KeyEntries, Row, Table};

pub(crate) struct MemoryRepository<A> {
    shared: Arc<Shared>,
    turns: Turns,
    aggregate: PhantomData<fn() -> A>,
}

impl<A: Aggregate> MemoryRepository<A> {
    pub(crate) const fn new(shared: Arc<Shared>, turns: Turns) -> Self {
        Self { shared, turns, aggregate: PhantomData }
    }

    /// Copies something out of the table and lets the lock go before anything is parsed. Others get on meanwhile, as while a
    /// database is asked: who forgets that in a test is told.
    async fn read<T: Default>(&self, copy: impl FnOnce(&Table) -> T) -> T {
        tokio::task::yield_now().await;
        self.shared.data.lock().tables.get(A::NAME).map(copy).unwrap_or_default()
    }

    async fn page(
        &self,
        limit: usize,
        find: impl FnOnce(&Table) -> Vec<Found>,
    ) -> Result<Page<Stored<A>>, RepositoryError> {
        let copy = |table: &Table| {
            let raw = |found: Found| table.row(&found.id).map(|row| (Raw::of(&found.id, row), found.sort));
            find(table).into_iter().filter_map(raw).collect::<Vec<_>>()
        };
        let mut found = self.read(copy).await;
        let has_more = found.len() > limit;
        found.truncate(limit);
        let last = found.last().map(|(raw, sort)| Cursor { sort: sort.clone(), id: raw.id.clone() });
        let items = found.into_iter().map(|(raw, _)| raw.load()).collect::<Result<_, _>>()?;
        Ok(Page { items, next: last.filter(|_| has_more) })
    }
}

/// A row as it was copied out of the table.
struct Raw {
    id: String,
    version: Version,
    state: String,
}

impl Raw {
    fn of(id: &str, row: &Row) -> Self {
        Self { id: id.to_owned(), version: row.version, state: row.state.clone() }
    }

    fn load<A: Aggregate>(self) -> Result<Stored<A>, RepositoryError> {
        let corrupt = |source| RepositoryError::Corrupt { aggregate: A::NAME, id: self.id.clone(), source };
        let state: A::State = serde_json::from_str(&self.state).map_err(|error| corrupt(error.into()))?;
        let value = A::from_state(state).map_err(|error| corrupt(error.into()))?;
        Ok(Stored { value, version: self.version })
    }
}

#[async_trait]
impl<A: Aggregate> Repository<A> for MemoryRepository<A> {
    async fn find(&self, id: &A::Id) -> Result<Option<Stored<A>>, RepositoryError> {
        let id = id.to_string();
        self.read(|table| table.row(&id).map(|row| Raw::of(&id, row))).await.map(Raw::load).transpose()
    }

    async fn find_by(&self, key: Key<A>, value: KeyValue) -> Result<Option<Stored<A>>, RepositoryError> {
        let key = declared(&key)?;
        let find = |table: &Table| {
            let id = table.holder(key.name, &value)?;
            table.row(id).map(|row| Raw::of(id, row))
        };
        self.read(find).await.map(Raw::load).transpose()
    }

    async fn list(&self, key: Key<A>, value: KeyValue, page: PageRequest) -> Result<Page<Stored<A>>, RepositoryError> {
        let key = declared(&key)?;
        self.page(page.limit, |table| table.list(key.name, &value, &page)).await
    }

    async fn range(&self, key: Key<A>, bounds: Bounds, page: PageRequest) -> Result<Page<Stored<A>>, RepositoryError> {
        let key = declared(&key)?;
        self.page(page.limit, |table| table.range(key.name, &bounds, &page)).await
    }

    async fn scan(&self, after: Option<&A::Id>, limit: usize) -> Result<Vec<Stored<A>>, RepositoryError> {
        let after = after.map(ToString::to_string);
        let copy =
            |table: &Table| table.scan(after.as_deref(), limit).map(|(id, row)| Raw::of(id, row)).collect::<Vec<_>>();
        let raw = self.read(copy).await;
        raw.into_iter().map(Raw::load).collect()
    }

    async fn caused(&self, cause: &Cause) -> Result<Option<A::Id>, RepositoryError> {
        if matches!(cause, Cause::Message { .. }) {
            return Ok(None);
        }
        let data = self.shared.data.lock();
        let Some(id) = data.handled(cause, &cause.inbox_key(A::NAME, ""))? else { return Ok(None) };
        let corrupt = |source| RepositoryError::Corrupt { aggregate: A::NAME, id: id.clone(), source };
        id.parse().map(Some).map_err(|error: jobapp_kernel::InvalidId| corrupt(error.into()))
    }

    async fn save(&self, change: Change<A>) -> Result<Saved, RepositoryError> {
        let prepared = Prepared::of(&change)?;
        tokio::task::yield_now().await;
        let now = self.shared.clock.now();
        let headers = self.shared.headers.as_ref().map(|headers| headers()).unwrap_or_default();
        let mut data = self.shared.data.lock();
        let version = match data.check(&change, &prepared)? {
            Saved::Stored(version) => version,
            duplicate @ Saved::Duplicate { .. } => return Ok(duplicate),
        };
        let Prepared { id, state, entries, events, cause } = prepared;
        for (index, event) in events.into_iter().enumerate() {
            data.outbox.push(OutboxEntry {
                id: OutboxEntry::id_of(A::NAME, &id, version, index),
                aggregate: A::NAME.to_owned(),
                aggregate_id: id.clone(),
                version,
                event,
                headers: headers.clone(),
                recorded_at: now,
            });
        }
        if let Some((key, body_hash)) = cause {
            data.inbox.insert(key, Handled { body_hash, id: id.clone() });
        }
        let table = data.tables.entry(A::NAME).or_default();
        match change.kind {
            ChangeKind::Insert(_) | ChangeKind::Update(..) => table.put(id, Row { version, state, entries }),
            ChangeKind::Delete(..) => table.remove(&id),
        }
        drop(data);
        if !change.events.is_empty() {
            self.shared.changed.notify_one();
        }
        Ok(Saved::Stored(version))
    }

    fn turns(&self) -> &Turns {
        &self.turns
    }
}

/// A change in the form it is stored in; whatever can be refused without looking at the store was.
struct Prepared {
    id: String,
    state: String,
    entries: Vec<KeyEntries>,
    events: Vec<serde_json::Value>,
    cause: Option<(String, String)>,
}

impl Prepared {
    fn of<A: Aggregate>(change: &Change<A>) -> Result<Self, RepositoryError> {
        let value = change.value();
        let id = id_text::<A>(value.id())?;
        let unwritable = |error| RepositoryError::unavailable(format!("write a {} as JSON", A::NAME), error);
        let entry = |key: &Key<A>| {
            let (values, sort) = (key.values_of(value)?, key.sort_of(value)?);
            Ok(KeyEntries { key: key.name, unique: key.unique, values, sort })
        };
        Ok(Self {
            state: serde_json::to_string(&value.to_state()).map_err(unwritable)?,
            entries: A::keys().iter().map(entry).collect::<Result<_, RepositoryError>>()?,
            events: change.events.iter().map(serde_json::to_value).collect::<Result<_, _>>().map_err(unwritable)?,
            cause: change.cause.as_ref().map(|cause| (cause.inbox_key(A::NAME, &id), cause.body_hash().to_owned())),
            id,
        })
    }
}

impl Data {
    /// The id that a cause with this inbox key changed before.
    fn handled(&self, cause: &Cause, inbox_key: &str) -> Result<Option<String>, RepositoryError> {
        match self.inbox.get(inbox_key) {
            Some(handled) if handled.body_hash != cause.body_hash() => Err(RepositoryError::CauseReused),
            handled => Ok(handled.map(|handled| handled.id.clone())),
        }
    }

    /// Whether the change can be stored, and at which version.
    fn check<A: Aggregate>(&self, change: &Change<A>, prepared: &Prepared) -> Result<Saved, RepositoryError> {
        let id = &prepared.id;
        if let (Some(cause), Some((key, _))) = (&change.cause, &prepared.cause)
            && let Some(id) = self.handled(cause, key)?
        {
            return Ok(Saved::Duplicate { id });
        }
        let table = self.tables.get(A::NAME);
        let stored = table.and_then(|table| table.row(id)).map(|row| row.version);
        let version = match (&change.kind, stored) {
            (ChangeKind::Insert(_), None) => 1,
            (ChangeKind::Insert(_), Some(_)) => return Err(RepositoryError::Taken { aggregate: A::NAME, key: "id" }),
            (ChangeKind::Update(expected, _) | ChangeKind::Delete(expected, _), Some(stored))
                if *expected == stored =>
            {
                stored + 1
            }
            (ChangeKind::Update(..) | ChangeKind::Delete(..), _) => {
                return Err(RepositoryError::Conflict { aggregate: A::NAME, id: id.clone() });
            }
        };
        let is_delete = matches!(change.kind, ChangeKind::Delete(..));
        match table.and_then(|table| table.taken(id, &prepared.entries)) {
            Some(key) if !is_delete => Err(RepositoryError::Taken { aggregate: A::NAME, key }),
            _ => Ok(Saved::Stored(version)),
        }
    }
}

/// The declared key of this name, or why there is none.
fn declared<A: Aggregate>(key: &Key<A>) -> Result<Key<A>, RepositoryError> {
    A::keys().iter().find(|declared| declared.name == key.name).copied().ok_or_else(|| {
        RepositoryError::unavailable(
            format!("look for a {}", A::NAME),
            format!("its key {} is not among its declared keys", key.name),
        )
    })
}
