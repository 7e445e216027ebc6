//! A change in the form it is stored in; whatever can be refused without looking at the store was.

use jobapp_kernel::{Aggregate, Change, ChangeKind, Key, KeyValue, OutboxEntry, RepositoryError, Version, id_text};
use jobapp_seal as seal;
use mongodb::bson::oid::ObjectId;
use mongodb::bson::{Bson, Document, doc};

use crate::claims::Claim;
use crate::entry::Entry;
use crate::fields::{GONE, INBOX, OLDEST, OUTBOX, STAMP, STATE, VERSION, WAITS, sort_field, stored, value_field};
use crate::inbox::Mark;
use crate::inner::Inner;

/// What is to happen to the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Insert,
    Update(Version),
    Delete(Version),
}

/// A change in the form it is stored in.
pub(crate) struct Prepared {
    pub(crate) aggregate: &'static str,
    pub(crate) id: String,
    pub(crate) kind: Kind,
    /// The version it makes.
    pub(crate) version: Version,
    pub(crate) mark: Option<Mark>,
    /// What it claims, by key and value: whoever claims several does so in the same order.
    pub(crate) claims: Vec<(&'static str, Claim)>,
    /// The unique keys and the fields of their values.
    pub(crate) unique: Vec<(&'static str, String)>,
    /// Milliseconds.
    pub(crate) now: i64,
    /// The state, and the fields of keys that have a value.
    fields: Document,
    /// The fields that have none.
    without: Vec<String>,
    entries: Vec<String>,
    /// The ticket of the first of them.
    ticket: i64,
}

impl Prepared {
    pub(crate) fn of<A: Aggregate>(store: &Inner, change: &Change<A>) -> Result<Self, RepositoryError> {
        let unwritable = |error| RepositoryError::unavailable(format!("write a {} as JSON", A::NAME), error);
        let value = change.value();
        let id = id_text::<A>(value.id())?;
        let (kind, version) = match &change.kind {
            ChangeKind::Insert(_) => (Kind::Insert, 1),
            ChangeKind::Update(version, _) => (Kind::Update(*version), version.saturating_add(1)),
            ChangeKind::Delete(version, _) => (Kind::Delete(*version), version.saturating_add(1)),
        };
        let Keyed { mut fields, mut without, mut claims } = Keyed::of(A::keys().iter(), value)?;
        if matches!(kind, Kind::Delete(_)) {
            without.extend(fields.keys().cloned());
            without.push(STATE.to_owned());
            (fields, claims) = (Document::new(), Vec::new());
        } else {
            fields.insert(STATE, serde_json::to_string(&value.to_state()).map_err(unwritable)?);
        }
        let now = store.clock.now();
        let ticket = store.tickets.take(now, change.events.len());
        let headers = match &store.headers {
            Some(headers) if !change.events.is_empty() => headers(),
            _ => Default::default(),
        };
        let mut entries = Vec::with_capacity(change.events.len());
        for (index, event) in change.events.iter().enumerate() {
            let event = serde_json::to_string(event).map_err(unwritable)?;
            let place = OutboxEntry::id_of(A::NAME, &id, version, index);
            let sealed = seal::close_text(store.seal.as_ref(), &event, &place.0)
                .map_err(|error| RepositoryError::unavailable(format!("save a {}", A::NAME), error))?;
            let entry = Entry {
                ticket: ticket.saturating_add(i64::try_from(index).unwrap_or(i64::MAX)),
                version,
                index,
                event: sealed.into_owned(),
                headers: headers.clone(),
                recorded_at: now.as_millis(),
            };
            entries.push(serde_json::to_string(&entry).map_err(unwritable)?);
        }
        Ok(Self {
            aggregate: A::NAME,
            mark: change.cause.as_ref().map(|cause| Mark::of(cause, A::NAME, &id, now.as_millis())),
            id,
            kind,
            version,
            claims,
            unique: A::keys().iter().filter(|key| key.unique).map(|key| (key.name, value_field(key.name))).collect(),
            now: now.as_millis(),
            fields,
            without,
            entries,
            ticket,
        })
    }

    /// Whether it has events.
    pub(crate) fn has_events(&self) -> bool {
        !self.entries.is_empty()
    }

    /// The document, where there is none.
    pub(crate) fn document(&self, stamp: ObjectId) -> Document {
        let mut document = doc! {"_id": &self.id, VERSION: number(self.version), STAMP: stamp};
        document.extend(self.fields.clone());
        if let Some(mark) = &self.mark {
            document.insert(INBOX, vec![mark.claim.id.clone()]);
        }
        if self.has_events() {
            document.insert(OUTBOX, self.entries.clone());
            document.insert(OLDEST, self.ticket);
            document.insert(WAITS, self.count());
        }
        document
    }

    /// What becomes of the document that is there.
    pub(crate) fn update(&self, stamp: ObjectId) -> Document {
        let mut set = doc! {VERSION: number(self.version), STAMP: stamp};
        set.extend(self.fields.clone());
        let mut unset: Document =
            self.without.iter().map(|field| (field.clone(), Bson::String(String::new()))).collect();
        match self.kind {
            Kind::Insert => drop(unset.insert(GONE, "")),
            Kind::Update(_) => {}
            Kind::Delete(_) => drop(set.insert(GONE, self.now)),
        }
        let mut update = doc! {"$set": set};
        if !unset.is_empty() {
            update.insert("$unset", unset);
        }
        let mut push = Document::new();
        if let Some(mark) = &self.mark {
            push.insert(INBOX, mark.claim.id.clone());
        }
        if self.has_events() {
            push.insert(OUTBOX, doc! {"$each": self.entries.clone()});
            update.insert("$min", doc! {OLDEST: self.ticket});
            update.insert("$inc", doc! {WAITS: self.count()});
        }
        if !push.is_empty() {
            update.insert("$push", push);
        }
        update
    }

    fn count(&self) -> i64 {
        i64::try_from(self.entries.len()).unwrap_or(i64::MAX)
    }
}

/// What an aggregate has for some of its keys.
pub(crate) struct Keyed {
    /// The fields of keys that have a value.
    pub(crate) fields: Document,
    /// The fields that have none.
    pub(crate) without: Vec<String>,
    /// What it claims, by key and value.
    pub(crate) claims: Vec<(&'static str, Claim)>,
}

impl Keyed {
    pub(crate) fn of<'a, A: Aggregate>(
        keys: impl Iterator<Item = &'a Key<A>>,
        value: &A,
    ) -> Result<Self, RepositoryError> {
        let (mut fields, mut without, mut claims) = (Document::new(), Vec::new(), Vec::new());
        for key in keys {
            let (values, sort) = (key.values_of(value)?, key.sort_of(value)?);
            let (of_values, of_sort) = (value_field(key.name), sort_field(key.name));
            if key.unique {
                claims.extend(values.iter().map(|value| (key.name, claim(A::NAME, key.name, value))));
            }
            let mut values: Vec<Bson> = values.iter().map(stored).collect();
            match values.pop() {
                None => without.extend([of_values, of_sort]),
                Some(last) => {
                    values.push(last.clone());
                    fields.insert(of_values, if key.many { Bson::Array(values) } else { last });
                    fields.insert(of_sort, sort);
                }
            }
        }
        claims.sort_by(|one, other| one.1.id.cmp(&other.1.id));
        Ok(Self { fields, without, claims })
    }
}

/// The claim on a value of a unique key.
fn claim(aggregate: &str, key: &str, value: &KeyValue) -> Claim {
    Claim {
        id: claim_id(aggregate, key, &stored(value)),
        field: value_field(key),
        value: stored(value),
        outlives: false,
        says: Document::new(),
    }
}

/// The id of the claim on a stored value of a unique key. Names have no slash.
pub(crate) fn claim_id(aggregate: &str, key: &str, value: &Bson) -> String {
    match value {
        Bson::String(text) => format!("{aggregate}/{key}/{text}"),
        Bson::Int32(number) => format!("{aggregate}/{key}/{number}"),
        Bson::Int64(number) => format!("{aggregate}/{key}/{number}"),
        other => format!("{aggregate}/{key}/{other}"),
    }
}

/// A version as it is stored.
pub(crate) fn number(version: Version) -> i64 {
    i64::try_from(version).unwrap_or(i64::MAX)
}
