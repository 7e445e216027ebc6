//! The message bus in an SQLite file of its own: durable, for the services of one process.
//!
//! One task writes. It takes all that wait for it and commits them together, so that many publishers and consumers share the
//! price of one safe commit. What was in flight when the process ended is delivered again after the next start.

mod census;
mod queues;
mod tables;
mod topology;
mod writer;

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jobapp_kernel::{
    BindError, Clock, DeadLetter, DeadLetterError, DeadLetters, Handler, Message, PublishError, Publisher, Queue,
    Subscriber, Subscription,
};
use jobapp_pump::{Found, QueueEnd, Settled, pump};
use sea_orm::DatabaseConnection;
use tokio::sync::{mpsc, oneshot};

use self::writer::{Cached, Changes, Job, Op, Reply, Writer};
use crate::condition::Condition;
use crate::connections::open_writer;
use crate::{Fault, Location, Seal, SqlConfig, SqlStoreError};

pub use self::census::SqlBusCensus;
pub use self::writer::SqlBusError;
pub use jobapp_pump::QueueDepth;

/// What a [`SqlBus`] is opened with.
#[derive(Clone)]
pub struct SqlBusConfig {
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
}

impl SqlBusConfig {
    /// A bus in this SQLite file, on the system's clock.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        let SqlConfig { location, clock, .. } = SqlConfig::file(path);
        Self { location, clock, longest_retry: None, owner: true, seal: None }
    }

    /// A bus in memory, on the system's clock.
    pub fn memory() -> Self {
        let SqlConfig { location, clock, .. } = SqlConfig::memory();
        Self { location, clock, longest_retry: None, owner: true, seal: None }
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

    /// The same, beside the process that owns the bus: to look at dead letters and replay them while it runs.
    #[must_use]
    pub fn beside_its_owner(self) -> Self {
        Self { owner: false, ..self }
    }
}

/// A durable message bus in an SQLite file. A clone is another handle.
#[derive(Clone)]
pub struct SqlBus {
    jobs: mpsc::UnboundedSender<Job>,
    changes: Changes,
    location: Location,
    connection: DatabaseConnection,
    condition: Arc<Condition>,
}

impl fmt::Debug for SqlBus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqlBus").field("location", &self.location).finish_non_exhaustive()
    }
}

impl SqlBus {
    /// Opens the bus, and makes its file and folder if they are missing. Must be called within a tokio runtime, whose end is
    /// the end of the bus.
    ///
    /// # Errors
    /// [`SqlStoreError::Folder`] and [`SqlStoreError::Open`] name the path that cannot be used.
    pub async fn open(config: SqlBusConfig) -> Result<Self, SqlStoreError> {
        let connection = open_writer(&config.location).await?;
        let redelivered = tables::prepare(&connection, config.owner, config.seal.as_ref())
            .await
            .map_err(|source| SqlStoreError::Open { location: config.location.to_string(), source })?;
        let condition = Arc::new(Condition::of(&config.location));
        if redelivered > 0 {
            tracing::info!(
                count = redelivered,
                "messages were in flight when the bus was closed and are delivered again"
            );
        }
        let changes = Changes::default();
        let (jobs, waiting) = mpsc::unbounded_channel();
        let writer = Writer {
            connection: connection.clone(),
            clock: config.clock,
            longest_retry: config.longest_retry,
            seal: config.seal,
            changes: changes.clone(),
            condition: Arc::clone(&condition),
            cached: Cached::default(),
        };
        tokio::spawn(writer.run(waiting));
        Ok(Self { jobs, changes, location: config.location, connection, condition })
    }

    /// How many messages each declared queue holds.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn depths(&self) -> Result<BTreeMap<String, QueueDepth>, SqlBusError> {
        self.census().await.map(|census| census.queues)
    }

    /// What it holds now, all of it at one moment.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn census(&self) -> Result<SqlBusCensus, SqlBusError> {
        match self.ask(Op::Census).await? {
            Reply::Census(census) => Ok(census),
            _ => Err(SqlBusError::Closed),
        }
    }

    /// What is wrong with the database; `None` while all is well, which costs next to nothing to know. After a failed write it is
    /// tried whether another one succeeds.
    pub async fn fault(&self) -> Option<Fault> {
        self.condition.fault(&self.connection).await
    }

    /// Finishes what it was asked for and closes the file. Later calls fail as unavailable.
    ///
    /// # Errors
    /// When the database does not let go.
    pub async fn close(&self) -> Result<(), SqlBusError> {
        match self.ask(Op::Close).await {
            Ok(_) | Err(SqlBusError::Closed) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn ask(&self, op: Op) -> Result<Reply, SqlBusError> {
        let (reply, answer) = oneshot::channel();
        self.jobs.send(Job { op, reply }).map_err(|_| SqlBusError::Closed)?;
        answer.await.map_err(|_| SqlBusError::Closed)?
    }

    /// Asks without caring for the answer.
    fn tell(&self, op: Op) {
        let (reply, _) = oneshot::channel();
        if self.jobs.send(Job { op, reply }).is_err() {
            tracing::debug!("the bus is closed; what is in flight is delivered again when it is opened");
        }
    }
}

#[async_trait]
impl Publisher for SqlBus {
    async fn publish(&self, messages: &[Message]) -> Vec<Result<(), PublishError>> {
        if messages.is_empty() {
            return Vec::new();
        }
        let stored = match self.ask(Op::Publish(messages.to_vec())).await {
            Ok(Reply::Published(stored)) => Ok(stored),
            Ok(_) => Err(SqlBusError::Closed),
            Err(error) => Err(error),
        };
        let answer = |(index, message): (usize, &Message)| match &stored {
            Err(error) => Err(PublishError::Unavailable(Box::new(error.clone()))),
            Ok(stored) if stored.get(index) == Some(&true) => Ok(()),
            Ok(_) => Err(PublishError::Unroutable {
                exchange: message.exchange.clone(),
                routing_key: message.routing_key.clone(),
            }),
        };
        messages.iter().enumerate().map(answer).collect()
    }
}

#[async_trait]
impl Subscriber for SqlBus {
    async fn declare(&self, queues: &[Queue]) -> Result<(), BindError> {
        let Some(first) = queues.first() else { return Ok(()) };
        let refused = |queue: &str, source: Box<dyn Error + Send + Sync>| BindError { queue: queue.to_owned(), source };
        match self.ask(Op::Declare(queues.to_vec())).await {
            Ok(Reply::KindDiffers { queue, reason }) => Err(refused(&queue, reason.into())),
            Ok(_) => Ok(()),
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
        let end = SqlQueueEnd { bus: self.clone(), queue };
        pump(&end, self.changes.of(queue), subscription, handler, stop).await;
        Ok(())
    }
}

#[async_trait]
impl DeadLetters for SqlBus {
    async fn list(&self, queue: &str, limit: usize) -> Result<Vec<DeadLetter>, DeadLetterError> {
        match self.ask(Op::ListDead { queue: queue.to_owned(), limit }).await {
            Ok(Reply::Dead(letters)) => Ok(letters),
            Ok(_) => Ok(Vec::new()),
            Err(error) => Err(DeadLetterError::Unavailable(Box::new(error))),
        }
    }

    async fn replay(&self, queue: &str, id: &str) -> Result<(), DeadLetterError> {
        self.bury(queue, id, true).await
    }

    async fn discard(&self, queue: &str, id: &str) -> Result<(), DeadLetterError> {
        self.bury(queue, id, false).await
    }
}

impl SqlBus {
    async fn bury(&self, queue: &str, id: &str, replay: bool) -> Result<(), DeadLetterError> {
        let not_found = || DeadLetterError::NotFound { queue: queue.to_owned(), id: id.to_owned() };
        let seq = id.parse().map_err(|_| not_found())?;
        match self.ask(Op::Bury { queue: queue.to_owned(), seq, replay }).await {
            Ok(Reply::NotFound) => Err(not_found()),
            Ok(_) => Ok(()),
            Err(error) => Err(DeadLetterError::Unavailable(Box::new(error))),
        }
    }
}

struct SqlQueueEnd {
    bus: SqlBus,
    queue: &'static str,
}

#[async_trait]
impl QueueEnd for SqlQueueEnd {
    // The writer tells of every change, those of other processes too.
    const LOOK_EVERY: Option<Duration> = None;

    async fn exchange(&self, settled: &[Settled], want: usize) -> Result<Found, Box<dyn Error + Send + Sync>> {
        let (reply, answer) = oneshot::channel();
        let op = Op::Exchange { queue: self.queue, settled: settled.to_vec(), want };
        self.bus.jobs.send(Job { op, reply }).map_err(|_| SqlBusError::Closed)?;
        let mut answer = Answer { end: self, answer };
        match (&mut answer.answer).await.map_err(|_| SqlBusError::Closed)?? {
            Reply::Found(found) => Ok(found),
            _ => Err(Box::new(SqlBusError::Closed)),
        }
    }

    fn lost(&self, receipts: &[u64]) {
        self.bus.tell(Op::Lost { queue: self.queue, receipts: receipts.to_vec() });
    }
}

/// What was taken is not forgotten when a consumer is dropped while it waits for the answer.
struct Answer<'a> {
    end: &'a SqlQueueEnd,
    answer: oneshot::Receiver<Result<Reply, SqlBusError>>,
}

impl Drop for Answer<'_> {
    fn drop(&mut self) {
        // From here on the writer notices that nobody listens; what it had sent before is still in the channel.
        self.answer.close();
        if let Ok(Ok(Reply::Found(found))) = self.answer.try_recv()
            && !found.taken.is_empty()
        {
            let receipts: Vec<u64> = found.taken.iter().map(|taken| taken.receipt).collect();
            self.end.lost(&receipts);
        }
    }
}
