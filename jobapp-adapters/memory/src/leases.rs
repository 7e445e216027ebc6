//! Leases in memory.

use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use jobapp_kernel::{Leases, RepositoryError};
use tokio::time::Instant;

use crate::MemoryStore;

/// Who has what, and until when.
#[derive(Default)]
pub(crate) struct Taken(HashMap<String, (String, Instant)>);

impl Taken {
    /// Who has it now.
    fn owner(&self, name: &str) -> Option<&str> {
        self.0.get(name).filter(|(_, until)| *until > Instant::now()).map(|(owner, _)| owner.as_str())
    }

    fn give(&mut self, name: &str, owner: &str, time: Duration) {
        self.0.insert(name.to_owned(), (owner.to_owned(), Instant::now() + time));
    }
}

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

    async fn release(&self, name: &str, owner: &str) -> Result<(), RepositoryError> {
        let taken = &mut self.shared.data.lock().leases;
        if taken.owner(name) == Some(owner) {
            taken.0.remove(name);
        }
        Ok(())
    }
}
