//! The entries of an outbox in memory.

use std::collections::{BTreeMap, HashMap, HashSet};

use jobapp_kernel::{MessageId, OutboxEntry, Timestamp};
use tokio::time::Instant;

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

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// When the oldest of them was stored.
    pub(crate) fn oldest(&self) -> Option<Timestamp> {
        self.entries.values().map(|(entry, _)| entry.recorded_at).min()
    }

    pub(crate) fn entries(&self) -> Vec<OutboxEntry> {
        self.entries.values().map(|(entry, _)| entry.clone()).collect()
    }

    pub(crate) fn lease(&mut self, owner: &str, now: Instant, until: Instant, limit: usize) -> Vec<OutboxEntry> {
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

    pub(crate) fn clear(&mut self, owner: &str, ids: &HashSet<&MessageId>) {
        self.entries.retain(|_, (entry, lease)| !(is_leased_to(owner, lease.as_ref()) && ids.contains(&entry.id)));
    }

    pub(crate) fn hold_back(&mut self, owner: &str, until: &HashMap<&MessageId, Instant>) {
        for (entry, lease) in self.entries.values_mut() {
            if let Some(&until) = until.get(&entry.id)
                && is_leased_to(owner, lease.as_ref())
            {
                *lease = Some(Lease { owner: None, until });
            }
        }
    }

    pub(crate) fn stuck(&self) -> usize {
        self.entries.values().filter(|(_, lease)| lease.as_ref().is_some_and(|lease| lease.owner.is_none())).count()
    }
}

fn is_leased_to(owner: &str, lease: Option<&Lease>) -> bool {
    lease.is_some_and(|lease| lease.owner.as_deref() == Some(owner))
}
