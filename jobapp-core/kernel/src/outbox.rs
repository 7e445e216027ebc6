//! The outbox: events that were stored and wait to be published.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::{MessageId, RepositoryError, Timestamp, Version};

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
    /// The event, as its aggregate's event type serialises.
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
}

/// The outbox of a store, shared by all its aggregates.
#[async_trait]
pub trait Outbox: Send + Sync {
    /// Leases the oldest entries to `owner`: at most `limit`, oldest first, in the order of each aggregate's versions. While an
    /// aggregate's entries are leased nobody else gets any of that aggregate's. Asking again renews the lease and returns
    /// what was not cleared.
    async fn lease(&self, owner: &str, lease: Duration, limit: usize) -> Result<Vec<OutboxEntry>, RepositoryError>;

    /// Forgets entries that were published. Unknown ids are ignored.
    async fn clear(&self, owner: &str, ids: &[MessageId]) -> Result<(), RepositoryError>;

    /// Completes when a change with events was committed in this process since the last call completed. A store that cannot
    /// tell may complete at any time.
    async fn changed(&self);

    /// How many entries wait.
    async fn waiting(&self) -> Result<u64, RepositoryError>;
}
