//! What a relay remembers of what could not be published.

use std::collections::{HashMap, HashSet};
use std::error::Error;
use std::time::Duration;

use jobapp_kernel::{Message, MessageId, OutboxEntry, error_text};
use tokio::time::Instant;

use crate::backoff::Backoff;

/// How soon an entry is tried again for which no queue is bound, or which is not understood.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// How long it waits at most.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// How soon a way is tried again on which the bus takes nothing.
const FIRST_LOOK: Duration = Duration::from_millis(250);
/// How long it is left alone at most.
const LAST_LOOK: Duration = Duration::from_secs(5);
/// How often it is complained about an entry that is stuck.
const COMPLAIN_EVERY: Duration = Duration::from_secs(600);
/// Who has not been tried for so long is published by another process, or is gone.
const FORGET_AFTER: Duration = Duration::from_secs(3600);

/// The store hears a little later that something is left alone, and for how long.
const A_MOMENT: Duration = Duration::from_millis(50);

/// Whose events keep their order.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Aggregate {
    kind: String,
    id: String,
}

impl Aggregate {
    pub(super) fn of(entry: &OutboxEntry) -> Self {
        Self { kind: entry.aggregate.clone(), id: entry.aggregate_id.clone() }
    }
}

/// Where messages go: an exchange and a routing key.
type Way = (String, String);

#[derive(Default)]
pub(super) struct Troubles {
    entries: HashMap<Aggregate, Stuck>,
    ways: HashMap<Way, Closed>,
}

/// The first entry of an aggregate, which could not be published.
struct Stuck {
    entry: MessageId,
    /// Those of its messages that were taken.
    taken: HashSet<MessageId>,
    backoff: Backoff,
    complained_at: Option<Instant>,
    retry_at: Instant,
}

/// A way on which the bus took nothing when it was last tried.
struct Closed {
    backoff: Backoff,
    until: Instant,
}

impl Troubles {
    /// How long none of these may be published because the bus takes nothing on the way of one of them.
    pub(super) fn is_blocked(&self, messages: &[Message]) -> Option<Duration> {
        if self.ways.is_empty() {
            return None;
        }
        let now = Instant::now();
        let until = messages.iter().filter_map(|message| self.ways.get(&way_of(message))).map(|way| way.until).max();
        until.filter(|until| *until > now).map(|until| until - now)
    }

    /// The bus could not take a message. Returns how long to leave its way alone.
    pub(super) fn away(&mut self, message: &Message) -> Duration {
        let now = Instant::now();
        let way = self
            .ways
            .entry(way_of(message))
            .or_insert_with(|| Closed { backoff: Backoff::new(FIRST_LOOK, LAST_LOOK), until: now });
        if way.until <= now {
            way.until = now + way.backoff.pause();
        }
        way.until - now
    }

    /// The bus took a message.
    pub(super) fn open(&mut self, message: &Message) {
        if !self.ways.is_empty() {
            self.ways.remove(&way_of(message));
        }
    }

    /// These messages of an entry that stays were taken.
    pub(super) fn remember_taken(&mut self, entry: &OutboxEntry, taken: impl ExactSizeIterator<Item = MessageId>) {
        if taken.len() > 0 {
            self.stuck(entry).taken.extend(taken);
        }
    }

    /// Those messages of an entry that were not taken yet.
    pub(super) fn without_taken(&self, entry: &OutboxEntry, mut messages: Vec<Message>) -> Vec<Message> {
        if let Some(stuck) = self.entries.get(&Aggregate::of(entry)).filter(|stuck| stuck.entry == entry.id) {
            messages.retain(|message| message.id.as_ref().is_none_or(|id| !stuck.taken.contains(id)));
        }
        messages
    }

    /// All messages of an entry were taken.
    pub(super) fn is_over(&mut self, entry: &OutboxEntry) {
        if !self.entries.is_empty() {
            self.entries.remove(&Aggregate::of(entry));
        }
    }

    /// Forgets who has not been tried for long.
    pub(super) fn forget_the_old(&mut self) {
        let now = Instant::now();
        self.entries.retain(|_, stuck| stuck.retry_at + FORGET_AFTER > now);
    }

    /// An entry cannot be published. Says so, but not every time, and returns how long to leave it alone.
    pub(super) fn complain(&mut self, entry: &OutboxEntry, error: &(dyn Error + 'static)) -> Duration {
        let now = Instant::now();
        let stuck = self.stuck(entry);
        if stuck.complained_at.is_none_or(|last| last + COMPLAIN_EVERY <= now) {
            stuck.complained_at = Some(now);
            tracing::error!(
                entry = %entry.id,
                error = error_text(error),
                "the outbox entry {} stays, and so do later ones of its aggregate",
                entry.id
            );
        }
        let pause = stuck.backoff.pause();
        stuck.retry_at = now + pause;
        pause
    }

    /// When something that was left alone may be tried again.
    pub(super) fn next_try(&self) -> Option<Instant> {
        let now = Instant::now();
        let entries = self.entries.values().map(|stuck| stuck.retry_at);
        let due = entries.chain(self.ways.values().map(|way| way.until)).map(|due| due + A_MOMENT);
        due.filter(|due| *due > now).min()
    }

    fn stuck(&mut self, entry: &OutboxEntry) -> &mut Stuck {
        let stuck = self.entries.entry(Aggregate::of(entry)).or_insert_with(|| Stuck::new(entry));
        if stuck.entry != entry.id {
            *stuck = Stuck::new(entry);
        }
        stuck
    }
}

impl Stuck {
    fn new(entry: &OutboxEntry) -> Self {
        Self {
            entry: entry.id.clone(),
            taken: HashSet::new(),
            backoff: Backoff::new(FIRST_PAUSE, LONGEST_PAUSE),
            complained_at: None,
            retry_at: Instant::now(),
        }
    }
}

fn way_of(message: &Message) -> Way {
    (message.exchange.clone(), message.routing_key.clone())
}
