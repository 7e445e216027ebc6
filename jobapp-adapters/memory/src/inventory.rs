//! What is asked of a store in memory by whoever looks after it.

use async_trait::async_trait;
use jobapp_kernel::{Backlog, Inventory, Layout, RepositoryError};

use crate::MemoryStore;

#[async_trait]
impl Inventory for MemoryStore {
    async fn layout(&self) -> Result<Layout, RepositoryError> {
        Ok(self.shared.data.lock().layout.clone())
    }

    async fn backlog(&self) -> Result<Backlog, RepositoryError> {
        let data = self.shared.data.lock();
        Ok(Backlog {
            waiting: data.outbox.len() as u64,
            stuck: data.outbox.stuck() as u64,
            oldest: data.outbox.oldest(),
        })
    }

    async fn count(&self, kind: &str) -> Result<u64, RepositoryError> {
        Ok(self.shared.data.lock().tables.get(kind).map_or(0, |table| table.len() as u64))
    }
}
