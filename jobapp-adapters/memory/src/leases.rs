//! Leases in memory.

use std::time::Duration;

use async_trait::async_trait;
use jobapp_kernel::{Leases, RepositoryError};

use crate::MemoryStore;

#[async_trait]
impl Leases for MemoryStore {
    async fn take(&self, name: &str, owner: &str, time: Duration) -> Result<bool, RepositoryError> {
        let taken = &mut self.shared.data.lock().leases;
        let is_free = taken.owner(name).is_none_or(|other| other == owner);
        if is_free {
            taken.give(name, owner, time);
        }
        Ok(is_free)
    }

    async fn renew(&self, name: &str, owner: &str, time: Duration) -> Result<bool, RepositoryError> {
        let taken = &mut self.shared.data.lock().leases;
        let is_owner = taken.owner(name) == Some(owner);
        if is_owner {
            taken.give(name, owner, time);
        }
        Ok(is_owner)
    }

    async fn owner(&self, name: &str) -> Result<Option<String>, RepositoryError> {
        Ok(self.shared.data.lock().leases.owner(name).map(str::to_owned))
    }

    async fn release(&self, name: &str, owner: &str) -> Result<(), RepositoryError> {
        let taken = &mut self.shared.data.lock().leases;
        if taken.owner(name) == Some(owner) {
            taken.forget(name);
        }
        Ok(())
    }
}
