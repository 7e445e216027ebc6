//! The names of collections and of the fields of documents.

use jobapp_kernel::KeyValue;
use mongodb::bson::{Bson, Document, doc};

use crate::Namespace;

/// How often the aggregate was stored.
pub(crate) const VERSION: &str = "version";
/// The state, as JSON.
pub(crate) const STATE: &str = "state";
/// Another one after every write that matters to who is about to write: see `claims`.
pub(crate) const STAMP: &str = "stamp";
/// When the aggregate was deleted, or its place was held for nobody. Such a document is nothing to who looks for aggregates.
pub(crate) const GONE: &str = "gone";
/// The causes it took.
pub(crate) const INBOX: &str = "inbox";
/// Whether some of them are in the inbox's own collection.
pub(crate) const MOVED: &str = "moved";
/// The events that wait, the oldest first.
pub(crate) const OUTBOX: &str = "outbox";
/// The ticket of the oldest of them; there while there is one.
pub(crate) const OLDEST: &str = "oldest";
/// How many there are.
pub(crate) const WAITS: &str = "waits";
/// To whom they are leased.
pub(crate) const LEASED_BY: &str = "leased_by";
/// Until when, by the server's clock.
pub(crate) const LEASED_UNTIL: &str = "leased_until";
/// The highest ticket that was leased.
pub(crate) const LEASED_UP_TO: &str = "leased_up_to";
/// The entries that are held back.
pub(crate) const HELD: &str = "held";
/// Until when, by the server's clock.
pub(crate) const HELD_UNTIL: &str = "held_until";
/// How many there are.
pub(crate) const STUCK: &str = "stuck";

/// What the collections of a store are called.
#[derive(Debug, Clone)]
pub(crate) struct Names {
    namespace: Namespace,
    /// Unique values, and whose they are.
    pub(crate) claims: String,
    /// Causes that are no longer, or not only, in the document they changed.
    pub(crate) inbox: String,
    pub(crate) sequences: String,
    pub(crate) leases: String,
    /// The keys that collections have fields for.
    pub(crate) kinds: String,
}

impl Names {
    pub(crate) fn of(namespace: Namespace) -> Self {
        let collection = |name: &str| namespace.name_of(name);
        Self {
            claims: collection("jobapp_claims"),
            inbox: collection("jobapp_inbox"),
            sequences: collection("jobapp_sequences"),
            leases: collection("jobapp_leases"),
            kinds: collection("jobapp_kinds"),
            namespace,
        }
    }

    /// The collection of a kind of aggregate.
    pub(crate) fn of_kind(&self, name: &str) -> String {
        self.namespace.name_of(name)
    }
}

/// The field of a key's value or values.
pub(crate) fn value_field(key: &str) -> String {
    format!("k_{key}")
}

/// The field of what lists by a key are sorted by.
pub(crate) fn sort_field(key: &str) -> String {
    format!("s_{key}")
}

/// The name of the index by a key.
pub(crate) fn index_name(key: &str) -> String {
    format!("by_{key}")
}

/// A key value as it is stored.
pub(crate) fn stored(value: &KeyValue) -> Bson {
    match value {
        KeyValue::Int(number) => Bson::Int64(*number),
        KeyValue::Text(text) => Bson::String(text.clone()),
    }
}

/// That there is an aggregate at all.
pub(crate) fn is_there() -> Document {
    doc! { GONE: {"$exists": false} }
}
