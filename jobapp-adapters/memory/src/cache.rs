//! A shared cache in memory.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use jobapp_kernel::{CacheUnavailable, Looked, SharedCache, Ticket};
use parking_lot::Mutex;

/// After how many tickets what has ended is forgotten.
const SWEEP_EVERY: u64 = 1024;

/// A cache of one process. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct MemoryCache(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    slots: HashMap<String, Slot>,
    tickets: u64,
}

#[derive(Debug)]
struct Slot {
    until: Instant,
    held: Held,
}

#[derive(Debug)]
enum Held {
    Value(Vec<u8>),
    /// Who has this finds it out.
    Ticket(Ticket),
}

impl MemoryCache {
    /// Nothing is kept.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Kept {
    fn is_valid(&self, key: &str, ticket: &Ticket) -> bool {
        self.slots.get(key).is_some_and(|slot| {
            slot.until > Instant::now() && matches!(&slot.held, Held::Ticket(given) if given == ticket)
        })
    }
}

#[async_trait]
impl SharedCache for MemoryCache {
    async fn look(&self, key: &str, finding: Duration) -> Result<Looked, CacheUnavailable> {
        let (kept, now) = (&mut *self.0.lock(), Instant::now());
        if let Some(slot) = kept.slots.get(key).filter(|slot| slot.until > now) {
            return Ok(match &slot.held {
                Held::Value(value) => Looked::Kept(value.clone()),
                Held::Ticket(_) => Looked::Awaited,
            });
        }
        kept.tickets += 1;
        if kept.tickets.is_multiple_of(SWEEP_EVERY) {
            kept.slots.retain(|_, slot| slot.until > now);
        }
        let ticket = Ticket(kept.tickets.to_string());
        let slot = Slot { until: now + finding, held: Held::Ticket(ticket.clone()) };
        kept.slots.insert(key.to_owned(), slot);
        Ok(Looked::Yours(ticket))
    }

    async fn keep(&self, key: &str, ticket: &Ticket, value: &[u8], age: Duration) -> Result<bool, CacheUnavailable> {
        let mut kept = self.0.lock();
        let is_valid = kept.is_valid(key, ticket);
        if is_valid {
            let slot = Slot { until: Instant::now() + age, held: Held::Value(value.to_vec()) };
            kept.slots.insert(key.to_owned(), slot);
        }
        Ok(is_valid)
    }

    async fn give_back(&self, key: &str, ticket: &Ticket) -> Result<(), CacheUnavailable> {
        let mut kept = self.0.lock();
        if kept.is_valid(key, ticket) {
            kept.slots.remove(key);
        }
        Ok(())
    }

    async fn spoil(&self, keys: &[String]) -> Result<(), CacheUnavailable> {
        let mut kept = self.0.lock();
        keys.iter().for_each(|key| drop(kept.slots.remove(key)));
        Ok(())
    }
}
