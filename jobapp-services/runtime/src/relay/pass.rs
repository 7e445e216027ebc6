//! One lease of entries: translated, published and forgotten.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use jobapp_kernel::{Message, MessageId, OutboxEntry, PublishError, RepositoryError};
use parking_lot::Mutex;
use tokio::time::Instant;

use super::troubles::{Aggregate, Troubles};
use super::{Relay, RelayError, TranslateError};

/// How long entries are leased to one relay.
const LEASE: Duration = Duration::from_secs(30);
/// How long the broker may take to answer one call.
pub(super) const PUBLISH_TIMEOUT: Duration = Duration::from_secs(20);
/// So long after the lease nothing more is published: the last call ends before the lease does, so that nobody else publishes
/// the same aggregate's events meanwhile.
const LAST_CALL: Duration = Duration::from_secs(LEASE.as_secs() - PUBLISH_TIMEOUT.as_secs());
/// How many entries are leased at once.
const BATCH: usize = 256;

/// What came of a pass, or of several.
#[derive(Default)]
pub(super) struct Pass {
    /// How many entries were published.
    pub(super) taken: usize,
    /// Whether there may be more right now.
    pub(super) more: bool,
    /// Why the bus did not take something, unless it is that no queue is bound for it.
    pub(super) failure: Option<RelayError>,
}

/// Entries of different aggregates with their messages, those left out that were taken before.
#[derive(Default)]
struct Translated {
    /// Each with how many messages it has.
    entries: Vec<(OutboxEntry, usize)>,
    /// Those of all, in the order of the entries.
    messages: Vec<Message>,
}

/// The entries of a lease, those of each aggregate in a line of their own.
struct Lines(Vec<VecDeque<OutboxEntry>>);

/// What becomes of the entries of a lease.
#[derive(Default)]
struct Settled {
    published: Vec<MessageId>,
    held_back: Vec<(MessageId, Duration)>,
    failure: Option<RelayError>,
}

impl Relay {
    /// Publishes one lease of entries: the first of each aggregate at once, then the next of those whose first was taken, and
    /// so on. An aggregate's events come no faster than its saves, so this keeps up, and nothing overtakes what was not taken.
    pub(super) async fn pass(&self, owner: &str, troubles: &Mutex<Troubles>) -> Result<Pass, RepositoryError> {
        troubles.lock().forget_the_old();
        let leased_at = Instant::now();
        let leased = self.outbox.lease(owner, LEASE, BATCH).await?;
        let is_full = leased.len() == BATCH;
        let mut lines = Lines::of(leased);
        let mut settled = Settled::default();
        while !lines.0.is_empty() && leased_at.elapsed() < LAST_CALL {
            let first = self.first_of_each(&mut lines, &mut troubles.lock(), &mut settled);
            self.publish(first, &mut lines, troubles, &mut settled).await;
        }
        let more = is_full || !lines.0.is_empty();
        let Settled { published, held_back, failure } = settled;
        if !published.is_empty() {
            self.outbox.clear(owner, &published).await?;
        }
        if !held_back.is_empty() {
            self.outbox.hold_back(owner, &held_back).await?;
        }
        Ok(Pass { taken: published.len(), more, failure })
    }

    /// Takes the first entry that becomes messages out of each line. The lines of those that cannot be published now are dropped.
    fn first_of_each(&self, lines: &mut Lines, troubles: &mut Troubles, settled: &mut Settled) -> Translated {
        let mut first = Translated::default();
        lines.0.retain_mut(|line| {
            while let Some(entry) = line.pop_front() {
                match self.messages_of(&entry) {
                    Ok(messages) if messages.is_empty() => settled.published.push(entry.id),
                    Ok(messages) => {
                        if let Some(wait) = troubles.is_blocked(&messages) {
                            settled.held_back.push((entry.id, wait));
                            return false;
                        }
                        let messages = troubles.without_taken(&entry, messages);
                        first.entries.push((entry, messages.len()));
                        first.messages.extend(messages);
                        return true;
                    }
                    Err(error) => {
                        let wait = troubles.complain(&entry, &error);
                        settled.held_back.push((entry.id, wait));
                        return false;
                    }
                }
            }
            false
        });
        first
    }

    /// Publishes entries of different aggregates. The lines of those that were not taken are dropped.
    async fn publish(
        &self,
        Translated { entries, messages }: Translated,
        lines: &mut Lines,
        troubles: &Mutex<Troubles>,
        settled: &mut Settled,
    ) {
        let mut answers = self.confirm(&messages).await.into_iter();
        let mut messages = messages.iter();
        let mut troubles = troubles.lock();
        let mut stopped: Vec<Aggregate> = Vec::new();
        for (entry, count) in entries {
            let (mut refusal, mut taken) = (None, Vec::new());
            for message in messages.by_ref().take(count) {
                match answers.next().unwrap_or_else(|| Err(PublishError::unanswered().into())) {
                    Ok(()) => {
                        troubles.open(message);
                        taken.extend(&message.id);
                    }
                    Err(RelayError::Publish(error @ PublishError::Unroutable { .. })) => {
                        refusal.get_or_insert_with(|| troubles.complain(&entry, &error));
                    }
                    Err(error) => {
                        refusal = Some(troubles.away(message));
                        settled.failure.get_or_insert(error);
                    }
                }
            }
            match refusal {
                None => {
                    troubles.is_over(&entry);
                    settled.published.push(entry.id);
                }
                Some(wait) => {
                    troubles.remember_taken(&entry, taken.into_iter().cloned());
                    stopped.push(Aggregate::of(&entry));
                    settled.held_back.push((entry.id, wait));
                }
            }
        }
        lines.0.retain(|line| line.front().is_some_and(|next| !stopped.contains(&Aggregate::of(next))));
    }

    /// One answer for each message.
    async fn confirm(&self, messages: &[Message]) -> Vec<Result<(), RelayError>> {
        if messages.is_empty() {
            return Vec::new();
        }
        match tokio::time::timeout(PUBLISH_TIMEOUT, self.publisher.publish(messages)).await {
            Ok(answers) => answers.into_iter().map(|answer| answer.map_err(RelayError::Publish)).collect(),
            Err(_) => messages.iter().map(|_| Err(RelayError::Unconfirmed)).collect(),
        }
    }

    fn messages_of(&self, entry: &OutboxEntry) -> Result<Vec<Message>, TranslateError> {
        if let Some(reason) = entry.why_unreadable() {
            return Err(TranslateError::new(format!("it cannot be read: {reason}")));
        }
        let mut messages = (self.translate)(entry)?;
        for (index, message) in messages.iter_mut().enumerate() {
            message.id = Some(MessageId(format!("{}#{index}", entry.id)));
            message.timestamp = entry.recorded_at;
            for (name, value) in &entry.headers {
                message.headers.entry(name.clone()).or_insert_with(|| value.clone());
            }
            message.headers.insert("x-aggregate".to_owned(), entry.aggregate.clone());
            message.headers.insert("x-aggregate-id".to_owned(), entry.aggregate_id.clone());
            message.headers.insert("x-version".to_owned(), entry.version.to_string());
        }
        Ok(messages)
    }
}

impl Lines {
    fn of(entries: Vec<OutboxEntry>) -> Self {
        let mut places: HashMap<Aggregate, usize> = HashMap::new();
        let mut lines: Vec<VecDeque<OutboxEntry>> = Vec::new();
        for entry in entries {
            let place = *places.entry(Aggregate::of(&entry)).or_insert(lines.len());
            if place == lines.len() {
                lines.push(VecDeque::new());
            }
            lines[place].push_back(entry);
        }
        Self(lines)
    }
}
