//! The message bus in memory.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use jobapp_kernel::{
    BindError, DeadLetter, DeadLetterError, DeadLetters, Delivery, ExchangeKind, Handler, Message, MessageId, Outcome,
    PublishError, Publisher, Queue, QueueError, QueueLength, Queues, Subscriber, Subscription, Timestamp,
};
use jobapp_pump::{Found, QueueDepth, QueueEnd, Settled, Taken, pump};
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::Instant;

/// A message bus in memory: everything a broker promises, until the process ends.
///
/// Clones share the same queues.
#[derive(Clone, Default)]
pub struct MemoryBus {
    state: Arc<Mutex<State>>,
    longest_retry: Option<Duration>,
}

#[derive(Default)]
struct State {
    exchanges: HashMap<String, ExchangeKind>,
    bindings: Vec<Binding>,
    queues: BTreeMap<String, QueueState>,
    next: u64,
    /// Why publishing fails at the moment, for tests of what depends on it.
    outage: Option<String>,
}

#[derive(PartialEq, Eq)]
struct Binding {
    exchange: String,
    routing_key: String,
    queue: String,
}

struct QueueState {
    ready: BTreeMap<u64, Waiting>,
    delayed: BTreeMap<(Instant, u64), Waiting>,
    taken: HashMap<u64, Waiting>,
    /// The ids of all messages above: one that comes again meanwhile is the same.
    ids: HashSet<MessageId>,
    dead: BTreeMap<u64, DeadLetter>,
    changes: watch::Sender<u64>,
}

#[derive(Clone)]
struct Waiting {
    message: Message,
    attempt: u32,
    /// How many consumers were lost that had it.
    losses: u32,
    redelivered: bool,
}

impl MemoryBus {
    /// A bus without queues.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same bus, where no retry waits longer than this.
    #[must_use]
    pub fn with_longest_retry(self, longest: Duration) -> Self {
        Self { longest_retry: Some(longest), ..self }
    }

    /// Lets every [`Publisher::publish`] fail for this reason, as if the broker were away, until it is lifted with `None`.
    pub fn set_outage(&self, reason: Option<&str>) {
        self.state.lock().outage = reason.map(str::to_owned);
    }

    /// How many messages each declared queue holds.
    pub fn depths(&self) -> BTreeMap<String, QueueDepth> {
        let state = self.state.lock();
        let depth = |queue: &QueueState| QueueDepth {
            waiting: (queue.ready.len() + queue.delayed.len()) as u64,
            in_flight: queue.taken.len() as u64,
            dead: queue.dead.len() as u64,
        };
        state.queues.iter().map(|(name, queue)| (name.clone(), depth(queue))).collect()
    }

    /// Whether nothing waits and nothing is with a handler. Dead letters do not count.
    pub fn is_idle(&self) -> bool {
        self.depths().values().all(|depth| depth.waiting == 0 && depth.in_flight == 0)
    }
}

impl State {
    fn declare(&mut self, queue: &Queue) -> Result<(), BindError> {
        let exchange = queue.exchange;
        let kind = *self.exchanges.entry(exchange.name.to_owned()).or_insert(exchange.kind);
        if kind != exchange.kind {
            let reason = format!("the exchange {} exists and is {kind:?}, not {:?}", exchange.name, exchange.kind);
            return Err(BindError { queue: queue.name.to_owned(), source: reason.into() });
        }
        let binding = Binding {
            exchange: exchange.name.to_owned(),
            routing_key: queue.routing_key.to_owned(),
            queue: queue.name.to_owned(),
        };
        if !self.bindings.contains(&binding) {
            self.bindings.push(binding);
        }
        self.queues.entry(queue.name.to_owned()).or_insert_with(QueueState::new);
        Ok(())
    }

    /// The names of the queues a message goes to.
    fn route(&self, message: &Message) -> Result<Vec<String>, PublishError> {
        let kind = self.exchanges.get(&message.exchange);
        let bound = self.bindings.iter().filter(|binding| {
            binding.exchange == message.exchange
                && (kind == Some(&ExchangeKind::Fanout) || binding.routing_key == message.routing_key)
        });
        let mut queues: Vec<String> = bound.map(|binding| binding.queue.clone()).collect();
        queues.sort_unstable();
        queues.dedup();
        if queues.is_empty() {
            return Err(PublishError::Unroutable {
                exchange: message.exchange.clone(),
                routing_key: message.routing_key.clone(),
            });
        }
        Ok(queues)
    }

    fn publish(&mut self, message: &Message) -> Result<(), PublishError> {
        if let Some(reason) = &self.outage {
            return Err(PublishError::Unavailable(reason.clone().into()));
        }
        for queue in self.route(message)? {
            self.store(&queue, message.clone());
        }
        Ok(())
    }

    fn store(&mut self, queue: &str, message: Message) {
        self.next += 1;
        let seq = self.next;
        if let Some(queue) = self.queues.get_mut(queue) {
            let is_new = message.id.as_ref().is_none_or(|id| queue.ids.insert(id.clone()));
            if is_new {
                queue.ready.insert(seq, Waiting { message, attempt: 0, losses: 0, redelivered: false });
                queue.tell();
            }
        }
    }
}

impl QueueState {
    fn new() -> Self {
        Self {
            ready: BTreeMap::new(),
            delayed: BTreeMap::new(),
            taken: HashMap::new(),
            ids: HashSet::new(),
            dead: BTreeMap::new(),
            changes: watch::Sender::new(0),
        }
    }

    fn tell(&self) {
        self.changes.send_modify(|count| *count += 1);
    }

    fn forget_id(&mut self, message: &Message) {
        if let Some(id) = &message.id {
            self.ids.remove(id);
        }
    }
}

#[async_trait]
impl Publisher for MemoryBus {
    async fn publish(&self, messages: &[Message]) -> Vec<Result<(), PublishError>> {
        let mut state = self.state.lock();
        messages.iter().map(|message| state.publish(message)).collect()
    }
}

#[async_trait]
impl Subscriber for MemoryBus {
    async fn declare(&self, queues: &[Queue]) -> Result<(), BindError> {
        let mut state = self.state.lock();
        queues.iter().try_for_each(|queue| state.declare(queue))
    }

    async fn consume(
        &self,
        subscription: Subscription,
        handler: Arc<dyn Handler>,
        stop: Pin<Box<dyn Future<Output = ()> + Send>>,
    ) -> Result<(), BindError> {
        self.declare(&[subscription.queue]).await?;
        let queue = subscription.queue.name;
        let changes = self.state.lock().queues.get(queue).map(|queue| queue.changes.subscribe());
        if let Some(changes) = changes {
            let end = MemoryQueueEnd { bus: self.clone(), queue };
            pump(&end, changes, subscription, handler, stop).await;
        }
        Ok(())
    }
}

struct MemoryQueueEnd {
    bus: MemoryBus,
    queue: &'static str,
}

#[async_trait]
impl QueueEnd for MemoryQueueEnd {
    const LOOK_EVERY: Option<Duration> = None;

    async fn exchange(&self, settled: &[Settled], want: usize) -> Result<Found, Box<dyn Error + Send + Sync>> {
        let mut state = self.bus.state.lock();
        let Some(queue) = state.queues.get_mut(self.queue) else { return Ok(Found::default()) };
        let now = Instant::now();
        for known in settled {
            queue.settle(self.queue, known, now, self.bus.longest_retry);
        }
        Ok(queue.take(self.queue, want, now))
    }

    fn lost(&self, receipts: &[u64]) {
        let mut state = self.bus.state.lock();
        let Some(queue) = state.queues.get_mut(self.queue) else { return };
        for receipt in receipts {
            if let Some(waiting) = queue.taken.remove(receipt) {
                let losses = waiting.losses.saturating_add(1);
                queue.ready.insert(*receipt, Waiting { losses, redelivered: true, ..waiting });
            }
        }
        queue.tell();
    }
}

impl QueueState {
    fn settle(&mut self, name: &str, known: &Settled, now: Instant, longest_retry: Option<Duration>) {
        let Some(waiting) = self.taken.remove(&known.receipt) else { return };
        match &known.outcome {
            Outcome::Done => self.forget_id(&waiting.message),
            Outcome::Retry { after, counts, .. } => {
                let due = now + longest_retry.map_or(*after, |longest| longest.min(*after));
                let attempt = waiting.attempt + u32::from(*counts);
                self.delayed.insert((due, known.receipt), Waiting { attempt, ..waiting });
                // Whoever waits with room sleeps until the retry that was due next when it looked.
                self.tell();
            }
            Outcome::Dead { reason } => {
                self.forget_id(&waiting.message);
                let letter = DeadLetter {
                    id: known.receipt.to_string(),
                    queue: name.to_owned(),
                    reason: reason.clone(),
                    attempts: known.attempts,
                    died_at: system_time(),
                    message: waiting.message,
                };
                self.dead.insert(known.receipt, letter);
            }
        }
    }

    fn take(&mut self, name: &'static str, want: usize, now: Instant) -> Found {
        while let Some(entry) = self.delayed.first_entry()
            && entry.key().0 <= now
        {
            let ((_, seq), waiting) = entry.remove_entry();
            self.ready.insert(seq, waiting);
        }
        let mut taken = Vec::new();
        while taken.len() < want
            && let Some((receipt, waiting)) = self.ready.pop_first()
        {
            let delivery = Delivery {
                message: waiting.message.clone(),
                queue: name,
                attempt: waiting.attempt,
                redelivered: waiting.redelivered,
            };
            taken.push(Taken { receipt, delivery, losses: waiting.losses });
            self.taken.insert(receipt, waiting);
        }
        let next_due = self.delayed.first_key_value().map(|((due, _), _)| due.saturating_duration_since(now));
        Found { taken, next_due }
    }
}

#[async_trait]
impl Queues for MemoryBus {
    async fn length(&self, queue: &str) -> Result<Option<QueueLength>, QueueError> {
        Ok(self.depths().remove(queue).map(QueueDepth::length))
    }
}

#[async_trait]
impl DeadLetters for MemoryBus {
    async fn list(&self, queue: &str, limit: usize) -> Result<Vec<DeadLetter>, DeadLetterError> {
        let state = self.state.lock();
        Ok(state.queues.get(queue).map_or_else(Vec::new, |queue| queue.dead.values().take(limit).cloned().collect()))
    }

    async fn replay(&self, queue: &str, id: &str) -> Result<(), DeadLetterError> {
        let mut state = self.state.lock();
        let letter = state.bury(queue, id)?;
        state.store(queue, letter.message);
        Ok(())
    }

    async fn discard(&self, queue: &str, id: &str) -> Result<(), DeadLetterError> {
        self.state.lock().bury(queue, id).map(drop)
    }
}

impl State {
    /// Takes a dead letter out.
    fn bury(&mut self, queue: &str, id: &str) -> Result<DeadLetter, DeadLetterError> {
        let letter = id.parse().ok().and_then(|seq: u64| self.queues.get_mut(queue)?.dead.remove(&seq));
        letter.ok_or_else(|| DeadLetterError::NotFound { queue: queue.to_owned(), id: id.to_owned() })
    }
}

fn system_time() -> Timestamp {
    let millis = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
    Timestamp::from_millis(i64::try_from(millis).unwrap_or(i64::MAX)).unwrap_or(Timestamp::EPOCH)
}
