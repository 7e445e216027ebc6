//! Publishes what the outbox holds.

use std::collections::{HashMap, HashSet};
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use jobapp_kernel::{Message, MessageId, Outbox, OutboxEntry, PublishError, Publisher, RepositoryError};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::backoff::Backoff;
use crate::error_text::error_text;

/// How long entries are leased to one relay: longer than [`PUBLISH_TIMEOUT`], so that the order of an aggregate's events
/// survives a slow broker.
const LEASE: Duration = Duration::from_secs(30);
/// How long the broker may take to confirm.
const PUBLISH_TIMEOUT: Duration = Duration::from_secs(20);
/// How often the outbox is looked at unasked: for other processes, expired leases and stores that cannot tell.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// How soon an outbox that was empty is looked at again, for stores that say "changed" at any time.
const LOOK_AT_MOST_EVERY: Duration = Duration::from_millis(5);
/// How long stopping may take.
const LAST_DRAIN: Duration = Duration::from_secs(5);
/// How many entries are published at once.
const BATCH: usize = 256;
/// How many entries that cannot be published may be held beside them before the relay makes no progress.
const MAX_STUCK: usize = 16_384;
/// How often an entry that is stuck is complained about.
const COMPLAIN_EVERY: Duration = Duration::from_secs(600);

/// Makes the bus messages of an outbox entry: none, one or several. The relay sets their ids, times and headers.
pub type Translate = Arc<dyn Fn(&OutboxEntry) -> Result<Vec<Message>, TranslateError> + Send + Sync>;

/// Why an outbox entry could not be made into messages: this program does not understand its event.
#[derive(Debug, thiserror::Error)]
#[error("the event could not be made into messages: {reason}")]
pub struct TranslateError {
    /// What it is about it.
    pub reason: String,
    /// What said so, if something else did.
    #[source]
    pub source: Option<Box<dyn Error + Send + Sync>>,
}

impl TranslateError {
    /// An event that is not understood.
    pub fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), source: None }
    }
}

impl From<serde_json::Error> for TranslateError {
    fn from(error: serde_json::Error) -> Self {
        Self { reason: "its JSON has another shape".to_owned(), source: Some(Box::new(error)) }
    }
}

/// Publishes the outbox of one store, in order, and forgets what the broker confirmed.
///
/// A crash between the confirm and the forgetting publishes the same messages again, with the same ids. An entry that cannot
/// be read or translated or has no queue stays, complains, and holds back the later entries of its aggregate only.
#[derive(Clone)]
pub struct Relay {
    /// Where the entries are.
    pub outbox: Arc<dyn Outbox>,
    /// Where they go.
    pub publisher: Arc<dyn Publisher>,
    /// What becomes of them.
    pub translate: Translate,
    /// Who leases them: unique to this process.
    pub owner: String,
}

/// Why a pass over the outbox stopped early.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    /// The entries could not be leased or forgotten.
    #[error("the outbox could not be read")]
    Outbox(#[from] RepositoryError),
    /// The broker did not take the messages.
    #[error("the outbox could not be published")]
    Publish(#[from] PublishError),
    /// The broker did not confirm in time.
    #[error("the message bus did not confirm within {} s", PUBLISH_TIMEOUT.as_secs())]
    Unconfirmed,
}

/// What a relay remembers between passes.
#[derive(Default)]
struct Memory {
    /// The entries that stay, and when it last complained about them.
    complaints: HashMap<MessageId, Instant>,
    stuck: usize,
}

/// An entry with its messages.
struct Translated {
    entry: OutboxEntry,
    messages: Vec<Message>,
}

impl Relay {
    /// A relay that leases as `owner`.
    pub fn new(
        owner: impl Into<String>,
        outbox: Arc<dyn Outbox>,
        publisher: Arc<dyn Publisher>,
        translate: impl Fn(&OutboxEntry) -> Result<Vec<Message>, TranslateError> + Send + Sync + 'static,
    ) -> Self {
        Self { outbox, publisher, translate: Arc::new(translate), owner: owner.into() }
    }

    /// Publishes until `stop` is cancelled, then once more what is left, for at most five seconds.
    pub async fn run(&self, stop: CancellationToken) {
        let no_time_left = async {
            stop.cancelled().await;
            tokio::time::sleep(LAST_DRAIN).await;
        };
        tokio::select! {
            () = self.work(&stop) => {}
            // What is cut off here is published again, with the same ids.
            () = no_time_left => tracing::warn!(owner = self.owner, "the outbox keeps events for the next start: no time left"),
        }
    }

    async fn work(&self, stop: &CancellationToken) {
        let mut memory = Memory::default();
        let mut backoff = Backoff::new(Duration::from_millis(250), Duration::from_secs(5));
        while !stop.is_cancelled() {
            match self.pass(&mut memory).await {
                Ok(true) => backoff.reset(),
                Ok(false) => {
                    backoff.reset();
                    let looked_at = Instant::now();
                    tokio::select! {
                        () = stop.cancelled() => {}
                        () = tokio::time::sleep(LOOK_EVERY) => {}
                        () = self.outbox.changed() => tokio::time::sleep_until(looked_at + LOOK_AT_MOST_EVERY).await,
                    }
                }
                Err(error) => {
                    let pause = backoff.pause();
                    tracing::warn!(
                        owner = self.owner,
                        error = error_text(&error),
                        pause_ms = pause.as_millis(),
                        "the outbox waits for the message bus or the store"
                    );
                    tokio::select! {
                        () = stop.cancelled() => {}
                        () = tokio::time::sleep(pause) => {}
                    }
                }
            }
        }
        let result = async {
            while self.pass(&mut memory).await? {}
            Ok::<(), RelayError>(())
        }
        .await;
        if let Err(error) = result {
            tracing::warn!(
                owner = self.owner,
                error = error_text(&error),
                "the outbox keeps events for the next start"
            );
        }
    }

    /// Publishes what is there now and returns once nothing is left that can be published.
    ///
    /// # Errors
    /// The first failure of the broker or the store.
    pub async fn publish_all(&self) -> Result<(), RelayError> {
        let mut memory = Memory::default();
        while self.pass(&mut memory).await? {}
        Ok(())
    }

    /// Publishes one lease of entries. Returns whether there may be more right now.
    async fn pass(&self, memory: &mut Memory) -> Result<bool, RelayError> {
        let limit = BATCH + memory.stuck.min(MAX_STUCK);
        let leased = self.outbox.lease(&self.owner, LEASE, limit).await?;
        let leased_count = leased.len();
        let mut held_back: HashSet<(String, String)> = HashSet::new();
        let mut ready = Vec::with_capacity(leased_count);
        let mut complaints = HashMap::new();
        for entry in leased {
            if held_back.contains(&aggregate_of(&entry)) {
                continue;
            }
            match self.messages_of(&entry) {
                Ok(messages) => ready.push(Translated { entry, messages }),
                Err(error) => {
                    memory.complain(&mut complaints, &entry, &error);
                    held_back.insert(aggregate_of(&entry));
                }
            }
        }
        let result = self.publish(ready, &mut held_back, memory, &mut complaints).await;
        memory.complaints = complaints;
        let published = result?;
        memory.stuck = leased_count - published;
        if memory.stuck > MAX_STUCK {
            tracing::error!(
                owner = self.owner,
                stuck = memory.stuck,
                "so many events are stuck that others wait behind them"
            );
        }
        // There may be entries behind a full lease. The next one reaches them if this one made room or learnt how much is stuck.
        let next_limit = BATCH + memory.stuck.min(MAX_STUCK);
        let more = leased_count == limit && (published > 0 || next_limit > limit);
        Ok(more)
    }

    /// Publishes everything at once, or entry by entry when one of them has no queue. Returns how many were forgotten.
    async fn publish(
        &self,
        ready: Vec<Translated>,
        held_back: &mut HashSet<(String, String)>,
        memory: &Memory,
        complaints: &mut HashMap<MessageId, Instant>,
    ) -> Result<usize, RelayError> {
        let messages: Vec<Message> = ready.iter().flat_map(|one| one.messages.iter().cloned()).collect();
        match self.confirm(&messages).await {
            Ok(()) => return self.clear(ready.into_iter().map(|one| one.entry.id).collect()).await,
            Err(RelayError::Publish(PublishError::Unroutable { .. })) => {}
            Err(error) => return Err(error),
        }
        let mut published = Vec::with_capacity(ready.len());
        let mut failure = None;
        for Translated { entry, messages } in ready {
            if held_back.contains(&aggregate_of(&entry)) {
                continue;
            }
            match self.confirm(&messages).await {
                Ok(()) => published.push(entry.id),
                Err(RelayError::Publish(error @ PublishError::Unroutable { .. })) => {
                    memory.complain(complaints, &entry, &error);
                    held_back.insert(aggregate_of(&entry));
                }
                Err(error) => {
                    failure = Some(error);
                    break;
                }
            }
        }
        let count = self.clear(published).await?;
        failure.map_or(Ok(count), Err)
    }

    async fn confirm(&self, messages: &[Message]) -> Result<(), RelayError> {
        if messages.is_empty() {
            return Ok(());
        }
        match tokio::time::timeout(PUBLISH_TIMEOUT, self.publisher.publish(messages)).await {
            Ok(result) => Ok(result?),
            Err(_) => Err(RelayError::Unconfirmed),
        }
    }

    async fn clear(&self, ids: Vec<MessageId>) -> Result<usize, RelayError> {
        if !ids.is_empty() {
            self.outbox.clear(&self.owner, &ids).await?;
        }
        Ok(ids.len())
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

impl Memory {
    /// Says that an entry stays, but not every time it is seen.
    fn complain(
        &self,
        complaints: &mut HashMap<MessageId, Instant>,
        entry: &OutboxEntry,
        error: &(dyn Error + 'static),
    ) {
        let now = Instant::now();
        let last = self.complaints.get(&entry.id).copied().filter(|last| *last + COMPLAIN_EVERY > now);
        if last.is_none() {
            tracing::error!(
                entry = %entry.id,
                error = error_text(error),
                "the outbox entry {} stays, and so do later ones of its aggregate",
                entry.id
            );
        }
        complaints.insert(entry.id.clone(), last.unwrap_or(now));
    }
}

fn aggregate_of(entry: &OutboxEntry) -> (String, String) {
    (entry.aggregate.clone(), entry.aggregate_id.clone())
}
