//! The outbox and the sequences in memory.

use std::time::Duration;

use async_trait::async_trait;
use jobapp_kernel::{MessageId, Outbox, OutboxEntry, RepositoryError, Sequence};
use tokio::time::Instant;

use crate::MemoryStore;

#[async_trait]
impl Outbox for MemoryStore {
    async fn lease(&self, owner: &str, lease: Duration, limit: usize) -> Result<Vec<OutboxEntry>, RepositoryError> {
        let now = Instant::now();
        Ok(self.shared.data.lock().outbox.lease(owner, now, now + lease, limit))
    }

    /// Only what is leased to `owner` goes: who lost a lease must not clear an entry that another is about to publish.
    async fn clear(&self, owner: &str, ids: &[MessageId]) -> Result<(), RepositoryError> {
        self.shared.data.lock().outbox.clear(owner, &ids.iter().collect());
        Ok(())
    }

    async fn hold_back(&self, owner: &str, entries: &[(MessageId, Duration)]) -> Result<(), RepositoryError> {
        let now = Instant::now();
        let until = entries.iter().map(|(id, time)| (id, now + *time)).collect();
        self.shared.data.lock().outbox.hold_back(owner, &until);
        Ok(())
    }

    async fn changed(&self) {
        self.shared.changed.notified().await;
    }

    async fn waiting(&self) -> Result<u64, RepositoryError> {
        Ok(self.shared.data.lock().outbox.len() as u64)
    }

    async fn stuck(&self) -> Result<u64, RepositoryError> {
        Ok(self.shared.data.lock().outbox.stuck() as u64)
    }
}

#[async_trait]
impl Sequence for MemoryStore {
    async fn next(&self, name: &str, start: i64) -> Result<i64, RepositoryError> {
        let mut data = self.shared.data.lock();
        let next = data.sequences.entry(name.to_owned()).or_insert(start);
        let number = start.max(*next);
        *next = number.checked_add(1).ok_or_else(|| {
            RepositoryError::unavailable(format!("count {name} on"), "the sequence has no numbers left")
        })?;
        Ok(number)
    }
}
