//! Aggregates and the keys they are found by.

use std::error::Error;
use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::{Identifier, Timestamp};

/// The longest key value or id a store accepts, in bytes of UTF-8: what an index of every supported database can hold.
pub const MAX_KEY_BYTES: usize = 191;

/// Something that decides: it is loaded, asked, and stored as a whole, and nothing else changes in the same step.
///
/// An implementor keeps its fields private, declares its [keys](Key) and converts to and from a versioned state type.
pub trait Aggregate: Clone + Send + Sync + 'static {
    /// The name of the kind, in snake case and singular: `order`. Names the table or collection and the `x-aggregate` header.
    const NAME: &'static str;
    /// What identifies one.
    type Id: Identifier;
    /// What it raises. Serialised into the outbox, so old entries must stay readable.
    type Event: Serialize + DeserializeOwned + Clone + fmt::Debug + Send + Sync + 'static;
    /// What is stored. Carries its own version, so that old states stay readable.
    type State: Serialize + DeserializeOwned + Send;

    /// The id.
    fn id(&self) -> &Self::Id;

    /// Every key it can be found by, always the same ones.
    fn keys() -> &'static [Key<Self>];

    /// What to store.
    fn to_state(&self) -> Self::State;

    /// The value of a stored state.
    ///
    /// # Errors
    /// [`InvalidState`] when the state breaks a rule of the aggregate.
    fn from_state(state: Self::State) -> Result<Self, InvalidState>;
}

/// A stored state that breaks a rule of its aggregate.
#[derive(Debug, thiserror::Error)]
#[error("{reason}")]
pub struct InvalidState {
    /// Which rule it breaks.
    pub reason: String,
    /// What said so, if something else did.
    #[source]
    pub source: Option<Box<dyn Error + Send + Sync>>,
}

impl InvalidState {
    /// A state that breaks a rule.
    pub fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), source: None }
    }
}

/// One value of a key. Integers sort as numbers, texts bytewise; the two kinds never mix in one key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum KeyValue {
    /// A number, an instant in milliseconds, a sequence.
    Int(i64),
    /// A text of at most [`MAX_KEY_BYTES`] bytes, without U+0000.
    Text(String),
}

impl From<i64> for KeyValue {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<Timestamp> for KeyValue {
    fn from(instant: Timestamp) -> Self {
        Self::Int(instant.as_millis())
    }
}

impl From<String> for KeyValue {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for KeyValue {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

/// A declared key of an aggregate: a name, how its values are read, and how a list by it is sorted.
///
/// A key without a value leaves the aggregate out of that index. Declare keys as constants:
///
/// ```
/// # use jobapp_kernel::{Aggregate, InvalidState, Key, KeyValue, ObjectId, Timestamp};
/// # #[derive(Clone)] struct Kettle { id: ObjectId, owner: String, made: Timestamp }
/// impl Kettle {
///     /// Kettles of an owner, by age.
///     pub const OWNER: Key<Self> = Key::<Self>::text("owner", |kettle| vec![kettle.owner.as_str().into()]).sorted_by(|kettle| kettle.made.into());
/// }
/// # impl Aggregate for Kettle {
/// #     const NAME: &'static str = "kettle"; type Id = ObjectId; type Event = (); type State = ObjectId;
/// #     fn id(&self) -> &ObjectId { &self.id }
/// fn keys() -> &'static [Key<Self>] {
///     const { &[Kettle::OWNER] }
/// }
/// #     fn to_state(&self) -> ObjectId { self.id }
/// #     fn from_state(id: ObjectId) -> Result<Self, InvalidState> { Ok(Kettle { id, owner: String::new(), made: Timestamp::EPOCH }) }
/// # }
/// # assert_eq!(Kettle::keys()[0].name, "owner");
/// ```
pub struct Key<A: ?Sized> {
    /// The name, in snake case. Names the column or field.
    pub name: &'static str,
    /// Whether two aggregates may not share a value.
    pub unique: bool,
    /// Whether one aggregate may have several values.
    pub many: bool,
    /// Whether the values are numbers; otherwise they are texts.
    pub int: bool,
    /// The values of an aggregate: none, one, or several if [`Key::many`].
    pub read: fn(&A) -> Vec<KeyValue>,
    /// What lists by this key sort by: always a [`KeyValue::Int`].
    pub sort: fn(&A) -> KeyValue,
}

impl<A: ?Sized> Clone for Key<A> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<A: ?Sized> Copy for Key<A> {}

impl<A: ?Sized> fmt::Debug for Key<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("name", &self.name)
            .field("unique", &self.unique)
            .field("many", &self.many)
            .finish_non_exhaustive()
    }
}

impl<A: ?Sized> Key<A> {
    /// A key of at most one text.
    pub const fn text(name: &'static str, read: fn(&A) -> Vec<KeyValue>) -> Self {
        Self { name, unique: false, many: false, int: false, read, sort: |_| KeyValue::Int(0) }
    }

    /// A key of at most one number.
    pub const fn int(name: &'static str, read: fn(&A) -> Vec<KeyValue>) -> Self {
        Self { int: true, ..Self::text(name, read) }
    }

    /// The same key, whose values two aggregates may not share.
    #[must_use]
    pub const fn unique(self) -> Self {
        Self { unique: true, ..self }
    }

    /// The same key, of which one aggregate may have several values.
    #[must_use]
    pub const fn many(self) -> Self {
        Self { many: true, ..self }
    }

    /// How it is declared, such as `text unique`: a store that was made for a key of another declaration must be made anew for it.
    pub fn declaration(&self) -> String {
        let kind = if self.int { "int" } else { "text" };
        let unique = if self.unique { " unique" } else { "" };
        let many = if self.many { " many" } else { "" };
        format!("{kind}{unique}{many}")
    }

    /// The same key, whose lists are sorted by this number; ties are broken by id, bytewise.
    #[must_use]
    pub const fn sorted_by(self, sort: fn(&A) -> KeyValue) -> Self {
        Self { sort, ..self }
    }
}
