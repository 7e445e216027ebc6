//! Messages between services: at least once, in no promised order, confirmed by the broker.

use std::collections::BTreeMap;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::{ErrorKind, Kinded, Timestamp, error_text};

/// What tells two messages apart, however often one of them is delivered.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MessageId(pub String);

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How an exchange picks queues.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ExchangeKind {
    /// Queues bound with the message's routing key.
    Direct,
    /// Every bound queue.
    Fanout,
}

/// Where messages are published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Exchange {
    /// The name on the broker.
    pub name: &'static str,
    /// How it picks queues.
    pub kind: ExchangeKind,
}

/// Where messages wait for one consumer. Durable; bound to one exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Queue {
    /// The name on the broker.
    pub name: &'static str,
    /// The exchange it is bound to.
    pub exchange: Exchange,
    /// The routing key it is bound with; empty for a fan-out.
    pub routing_key: &'static str,
}

/// A message to publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Stable over repeated publishing. `None` only for foreign producers.
    pub id: Option<MessageId>,
    /// The discriminator, such as `create-order`.
    pub kind: String,
    /// The exchange's name.
    pub exchange: String,
    /// The routing key; empty for a fan-out.
    pub routing_key: String,
    /// When what it tells of happened.
    pub timestamp: Timestamp,
    /// `traceparent`, `x-request-id`, `x-aggregate`, `x-version`.
    pub headers: BTreeMap<String, String>,
    /// JSON text in UTF-8, or anything else a foreign producer sends.
    pub body: Vec<u8>,
}

impl Message {
    /// Reads the body as JSON.
    ///
    /// # Errors
    /// When it is no JSON, or not of this shape: a poison message.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_slice(&self.body)
    }

    /// The `x-version` header: the version of the aggregate that raised it.
    pub fn version(&self) -> Option<u64> {
        self.headers.get("x-version")?.parse().ok()
    }
}

/// A message as a consumer gets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The message.
    pub message: Message,
    /// The queue it was taken from.
    pub queue: &'static str,
    /// How often a handler has failed with it: 0 the first time. Neither outages nor lost consumers count.
    pub attempt: u32,
    /// Whether it may have been handled before.
    pub redelivered: bool,
}

impl Delivery {
    /// The message's id, or a text that is the same for the same body when a foreign producer sent none.
    pub fn effect(&self) -> String {
        self.message
            .id
            .as_ref()
            .map_or_else(|| format!("body {}", String::from_utf8_lossy(&self.message.body)), ToString::to_string)
    }
}

/// How soon a message is tried again that could not be handled because something else is away.
const OUTAGE_PAUSE: Duration = Duration::from_secs(5);
/// How soon a message is tried again whose aggregate kept moving.
const MOVED_PAUSE: Duration = Duration::from_secs(1);

/// What became of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Its effect is stored, or there is none: acknowledge.
    Done,
    /// Deliver it again after this time.
    Retry {
        /// The least time to wait.
        after: Duration,
        /// Whether this attempt counts: after the subscription's last one it is dead. An outage of what the handler depends on
        /// says nothing about the message, so it does not count.
        counts: bool,
        /// Why.
        reason: String,
    },
    /// It can never be handled: to the dead letters with it.
    Dead {
        /// Why.
        reason: String,
    },
}

impl Outcome {
    /// What an error makes of a message: this is decided here and nowhere else.
    ///
    /// What may pass is waited for without end, since it says nothing about the message: an outage and a limit that is reached
    /// (5 s), an aggregate that moved meanwhile (1 s). Anything else never passes, and the message is dead.
    pub fn of<E: Kinded + 'static>(error: &E) -> Self {
        let reason = error_text(error);
        match error.kind() {
            ErrorKind::Unavailable | ErrorKind::Limited => Self::retry_patiently(OUTAGE_PAUSE, reason),
            ErrorKind::Conflict => Self::retry_patiently(MOVED_PAUSE, reason),
            ErrorKind::Invalid
            | ErrorKind::Unauthorized
            | ErrorKind::Forbidden
            | ErrorKind::NotFound
            | ErrorKind::Refused
            | ErrorKind::Taken
            | ErrorKind::Mismatch
            | ErrorKind::TooLarge
            | ErrorKind::Internal => Self::dead(reason),
        }
    }

    /// The handler could make nothing of it this time. Deliver it again, after 1 s, 10 s, 60 s, then every 10 minutes, and not
    /// more often than the subscription says. For errors there is [`Outcome::of`].
    pub fn failed(attempt: u32, reason: impl Into<String>) -> Self {
        let seconds = match attempt {
            0 => 1,
            1 => 10,
            2 => 60,
            _ => 600,
        };
        Self::Retry { after: Duration::from_secs(seconds), counts: true, reason: reason.into() }
    }

    /// Deliver it again after this time, however often that happens: it is not the message's fault.
    pub fn retry_patiently(after: Duration, reason: impl fmt::Display) -> Self {
        Self::Retry { after, counts: false, reason: reason.to_string() }
    }

    /// It can never be handled.
    pub fn dead(reason: impl fmt::Display) -> Self {
        Self::Dead { reason: reason.to_string() }
    }
}

/// Why a body cannot be read: what kind of mistake it is and where. Never what is there, since bodies hold secrets and the
/// reason of a dead letter is logged.
pub fn unreadable(error: &serde_json::Error) -> String {
    let what = match error.classify() {
        serde_json::error::Category::Data => "it has another shape",
        serde_json::error::Category::Syntax => "it is no JSON",
        serde_json::error::Category::Eof => "it ends too early",
        serde_json::error::Category::Io => "it could not be read to its end",
    };
    format!("the body cannot be read: {what} (line {}, column {})", error.line(), error.column())
}

/// Turns deliveries into effects. Handling the same delivery twice has the effect of once.
#[async_trait]
pub trait Handler: Send + Sync {
    /// Handles one delivery.
    async fn handle(&self, delivery: &Delivery) -> Outcome;

    /// Handles several, one outcome each, in order. By default one after the other.
    async fn handle_batch(&self, deliveries: &[Delivery]) -> Vec<Outcome> {
        deliver_each(self, deliveries).await
    }
}

/// Hands deliveries to a handler one after the other.
pub async fn deliver_each<H: Handler + ?Sized>(handler: &H, deliveries: &[Delivery]) -> Vec<Outcome> {
    let mut outcomes = Vec::with_capacity(deliveries.len());
    for delivery in deliveries {
        outcomes.push(handler.handle(delivery).await);
    }
    outcomes
}

/// How many deliveries a handler gets at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batch {
    /// At most this many.
    pub max: usize,
    /// At most this long after the first of them arrived.
    pub within: Duration,
}

impl Batch {
    /// One at a time, at once.
    pub const SINGLE: Self = Self { max: 1, within: Duration::ZERO };
}

/// A consumer's wishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subscription {
    /// The queue to take from.
    pub queue: Queue,
    /// How many deliveries may be with the handler at a time. 1 keeps their order.
    pub prefetch: usize,
    /// How many the handler gets in one call.
    pub batch: Batch,
    /// After how many attempts that count a message is dead.
    pub max_attempts: u32,
    /// After how many consumers that were lost while they had it a message is dead, on a bus that counts them. Those beside it
    /// were lost too and may be innocent: this is a bound, for what takes its consumer down every time.
    pub max_losses: u32,
}

impl Subscription {
    /// One delivery at a time, in order, ten attempts, ten losses.
    pub const fn to(queue: Queue) -> Self {
        Self { queue, prefetch: 1, batch: Batch::SINGLE, max_attempts: 10, max_losses: 10 }
    }

    /// The same, up to 64 at a time: for handlers whose effects commute, or that tell by themselves what is old, as those of
    /// several processes must anyway. Effects that are stored at the same time can share one wait for the disk.
    #[must_use]
    pub const fn commuting(self) -> Self {
        Self { prefetch: 64, ..self }
    }

    /// The same, in batches.
    #[must_use]
    pub const fn batched(self, batch: Batch) -> Self {
        Self { batch, prefetch: batch.max, ..self }
    }
}

/// Why a message may not be taken for published.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// No queue is bound for it: it was stored nowhere.
    #[error("no queue is bound to {exchange} for {routing_key:?}")]
    Unroutable {
        /// The exchange.
        exchange: String,
        /// The routing key.
        routing_key: String,
    },
    /// The broker is away, refused it, or did not confirm it in time: it may have been stored nevertheless.
    #[error("the message bus could not take a message")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl PublishError {
    /// The broker gave no answer for a message.
    pub fn unanswered() -> Self {
        Self::Unavailable("it gave no answer".into())
    }
}

/// Either way something else is missing, and the same message can be published later.
impl Kinded for PublishError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Unavailable
    }
}

/// Why a consumer could not be attached.
#[derive(Debug, thiserror::Error)]
#[error("the queue {queue} could not be consumed")]
pub struct BindError {
    /// The queue.
    pub queue: String,
    /// Why.
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

/// Publishes messages.
#[async_trait]
pub trait Publisher: Send + Sync {
    /// Publishes in order and returns once the broker has answered for each: one answer a message, in their order. `Ok` is
    /// given once the message is safe with the broker. A message that is not taken disturbs no other, and one that is not
    /// confirmed does not hold up the answers of the others for more than a few seconds.
    async fn publish(&self, messages: &[Message]) -> Vec<Result<(), PublishError>>;

    /// Publishes one message.
    async fn publish_one(&self, message: &Message) -> Result<(), PublishError> {
        self.publish(std::slice::from_ref(message)).await.pop().unwrap_or_else(|| Err(PublishError::unanswered()))
    }
}

/// Delivers messages to handlers.
#[async_trait]
pub trait Subscriber: Send + Sync {
    /// Makes sure these queues, their exchanges and bindings exist, so that nothing published from now on misses them.
    async fn declare(&self, queues: &[Queue]) -> Result<(), BindError>;

    /// Feeds the handler until `stop` completes, then waits for the deliveries that are with it. A connection that breaks is
    /// made again. Nothing is acknowledged before the handler said [`Outcome::Done`].
    async fn consume(
        &self,
        subscription: Subscription,
        handler: Arc<dyn Handler>,
        stop: Pin<Box<dyn Future<Output = ()> + Send>>,
    ) -> Result<(), BindError>;
}

/// A message no consumer could handle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// What tells it apart from the other dead letters of its queue.
    pub id: String,
    /// The queue it was taken from.
    pub queue: String,
    /// Why it was given up.
    pub reason: String,
    /// How often a handler had it; or how many consumers it took down, if that is the reason.
    pub attempts: u32,
    /// When it was given up.
    pub died_at: Timestamp,
    /// The message, as it was published.
    pub message: Message,
}

/// Why dead letters could not be read or moved.
#[derive(Debug, thiserror::Error)]
pub enum DeadLetterError {
    /// The queue has no dead letter with this id: it never had, or somebody was faster.
    #[error("the queue {queue} has no dead letter {id}")]
    NotFound {
        /// The queue.
        queue: String,
        /// The id that was asked for.
        id: String,
    },
    /// The broker is away or refused it.
    #[error("the message bus could not reach its dead letters")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Kinded for DeadLetterError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::NotFound { .. } => ErrorKind::NotFound,
            Self::Unavailable(_) => ErrorKind::Unavailable,
        }
    }
}

/// What is done with a dead letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Burial {
    /// As [`DeadLetters::replay`].
    Replay,
    /// As [`DeadLetters::discard`].
    Discard,
}

/// What an operator does with the messages no consumer could handle.
#[async_trait]
pub trait DeadLetters: Send + Sync {
    /// The dead letters of a queue, oldest first: at most `limit`.
    async fn list(&self, queue: &str, limit: usize) -> Result<Vec<DeadLetter>, DeadLetterError>;

    /// Puts one back into its queue, as if it had just been published: attempt 0, not redelivered.
    async fn replay(&self, queue: &str, id: &str) -> Result<(), DeadLetterError>;

    /// Forgets one.
    async fn discard(&self, queue: &str, id: &str) -> Result<(), DeadLetterError>;

    /// Does the same with several of a queue, and tells `done` of each as soon as it is done. Those that are not there, or not any
    /// more, are passed over. Whatever ends it in the midst, each letter is where it was or where it should be.
    async fn bury_each(
        &self,
        queue: &str,
        ids: &[String],
        burial: Burial,
        done: &(dyn for<'i> Fn(&'i str) + Send + Sync),
    ) -> Result<(), DeadLetterError> {
        for id in ids {
            let buried = match burial {
                Burial::Replay => self.replay(queue, id).await,
                Burial::Discard => self.discard(queue, id).await,
            };
            match buried {
                Ok(()) => done(id),
                Err(DeadLetterError::NotFound { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// How many messages are where.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QueueLength {
    /// Ready to be taken, or waiting for their retry.
    pub waiting: u64,
    /// With a handler; `None` where that is not told.
    pub in_flight: Option<u64>,
    /// Given up.
    pub dead: u64,
    /// How many consume from it; `None` where that is not told.
    pub consumers: Option<u64>,
}

/// Why queues could not be counted: the broker is away or refused it.
#[derive(Debug, thiserror::Error)]
#[error("the message bus could not count the messages of {queue}")]
pub struct QueueError {
    /// The queue.
    pub queue: String,
    /// Why.
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

/// Tells how long queues are, without changing anything.
#[async_trait]
pub trait Queues: Send + Sync {
    /// How many messages a queue has; `None` when nobody has declared it.
    async fn length(&self, queue: &str) -> Result<Option<QueueLength>, QueueError>;
}
