//! The message bus in a file of its own: durable, for the services of one process.
//!
//! Publishers and consumers that wait at the same time share a commit. Only what is published waits for the disk: who took a
//! message and who is done with it is found out again after a power cut, by delivering it again.

mod changes;
mod queues;
mod tables;
mod topology;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::error::Error;
use std::fmt;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::time::Duration;

use async_trait::async_trait;
use jobapp_kernel::{
    BindError, Clock, DeadLetter, DeadLetterError, DeadLetters, Handler, Message, PublishError, Publisher, Queue,
    QueueError, QueueLength, Queues, Subscriber, Subscription,
};
use jobapp_pump::{Found, QueueEnd, Settled, pump};
use jobapp_seal::Seal;
use parking_lot::Mutex;
use rusqlite::Connection;
use tokio::sync::oneshot;
use tokio::time::MissedTickBehavior;

use self::changes::Changes;
use self::topology::Topology;
use crate::database::{Database, Verdict};
use crate::{Fault, Location, OpenError, Patience, SqliteConfig, SqliteError};

pub use jobapp_pump::QueueDepth;

/// How often is looked whether another process changed the database, such as an operator's command that replays.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What a [`SqliteBus`] is opened with.
#[derive(Clone)]
pub struct SqliteBusConfig {
    /// Where the database lives.
    pub location: Location,
    /// Tells when retries are due and dates dead letters.
    pub clock: Arc<dyn Clock>,
    /// No retry waits longer than this.
    pub longest_retry: Option<Duration>,
    /// Whether this process owns the bus: what was in flight when it is opened waits again. An operator's command beside the
    /// running process does not own it.
    pub owner: bool,
    /// Seals bodies of messages and reasons of dead letters.
    pub seal: Option<Seal>,
    /// Who is in no hurry. Without it everybody is.
    pub patience: Option<Patience>,
}

impl SqliteBusConfig {
    /// A bus in this file, on the system's clock.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        let SqliteConfig { location, clock, .. } = SqliteConfig::file(path);
        Self { location, clock, longest_retry: None, owner: true, seal: None, patience: None }
    }

    /// A bus in memory, on the system's clock.
    pub fn memory() -> Self {
        let SqliteConfig { location, clock, .. } = SqliteConfig::memory();
        Self { location, clock, longest_retry: None, owner: true, seal: None, patience: None }
    }

    /// The same on this clock.
    #[must_use]
    pub fn clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    /// The same, where no retry waits longer than this.
    #[must_use]
    pub fn longest_retry(self, longest: Duration) -> Self {
        Self { longest_retry: Some(longest), ..self }
    }

    /// The same, whose messages are sealed with this key. What an earlier program left there in clear is sealed at once.
    #[must_use]
    pub fn sealed(self, seal: Seal) -> Self {
        Self { seal: Some(seal), ..self }
    }

    /// The same, where what these publish, take and settle is gathered.
    #[must_use]
    pub fn patient(self, patience: Patience) -> Self {
        Self { patience: Some(patience), ..self }
    }

    /// The same, beside the process that owns the bus: to look at dead letters and replay them while it runs.
    #[must_use]
    pub fn beside_its_owner(self) -> Self {
        Self { owner: false, ..self }
    }
}

/// What a [`SqliteBus`] holds at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqliteBusCensus {
    /// How many messages each declared queue holds.
    pub queues: BTreeMap<String, QueueDepth>,
    /// Grows with every message that is stored: when it is the same later, nothing was published in between.
    pub last_stored: u64,
}

impl SqliteBusCensus {
    /// Whether nothing waits and nothing is with a handler. Dead letters do not count.
    pub fn is_quiet(&self) -> bool {
        self.queues.values().all(|depth| depth.waiting + depth.in_flight == 0)
    }
}

/// A durable message bus in a file. A clone is another handle.
#[derive(Clone)]
pub struct SqliteBus {
    inner: Arc<Inner>,
}

struct Inner {
    database: Database,
    clock: Arc<dyn Clock>,
    longest_retry: Option<Duration>,
    seal: Option<Seal>,
    changes: Changes,
    cached: Mutex<Cached>,
}

/// What is known without asking the database. Forgotten when a write fails or is done again.
#[derive(Default)]
struct Cached {
    topology: Option<Topology>,
    /// When the first delayed message of a queue is due; `None` when it has none. Nobody else delays messages.
    next_due: HashMap<&'static str, Option<i64>>,
}

impl fmt::Debug for SqliteBus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteBus").field("location", self.inner.database.location()).finish_non_exhaustive()
    }
}

impl SqliteBus {
    /// Opens the bus, and makes its file and folder if they are missing. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// [`OpenError::Folder`] and [`OpenError::Open`] name the path that cannot be used.
    pub async fn open(config: SqliteBusConfig) -> Result<Self, OpenError> {
        let SqliteBusConfig { location, clock, longest_retry, owner, seal, patience } = config;
        let sealing = seal.clone();
        let preparing =
            move |connection: &mut Connection, _: &Location| tables::prepare(connection, owner, sealing.as_ref());
        let database = Database::open(location, patience, preparing).await?;
        let (changes, cached) = (Changes::default(), Mutex::default());
        let inner = Arc::new(Inner { database, clock, longest_retry, seal, changes, cached });
        tokio::spawn(look_regularly(Arc::downgrade(&inner)));
        Ok(Self { inner })
    }

    /// How many messages each declared queue holds.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn depths(&self) -> Result<BTreeMap<String, QueueDepth>, SqliteError> {
        self.census().await.map(|census| census.queues)
    }

    /// What it holds now, all of it at one moment.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn census(&self) -> Result<SqliteBusCensus, SqliteError> {
        self.perform(false, move |_, connection, cached| {
            let mut queues = queues::depths(connection)?;
            for queue in cached.topology(connection)?.queues() {
                queues.entry(queue.to_owned()).or_default();
            }
            Ok(Verdict::Undo(SqliteBusCensus { queues, last_stored: queues::last_seq(connection)? }))
        })
        .await
    }

    /// What is wrong with the database; `None` while all is well, which costs next to nothing to know. After a failed write it is
    /// tried whether another one succeeds.
    pub async fn fault(&self) -> Option<Fault> {
        self.inner.database.fault().await
    }

    /// Finishes what it was asked for and closes the file. Later calls fail as unavailable.
    pub async fn close(&self) {
        self.inner.database.close().await;
    }

    /// Does something with the queues, and returns once it is done.
    async fn perform<T: Send + 'static>(
        &self,
        waits: bool,
        work: impl FnMut(&Inner, &Connection, &mut Cached) -> Result<Verdict<T>, SqliteError> + Send + 'static,
    ) -> Result<T, SqliteError> {
        let (reply, answer) = oneshot::channel();
        self.submit(waits, work, move |result| drop(reply.send(result)));
        answer.await.map_err(|_| SqliteError::Closed)?
    }

    /// As [`SqliteBus::perform`]; `done` is called where it was done. What is cached is forgotten with what is taken back.
    fn submit<T: Send + 'static>(
        &self,
        waits: bool,
        mut work: impl FnMut(&Inner, &Connection, &mut Cached) -> Result<Verdict<T>, SqliteError> + Send + 'static,
        done: impl FnOnce(Result<T, SqliteError>) + Send + 'static,
    ) {
        let (inner, of) = (Arc::clone(&self.inner), Arc::clone(&self.inner));
        let mut is_again = false;
        self.inner.database.submit(
            waits,
            move |connection| {
                let mut cached = inner.cached.lock();
                // What it did the first time was taken back.
                if std::mem::replace(&mut is_again, true) {
                    *cached = Cached::default();
                }
                work(&inner, connection, &mut cached)
            },
            move |result| {
                if result.is_err() {
                    *of.cached.lock() = Cached::default();
                }
                done(result);
            },
        );
    }

    async fn bury(&self, queue: &str, id: &str, replay: bool) -> Result<(), DeadLetterError> {
        let not_found = || DeadLetterError::NotFound { queue: queue.to_owned(), id: id.to_owned() };
        let seq = id.parse().map_err(|_| not_found())?;
        let of = queue.to_owned();
        let burying = move |_: &Inner, connection: &Connection, _: &mut Cached| {
            let is_found = queues::bury(connection, &of, seq, replay)?;
            Ok(if is_found { Verdict::Keep(true) } else { Verdict::Undo(false) })
        };
        let is_found = self.perform(true, burying).await;
        if !is_found.map_err(|error| DeadLetterError::Unavailable(Box::new(error)))? {
            return Err(not_found());
        }
        if replay {
            self.inner.changes.tell(queue);
        }
        Ok(())
    }

    /// The consumer of these is gone: they wait again.
    fn give_back(&self, queue: &'static str, receipts: Vec<u64>) {
        let of = Arc::clone(&self.inner);
        let giving_back = move |_: &Inner, connection: &Connection, _: &mut Cached| {
            Ok(Verdict::Keep(queues::give_back(connection, &receipts)?))
        };
        self.submit(false, giving_back, move |given| match given {
            Ok(()) => of.changes.tell(queue),
            Err(SqliteError::Closed) => {
                tracing::debug!("the bus is closed; what is in flight is delivered again when it is opened");
            }
            Err(error) => tracing::error!(queue, %error, "messages of a consumer that is gone wait for the next start"),
        });
    }
}

impl Inner {
    /// Stores messages. Returns whether each has a queue, and the queues that got something.
    fn publish(
        &self,
        connection: &Connection,
        cached: &mut Cached,
        messages: &[Message],
    ) -> Result<(Vec<bool>, BTreeSet<String>), SqliteError> {
        let mut topology = cached.topology(connection)?;
        if messages.iter().any(|message| topology.route(message).is_empty()) {
            // Another process may have declared a queue meanwhile.
            topology = cached.topology.insert(Topology::load(connection)?);
        }
        let (mut routed, mut told) = (Vec::with_capacity(messages.len()), BTreeSet::new());
        for message in messages {
            let queues = topology.route(message);
            routed.push(!queues.is_empty());
            for queue in queues {
                if queues::store(connection, queue, message, self.seal.as_ref())? && !told.contains(queue) {
                    told.insert(queue.to_owned());
                }
            }
        }
        Ok((routed, told))
    }

    /// Settles what was handled and takes what waits.
    fn exchange(
        &self,
        connection: &Connection,
        cached: &mut Cached,
        (queue, settled, want): (&'static str, &[Settled], usize),
    ) -> Result<Verdict<Found>, SqliteError> {
        let (now, seal) = (self.clock.now(), self.seal.as_ref());
        let delayed = queues::settle(connection, settled, now, self.longest_retry, seal)?;
        let mut next_due = match cached.next_due.get(queue) {
            Some(known) => [*known, delayed].into_iter().flatten().min(),
            None => queues::next_due(connection, queue)?,
        };
        let is_due = next_due.is_some_and(|due| due <= now.as_millis());
        if is_due {
            queues::make_ready(connection, queue, now)?;
            next_due = queues::next_due(connection, queue)?;
        }
        cached.next_due.insert(queue, next_due);
        let taken = if want == 0 { Vec::new() } else { queues::take(connection, queue, want, seal)? };
        let until = |due: i64| Duration::from_millis(due.saturating_sub(now.as_millis()).max(0).unsigned_abs());
        let changed = is_due || !settled.is_empty() || !taken.is_empty();
        let found = Found { taken, next_due: next_due.map(until) };
        Ok(if changed { Verdict::Keep(found) } else { Verdict::Undo(found) })
    }
}

impl Cached {
    fn topology(&mut self, connection: &Connection) -> rusqlite::Result<&mut Topology> {
        let known = match self.topology.take() {
            Some(known) => known,
            None => Topology::load(connection)?,
        };
        Ok(self.topology.insert(known))
    }
}

/// Wakes every consumer when another process has changed the database.
async fn look_regularly(bus: Weak<Inner>) {
    let mut known = None;
    let mut look = tokio::time::interval(LOOK_EVERY);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        look.tick().await;
        let Some(inner) = bus.upgrade() else { return };
        let looking = |connection: &Connection| Ok(Verdict::Undo(queues::data_version(connection)?));
        match inner.database.note(looking).await {
            Ok(version) => {
                if known.replace(version).is_some_and(|before| before != version) {
                    inner.changes.tell_all();
                }
            }
            Err(SqliteError::Closed) => return,
            Err(error) => tracing::warn!(%error, "the message bus cannot see whether another process has changed it"),
        }
    }
}

#[async_trait]
impl Publisher for SqliteBus {
    async fn publish(&self, messages: &[Message]) -> Vec<Result<(), PublishError>> {
        if messages.is_empty() {
            return Vec::new();
        }
        let (reply, answer) = oneshot::channel();
        let (batch, of) = (messages.to_vec(), Arc::clone(&self.inner));
        self.submit(
            true,
            move |inner, connection, cached| Ok(Verdict::Keep(inner.publish(connection, cached, &batch)?)),
            move |published| {
                let routed = published.map(|(routed, told)| {
                    told.iter().for_each(|queue| of.changes.tell(queue));
                    routed
                });
                // Who does not listen any more does not need to know.
                drop(reply.send(routed));
            },
        );
        let routed = answer.await.unwrap_or(Err(SqliteError::Closed)).map_err(Arc::new);
        let answer = |(index, message): (usize, &Message)| match &routed {
            Err(error) => Err(PublishError::Unavailable(Box::new(Arc::clone(error)))),
            Ok(routed) if routed.get(index) == Some(&true) => Ok(()),
            Ok(_) => Err(PublishError::Unroutable {
                exchange: message.exchange.clone(),
                routing_key: message.routing_key.clone(),
            }),
        };
        messages.iter().enumerate().map(answer).collect()
    }
}

#[async_trait]
impl Subscriber for SqliteBus {
    async fn declare(&self, queues: &[Queue]) -> Result<(), BindError> {
        let Some(first) = queues.first() else { return Ok(()) };
        let refused = |queue: &str, source: Box<dyn Error + Send + Sync>| BindError { queue: queue.to_owned(), source };
        let wanted = queues.to_vec();
        let declared = self
            .perform(true, move |_, connection, cached| {
                let topology = cached.topology(connection)?;
                for queue in &wanted {
                    if let Some(reason) = topology.declare(connection, queue)? {
                        // Those before it are declared.
                        return Ok(Verdict::Keep(Some((queue.name, reason))));
                    }
                }
                Ok(Verdict::Keep(None))
            })
            .await;
        match declared {
            Ok(None) => Ok(()),
            Ok(Some((queue, reason))) => Err(refused(queue, reason.into())),
            Err(error) => Err(refused(first.name, Box::new(error))),
        }
    }

    async fn consume(
        &self,
        subscription: Subscription,
        handler: Arc<dyn Handler>,
        stop: Pin<Box<dyn Future<Output = ()> + Send>>,
    ) -> Result<(), BindError> {
        self.declare(&[subscription.queue]).await?;
        let queue = subscription.queue.name;
        let end = SqliteQueueEnd { bus: self.clone(), queue };
        pump(&end, self.inner.changes.of(queue), subscription, handler, stop).await;
        Ok(())
    }
}

#[async_trait]
impl Queues for SqliteBus {
    async fn length(&self, queue: &str) -> Result<Option<QueueLength>, QueueError> {
        let depths = self.depths().await;
        let mut depths = depths.map_err(|error| QueueError { queue: queue.to_owned(), source: Box::new(error) })?;
        Ok(depths.remove(queue).map(QueueDepth::length))
    }
}

#[async_trait]
impl DeadLetters for SqliteBus {
    async fn list(&self, queue: &str, limit: usize) -> Result<Vec<DeadLetter>, DeadLetterError> {
        let of = queue.to_owned();
        let listing = move |inner: &Inner, connection: &Connection, _: &mut Cached| {
            Ok(Verdict::Undo(queues::dead(connection, &of, limit, inner.seal.as_ref())?))
        };
        self.perform(false, listing).await.map_err(|error| DeadLetterError::Unavailable(Box::new(error)))
    }

    async fn replay(&self, queue: &str, id: &str) -> Result<(), DeadLetterError> {
        self.bury(queue, id, true).await
    }

    async fn discard(&self, queue: &str, id: &str) -> Result<(), DeadLetterError> {
        self.bury(queue, id, false).await
    }
}

struct SqliteQueueEnd {
    bus: SqliteBus,
    queue: &'static str,
}

#[async_trait]
impl QueueEnd for SqliteQueueEnd {
    // Every change is told of, those of other processes too.
    const LOOK_EVERY: Option<Duration> = None;

    async fn exchange(&self, settled: &[Settled], want: usize) -> Result<Found, Box<dyn Error + Send + Sync>> {
        let (reply, answer) = oneshot::channel();
        let (queue, settled, bus) = (self.queue, settled.to_vec(), self.bus.clone());
        self.bus.submit(
            false,
            move |inner, connection, cached| inner.exchange(connection, cached, (queue, &settled, want)),
            move |found| {
                // A consumer that is gone meanwhile has nothing of it.
                if let Err(Ok(found)) = reply.send(found) {
                    give_back(&bus, queue, &found);
                }
            },
        );
        let mut answer = Answer { end: self, answer };
        Ok((&mut answer.answer).await.map_err(|_| SqliteError::Closed)??)
    }

    fn lost(&self, receipts: &[u64]) {
        self.bus.give_back(self.queue, receipts.to_vec());
    }
}

fn give_back(bus: &SqliteBus, queue: &'static str, found: &Found) {
    if !found.taken.is_empty() {
        bus.give_back(queue, found.taken.iter().map(|taken| taken.receipt).collect());
    }
}

/// What was taken is not forgotten when a consumer is dropped while it waits for the answer.
struct Answer<'a> {
    end: &'a SqliteQueueEnd,
    answer: oneshot::Receiver<Result<Found, SqliteError>>,
}

impl Drop for Answer<'_> {
    fn drop(&mut self) {
        // From here on it is noticed that nobody listens; what was sent before is still in the channel.
        self.answer.close();
        if let Ok(Ok(found)) = self.answer.try_recv() {
            give_back(&self.end.bus, self.end.queue, &found);
        }
    }
}
