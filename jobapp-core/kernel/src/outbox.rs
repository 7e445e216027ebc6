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

    /// Whose event has this id: the kind of aggregate and its id. `None` when it is no id of an entry.
    pub fn aggregate_of(id: &MessageId) -> Option<(&str, &str)> {
        let (aggregate, rest) = id.0.split_once('/')?;
        let mut parts = rest.rsplitn(3, '/').skip(2);
        parts.next().map(|aggregate_id| (aggregate, aggregate_id))
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
    fn an_id_says_whose_event_it_is() {
        let id = OutboxEntry::id_of("kettle", "a/b", 7, 0);
        assert_eq!(OutboxEntry::aggregate_of(&id), Some(("kettle", "a/b")));
        for other in ["", "kettle", "kettle/1", "kettle/1/2"] {
            assert_eq!(OutboxEntry::aggregate_of(&MessageId(other.to_owned())), None, "{other}");
        }
    }
}
