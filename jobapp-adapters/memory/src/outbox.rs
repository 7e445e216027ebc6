//! The outbox and the sequences in memory.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use async_trait::async_trait;
use jobapp_kernel::{MessageId, Outbox, OutboxEntry, RepositoryError, Sequence};
use tokio::time::Instant;

use crate::MemoryStore;

/// The entries that wait, by the order in which they were stored.
#[derive(Default)]
pub(crate) struct Waiting {
    next: u64,
    entries: BTreeMap<u64, (OutboxEntry, Option<Lease>)>,
}

struct Lease {
    /// `None` while the entry is held back from everybody.
    owner: Option<String>,
    until: Instant,
}

impl Waiting {
    pub(crate) fn push(&mut self, entry: OutboxEntry) {
        self.entries.insert(self.next, (entry, None));
        self.next += 1;
    }

    pub(crate) fn entries(&self) -> Vec<OutboxEntry> {
        self.entries.values().map(|(entry, _)| entry.clone()).collect()
    }

    fn lease(&mut self, owner: &str, now: Instant, until: Instant, limit: usize) -> Vec<OutboxEntry> {
        let leased_elsewhere =
            |lease: &Option<Lease>| lease.as_ref().is_some_and(|l| l.owner.as_deref() != Some(owner) && l.until > now);
        let blocked: HashSet<(String, String)> = self
            .entries
            .values()
            .filter(|(_, lease)| leased_elsewhere(lease))
            .map(|(entry, _)| (entry.aggregate.clone(), entry.aggregate_id.clone()))
            .collect();
        self.entries
            .values_mut()
            .filter(|(entry, _)| !blocked.contains(&(entry.aggregate.clone(), entry.aggregate_id.clone())))
            .take(limit)
            .map(|(entry, lease)| {
                *lease = Some(Lease { owner: Some(owner.to_owned()), until });
                entry.clone()
            })
            .collect()
    }

    fn clear(&mut self, owner: &str, ids: &HashSet<&MessageId>) {
        self.entries.retain(|_, (entry, lease)| !(is_leased_to(owner, lease.as_ref()) && ids.contains(&entry.id)));
    }

    fn hold_back(&mut self, owner: &str, until: &HashMap<&MessageId, Instant>) {
        for (entry, lease) in self.entries.values_mut() {
            if let Some(&until) = until.get(&entry.id)
                && is_leased_to(owner, lease.as_ref())
            {
                *lease = Some(Lease { owner: None, until });
            }
        }
    }

    fn stuck(&self) -> usize {
        self.entries.values().filter(|(_, lease)| lease.as_ref().is_some_and(|lease| lease.owner.is_none())).count()
    }
}

fn is_leased_to(owner: &str, lease: Option<&Lease>) -> bool {
    lease.is_some_and(|lease| lease.owner.as_deref() == Some(owner))
}

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
        Ok(self.shared.data.lock().outbox.entries.len() as u64)
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
        let number = *next;
        *next = number.checked_add(1).ok_or_else(|| {
            RepositoryError::unavailable(format!("count {name} on"), "the sequence has no numbers left")
        })?;
        Ok(number)
    }
}
