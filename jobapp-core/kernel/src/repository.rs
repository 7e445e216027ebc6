//! The store: one port for every aggregate.

use std::collections::HashSet;

use async_trait::async_trait;

use crate::decisions::in_two_steps;
use crate::{About, Aggregate, Bounds, Decision, Key, KeyValue, Page, PageRequest, RepositoryError, Turns};

/// How often an aggregate was stored: 1 after the insert.
pub type Version = u64;

/// A value and the version it was loaded at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored<A> {
    /// The value.
    pub value: A,
    /// Its version, to be given back when it is saved.
    pub version: Version,
}

/// What made a change happen. A change with the same cause is made once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// A message. The inbox key is consumer, effect and aggregate, so one message may change several aggregates, each once.
    Message {
        /// The queue it was taken from.
        consumer: String,
        /// The message's id, or what its effect belongs to, such as `create-order JO12345678901`.
        effect: String,
    },
    /// A request with an idempotency key. The inbox key is caller, route and key.
    Request {
        /// Who asked.
        caller: String,
        /// The method and the path's pattern.
        route: String,
        /// The `Idempotency-Key` header.
        key: String,
        /// A hash of the body: the same key with another body is refused.
        body_hash: String,
    },
}

impl Cause {
    /// A message with this `effect`, taken from the queue `consumer`.
    pub fn message(consumer: impl Into<String>, effect: impl Into<String>) -> Self {
        Self::Message { consumer: consumer.into(), effect: effect.into() }
    }

    /// The text under which the inbox remembers this cause of a change to one aggregate.
    pub fn inbox_key(&self, aggregate: &str, id: &str) -> String {
        match self {
            Self::Message { consumer, effect } => format!("m|{consumer}|{effect}|{aggregate}|{id}"),
            Self::Request { caller, route, key, .. } => format!("r|{aggregate}|{caller}|{route}|{key}"),
        }
    }

    /// The hash of the body that came with the cause; empty for messages.
    pub fn body_hash(&self) -> &str {
        match self {
            Self::Message { .. } => "",
            Self::Request { body_hash, .. } => body_hash,
        }
    }
}

/// What is to happen to the value of a change.
#[derive(Debug, Clone)]
pub enum ChangeKind<A> {
    /// The value is new.
    Insert(A),
    /// The value replaces the one stored at this version.
    Update(Version, A),
    /// The value, stored at this version, goes.
    Delete(Version, A),
}

/// One aggregate's change, the events it raised and its cause: stored together or not at all.
#[derive(Debug, Clone)]
pub struct Change<A: Aggregate> {
    /// What happens to the value.
    pub kind: ChangeKind<A>,
    /// The events, in order. They go to the outbox.
    pub events: Vec<A::Event>,
    /// What caused the change, if it must not happen twice. It goes to the inbox.
    pub cause: Option<Cause>,
    /// Whether the caller saves something else to the same store before it answers anybody; see [`Change::before_another`].
    pub before_another: bool,
}

impl<A: Aggregate> Change<A> {
    /// A new value.
    pub const fn insert(value: A, events: Vec<A::Event>) -> Self {
        Self::of(ChangeKind::Insert(value), events)
    }

    /// A new state of the value loaded at `version`.
    pub const fn update(version: Version, value: A, events: Vec<A::Event>) -> Self {
        Self::of(ChangeKind::Update(version, value), events)
    }

    /// The end of the value loaded at `version`.
    pub const fn delete(version: Version, value: A, events: Vec<A::Event>) -> Self {
        Self::of(ChangeKind::Delete(version, value), events)
    }

    const fn of(kind: ChangeKind<A>, events: Vec<A::Event>) -> Self {
        Self { kind, events, cause: None, before_another: false }
    }

    /// The same change, which another one in the same store follows before anybody is answered. It is seen at once, and is on the
    /// disk no later than the other: a store whose changes reach the disk in their order need not wait for it twice.
    #[must_use]
    pub const fn before_another(mut self) -> Self {
        self.before_another = true;
        self
    }

    /// The same change, to be made once for this cause.
    #[must_use]
    pub fn caused_by(mut self, cause: impl Into<Option<Cause>>) -> Self {
        self.cause = cause.into();
        self
    }

    /// The value of the change.
    pub const fn value(&self) -> &A {
        match &self.kind {
            ChangeKind::Insert(value) | ChangeKind::Update(_, value) | ChangeKind::Delete(_, value) => value,
        }
    }
}

/// What became of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a duplicate must be answered as the first time"]
pub enum Saved {
    /// It is stored, at this version; a deleted value's version is its last one plus one.
    Stored(Version),
    /// Its cause was handled before, by a change to the aggregate with this id; nothing was stored.
    Duplicate {
        /// The id of the aggregate that was changed the first time.
        id: String,
    },
}

impl Saved {
    /// The new version, unless the change was a duplicate.
    pub const fn version(&self) -> Option<Version> {
        match self {
            Self::Stored(version) => Some(*version),
            Self::Duplicate { .. } => None,
        }
    }
}

/// The store of one kind of aggregate.
///
/// The same everywhere: ids and text keys are compared bytewise, lists are sorted by the key's sort value and then by id,
/// pages go on behind a cursor. Every implementation passes the suite in `jobapp-contracts`.
#[async_trait]
pub trait Repository<A: Aggregate>: Send + Sync {
    /// The value with this id; `None` when there is none.
    async fn find(&self, id: &A::Id) -> Result<Option<Stored<A>>, RepositoryError>;

    /// The values with these ids, each once, in the order in which the ids name them first. Ids of nothing are left out.
    async fn find_many(&self, ids: &[A::Id]) -> Result<Vec<Stored<A>>, RepositoryError> {
        let mut seen = HashSet::new();
        let mut found = Vec::new();
        for id in ids {
            if seen.insert(id) {
                found.extend(self.find(id).await?);
            }
        }
        Ok(found)
    }

    /// The value that has `value` for this unique key; `None` when there is none.
    async fn find_by(&self, key: Key<A>, value: KeyValue) -> Result<Option<Stored<A>>, RepositoryError>;

    /// The values that have `value` for this key, in the key's order.
    async fn list(&self, key: Key<A>, value: KeyValue, page: PageRequest) -> Result<Page<Stored<A>>, RepositoryError>;

    /// The values whose value of this key lies within `bounds`, in the order of those values.
    async fn range(&self, key: Key<A>, bounds: Bounds, page: PageRequest) -> Result<Page<Stored<A>>, RepositoryError>;

    /// Every value, in the order of ids: at most `limit` of them behind `after`.
    async fn scan(&self, after: Option<&A::Id>, limit: usize) -> Result<Vec<Stored<A>>, RepositoryError>;

    /// The id of the aggregate that this request changed before; `None` when it is new. A message is always `None`:
    /// its inbox key has the aggregate's id, so [`Repository::save`] tells.
    ///
    /// # Errors
    /// [`RepositoryError::CauseReused`] when the key came with another body.
    async fn caused(&self, cause: &Cause) -> Result<Option<A::Id>, RepositoryError>;

    /// Stores a value, its events and its cause in one atomic step.
    ///
    /// # Errors
    /// [`RepositoryError::Conflict`] when the version moved or the value is gone, [`RepositoryError::Taken`] when the id of
    /// an insert or a unique key is in use, [`RepositoryError::CauseReused`] when the key came with another body. A cause
    /// that was handled is looked for first, so a repeated insert is a [`Saved::Duplicate`], not `Taken`.
    async fn save(&self, change: Change<A>) -> Result<Saved, RepositoryError>;

    /// Reads, has it decided what becomes of what is there, and saves that: one step, which nobody in this process comes
    /// between, and after which everything is as after a [`Repository::save`]. Returns what became of the change, if one was
    /// decided on. By [`crate::decided`] something else can be found out at the same time.
    ///
    /// # Errors
    /// As [`Repository::save`], but never [`RepositoryError::Conflict`]: when another process was faster, it is decided anew,
    /// and when that goes on, it is [`RepositoryError::Unavailable`].
    async fn decide(&self, about: About<A>, decide: Decision<A>) -> Result<Option<Saved>, RepositoryError> {
        in_two_steps(self, about, decide).await
    }

    /// Whose turn it is among those who change something here: the same for everybody in this process who works on this
    /// store. Taken by [`crate::in_turn`].
    fn turns(&self) -> &Turns;
}

/// Numbers that are given out once, in growing order, for the contract's integer ids. Gaps are allowed.
#[async_trait]
pub trait Sequence: Send + Sync {
    /// The next number of the sequence `name`, which is never below `start`: smaller ones that nobody has yet are left out.
    async fn next(&self, name: &str, start: i64) -> Result<i64, RepositoryError>;
}
