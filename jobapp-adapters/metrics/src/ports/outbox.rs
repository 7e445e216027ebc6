//! Events that leave the outbox, by what they tell.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jobapp_kernel::{MessageId, Outbox, OutboxEntry, RepositoryError};
use parking_lot::Mutex;

use crate::{BusinessEvent, Counters, Metrics};

/// How many leased entries are remembered. Two leases are out at a time, each of a few hundred; what was lost to another process is
/// forgotten with the rest.
const MOST: usize = 4096;

struct Watched {
    outbox: Arc<dyn Outbox>,
    events: Counters<BusinessEvent>,
    /// What is leased, until it is cleared.
    leased: Mutex<HashMap<MessageId, BusinessEvent>>,
}

impl Metrics {
    /// The same outbox of a service, whose events are counted as they are cleared: each was published then.
    pub fn outbox(&self, service: &'static str, outbox: Arc<dyn Outbox>) -> Arc<dyn Outbox> {
        let events = self.counters(
            "jobapp_events_total",
            "Events of the business that were stored and published.",
            &[("service", service)],
        );
        Arc::new(Watched { outbox, events, leased: Mutex::default() })
    }
}

#[async_trait]
impl Outbox for Watched {
    async fn lease(&self, owner: &str, lease: Duration, limit: usize) -> Result<Vec<OutboxEntry>, RepositoryError> {
        let entries = self.outbox.lease(owner, lease, limit).await?;
        if !entries.is_empty() {
            let mut leased = self.leased.lock();
            if leased.len() + entries.len() > MOST {
                leased.clear();
            }
            leased.extend(entries.iter().map(|entry| (entry.id.clone(), BusinessEvent::of(entry))));
        }
        Ok(entries)
    }

    async fn clear(&self, owner: &str, ids: &[MessageId]) -> Result<(), RepositoryError> {
        self.outbox.clear(owner, ids).await?;
        let mut leased = self.leased.lock();
        for event in ids.iter().filter_map(|id| leased.remove(id)) {
            self.events.of(event).inc();
        }
        Ok(())
    }

    async fn hold_back(&self, owner: &str, entries: &[(MessageId, Duration)]) -> Result<(), RepositoryError> {
        self.outbox.hold_back(owner, entries).await?;
        let mut leased = self.leased.lock();
        for (id, _) in entries {
            leased.remove(id);
        }
        Ok(())
    }

    async fn changed(&self) {
        self.outbox.changed().await;
    }

    async fn waiting(&self) -> Result<u64, RepositoryError> {
        self.outbox.waiting().await
    }

    async fn stuck(&self) -> Result<u64, RepositoryError> {
        self.outbox.stuck().await
    }
}
