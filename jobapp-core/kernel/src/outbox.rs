//! The outbox: events that were stored and wait to be published.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::{MessageId, RepositoryError, Timestamp, Version};

/// The one field of an event that cannot be read. No event type has a field of this name.
const UNREADABLE: &str = "$unreadable";

/// An event that was stored with the change that raised it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OutboxEntry {
    /// `<aggregate>/<aggregate id>/<version>/<index>`: the same however often it is published.
    pub id: MessageId,
    /// The kind of aggregate that raised it.
    pub aggregate: String,
    /// The aggregate's id.
    pub aggregate_id: String,
    /// The version the change made.
    pub version: Version,
    /// The event, as its aggregate's event type serialises; see [`OutboxEntry::unreadable`] for one that cannot be read.
    pub event: serde_json::Value,
    /// What the change came with, such as `x-request-id` and `traceparent`.
    pub headers: BTreeMap<String, String>,
    /// When it was stored.
    pub recorded_at: Timestamp,
}

impl OutboxEntry {
    /// The id of the `index`th event of the change that made `version`.
    pub fn id_of(aggregate: &str, aggregate_id: &str, version: Version, index: usize) -> MessageId {
        MessageId(format!("{aggregate}/{aggregate_id}/{version}/{index}"))
    }

    /// What an id of an entry names: the kind of aggregate, its id, and the version with the place of the event among those of the change.
    /// `None` when it is no id of an entry.
    pub fn named(id: &MessageId) -> Option<(&str, &str, (Version, usize))> {
        let (aggregate, rest) = id.0.split_once('/')?;
        let (rest, index) = rest.rsplit_once('/')?;
        let (aggregate_id, version) = rest.rsplit_once('/')?;
        Some((aggregate, aggregate_id, (version.parse().ok()?, index.parse().ok()?)))
    }

    /// The event of an entry that is there but cannot be read, and why. A store hands such an entry out, so that whoever reads
    /// the outbox can hold back this aggregate and go on with the others.
    pub fn unreadable(reason: &str) -> serde_json::Value {
        serde_json::json!({ UNREADABLE: reason })
    }

    /// Why the event cannot be read, if that is so.
    pub fn why_unreadable(&self) -> Option<&str> {
        self.event.as_object().filter(|fields| fields.len() == 1)?.get(UNREADABLE)?.as_str()
    }
}

/// The outbox of a store, shared by all its aggregates.
#[async_trait]
pub trait Outbox: Send + Sync {
    /// Leases the oldest entries to `owner`: at most `limit`, oldest first, in the order of each aggregate's versions. While an
    /// aggregate's entries are leased nobody else gets any of that aggregate's. Asking again renews the lease and returns
    /// what was neither cleared nor held back. Leases end by the store's clock, whatever time its callers have.
    async fn lease(&self, owner: &str, lease: Duration, limit: usize) -> Result<Vec<OutboxEntry>, RepositoryError>;

    /// Forgets entries that were published. Unknown ids are ignored.
    async fn clear(&self, owner: &str, ids: &[MessageId]) -> Result<(), RepositoryError>;

    /// Holds back entries that are leased to `owner` and cannot be published, each for its time: until then nobody is given any
    /// of its aggregate's, `owner` neither. Unknown ids, and what `owner` has lost, are ignored.
    async fn hold_back(&self, owner: &str, entries: &[(MessageId, Duration)]) -> Result<(), RepositoryError>;

    /// Completes when a change with events was committed in this process since the last call completed. A store that cannot
    /// tell may complete at any time.
    async fn changed(&self);

    /// How many entries wait.
    async fn waiting(&self) -> Result<u64, RepositoryError>;

    /// How many of them could not be published when it was last tried. Those that wait behind them are not counted.
    async fn stuck(&self) -> Result<u64, RepositoryError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_of_an_entry_is_read_from_both_ends() {
        for aggregate_id in ["a/b", "a/b/1"] {
            let id = OutboxEntry::id_of("order", aggregate_id, 7, 2);
            assert_eq!(OutboxEntry::named(&id), Some(("order", aggregate_id, (7, 2))));
        }
        for other in ["", "order", "order/a", "order/1/2", "order/a/x/0", "order/a/1/x"] {
            assert_eq!(OutboxEntry::named(&MessageId(other.to_owned())), None, "{other}");
        }
    }
}
