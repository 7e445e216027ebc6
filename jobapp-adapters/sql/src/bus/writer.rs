//! The one task that uses the database.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jobapp_kernel::{Clock, DeadLetter, Message, Queue};
use jobapp_pump::{Found, Settled};
use sea_orm::{DatabaseConnection, DatabaseTransaction, DbErr};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::MissedTickBehavior;

use super::census::SqlBusCensus;
use super::queues;
use super::topology::Topology;
use crate::Seal;
use crate::condition::Condition;
use crate::dialect;

/// How often the writer looks whether another process changed the database, such as an operator's command that replays.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// At most this many jobs share a commit, so that the first of them does not wait too long.
const GROUP: usize = 128;

/// Why the bus did not do what it was asked for.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SqlBusError {
    /// It was closed.
    #[error("the message bus is closed")]
    Closed,
    /// The database failed.
    #[error("the database of the message bus failed")]
    Database(#[source] Arc<DbErr>),
}

impl From<DbErr> for SqlBusError {
    fn from(error: DbErr) -> Self {
        Self::Database(Arc::new(error))
    }
}

/// What the task is asked for.
#[derive(Debug)]
pub(super) enum Op {
    Declare(Vec<Queue>),
    Publish(Vec<Message>),
    Exchange { queue: &'static str, settled: Vec<Settled>, want: usize },
    Lost { queue: &'static str, receipts: Vec<u64> },
    ListDead { queue: String, limit: usize },
    Bury { queue: String, seq: i64, replay: bool },
    Census,
    Close,
}

/// What it answers.
#[derive(Debug)]
pub(super) enum Reply {
    Done,
    /// Whether each message has a queue, and so was stored.
    Published(Vec<bool>),
    KindDiffers {
        queue: String,
        reason: String,
    },
    Found(Found),
    Dead(Vec<DeadLetter>),
    NotFound,
    Census(SqlBusCensus),
}

pub(super) struct Job {
    pub(super) op: Op,
    pub(super) reply: oneshot::Sender<Result<Reply, SqlBusError>>,
}

/// Tells the consumers of a queue that something came to it.
#[derive(Clone, Default)]
pub(super) struct Changes {
    queues: Arc<Mutex<HashMap<String, watch::Sender<u64>>>>,
}

impl Changes {
    fn tell_all(&self) {
        let queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        for changes in queues.values() {
            changes.send_modify(|count| *count += 1);
        }
    }

    pub(super) fn of(&self, queue: &str) -> watch::Receiver<u64> {
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        queues.entry(queue.to_owned()).or_default().subscribe()
    }

    fn tell(&self, queue: &str) {
        let queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(changes) = queues.get(queue) {
            changes.send_modify(|count| *count += 1);
        }
    }
}

pub(super) struct Writer {
    pub(super) connection: DatabaseConnection,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) longest_retry: Option<Duration>,
    pub(super) seal: Option<Seal>,
    pub(super) changes: Changes,
    pub(super) condition: Arc<Condition>,
    pub(super) cached: Cached,
}

/// What it knows without asking the database. Emptied when a transaction fails.
#[derive(Default)]
pub(super) struct Cached {
    topology: Option<Topology>,
    /// When the first delayed message of a queue is due; `None` when it has none. Nobody else delays messages.
    next_due: HashMap<&'static str, Option<i64>>,
}

impl Writer {
    /// Works until it is asked to close or nobody can ask any more.
    pub(super) async fn run(mut self, mut waiting: mpsc::UnboundedReceiver<Job>) {
        let mut group = Vec::with_capacity(GROUP);
        let mut given_back: Vec<Op> = Vec::new();
        let mut known_version = None;
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            for op in given_back.drain(..) {
                group.push(Job { op, reply: oneshot::channel().0 });
            }
            if group.is_empty() {
                let received = tokio::select! {
                    biased;
                    received = waiting.recv_many(&mut group, GROUP) => received,
                    _ = look.tick() => {
                        self.look(&mut known_version).await;
                        continue;
                    }
                };
                if received == 0 {
                    break;
                }
            }
            let close_at = group.iter().position(|job| matches!(job.op, Op::Close));
            let rest = close_at.map(|at| group.split_off(at));
            if !group.is_empty() {
                self.work(std::mem::take(&mut group), &mut given_back).await;
            }
            if let Some(rest) = rest {
                waiting.close();
                self.close(rest).await;
                return;
            }
        }
        if let Err(error) = self.connection.close_by_ref().await {
            tracing::error!(%error, "the database of the message bus did not close");
        }
    }

    /// Wakes every consumer when another connection than ours has changed the database.
    async fn look(&self, known: &mut Option<i64>) {
        match queues::data_version(&self.connection).await {
            Ok(version) => {
                if known.replace(version).is_some_and(|before| before != version) {
                    self.changes.tell_all();
                }
            }
            Err(error) => tracing::warn!(%error, "the message bus cannot see whether another process has changed it"),
        }
    }

    /// Closes the database and answers the jobs that came too late.
    async fn close(&self, rest: Vec<Job>) {
        for job in rest {
            let answer = match job.op {
                Op::Close => self.connection.close_by_ref().await.map(|()| Reply::Done).map_err(SqlBusError::from),
                _ => Err(SqlBusError::Closed),
            };
            // Who does not listen any more does not need to know.
            drop(job.reply.send(answer));
        }
    }

    /// Does several jobs in one transaction; when that fails, each in its own, so that one cannot spoil the others.
    async fn work(&mut self, group: Vec<Job>, given_back: &mut Vec<Op>) {
        let (ops, replies): (Vec<Op>, Vec<_>) = group.into_iter().map(|job| (job.op, job.reply)).unzip();
        let mut answers = match self.commit(&ops).await {
            Ok(answers) => answers.into_iter().map(Ok).collect(),
            Err(error) if ops.len() == 1 => vec![Err(error)],
            Err(_) => Vec::new(),
        };
        if answers.is_empty() {
            for op in &ops {
                let answer = self.commit(std::slice::from_ref(op)).await;
                answers.push(answer.and_then(|mut replies| replies.pop().ok_or(SqlBusError::Closed)));
            }
        }
        for ((op, reply), answer) in ops.into_iter().zip(replies).zip(answers) {
            if let (Op::Lost { .. }, Err(error)) = (&op, &answer) {
                tracing::error!(?op, %error, "messages of a consumer that is gone wait for the next start");
            }
            let unheard = reply.send(answer);
            if let (Err(Ok(Reply::Found(found))), Op::Exchange { queue, .. }) = (unheard, op)
                && !found.taken.is_empty()
            {
                let receipts = found.taken.iter().map(|taken| taken.receipt).collect();
                given_back.push(Op::Lost { queue, receipts });
            }
        }
    }

    async fn commit(&mut self, ops: &[Op]) -> Result<Vec<Reply>, SqlBusError> {
        let mut told = BTreeSet::new();
        let result = self.attempt(ops, &mut told).await;
        if let Err(error) = &result {
            self.condition.note(error);
            self.cached = Cached::default();
        }
        let replies = result?;
        for queue in &told {
            self.changes.tell(queue);
        }
        Ok(replies)
    }

    async fn attempt(&mut self, ops: &[Op], told: &mut BTreeSet<String>) -> Result<Vec<Reply>, DbErr> {
        let transaction = dialect::begin(&self.connection).await?;
        let mut replies = Vec::with_capacity(ops.len());
        for op in ops {
            replies.push(self.perform(&transaction, op, told).await?);
        }
        transaction.commit().await?;
        Ok(replies)
    }

    async fn perform(
        &mut self,
        database: &DatabaseTransaction,
        op: &Op,
        told: &mut BTreeSet<String>,
    ) -> Result<Reply, DbErr> {
        match op {
            Op::Declare(queues) => self.declare(database, queues).await,
            Op::Publish(messages) => self.publish(database, messages, told).await,
            Op::Exchange { queue, settled, want } => self.exchange(database, queue, settled, *want).await,
            Op::Lost { queue, receipts } => {
                told.insert((*queue).to_owned());
                queues::give_back(database, receipts).await.map(|()| Reply::Done)
            }
            Op::ListDead { queue, limit } => {
                queues::dead(database, queue, *limit, self.seal.as_ref()).await.map(Reply::Dead)
            }
            Op::Bury { queue, seq, replay } => {
                if *replay {
                    told.insert(queue.clone());
                }
                let found = queues::bury(database, queue, *seq, *replay).await?;
                Ok(if found { Reply::Done } else { Reply::NotFound })
            }
            Op::Census => {
                let mut depths = queues::depths(database).await?;
                for queue in self.cached.topology(database).await?.queues() {
                    depths.entry(queue.to_owned()).or_default();
                }
                let last_stored = queues::last_seq(database).await?;
                Ok(Reply::Census(SqlBusCensus { queues: depths, last_stored }))
            }
            Op::Close => Ok(Reply::Done),
        }
    }

    async fn declare(&mut self, database: &DatabaseTransaction, queues: &[Queue]) -> Result<Reply, DbErr> {
        let topology = self.cached.topology(database).await?;
        for queue in queues {
            if let Some(reason) = topology.declare(database, queue).await? {
                return Ok(Reply::KindDiffers { queue: queue.name.to_owned(), reason });
            }
        }
        Ok(Reply::Done)
    }

    async fn publish(
        &mut self,
        database: &DatabaseTransaction,
        messages: &[Message],
        told: &mut BTreeSet<String>,
    ) -> Result<Reply, DbErr> {
        let mut topology = self.cached.topology(database).await?;
        if messages.iter().any(|message| topology.route(message).is_empty()) {
            // Another process may have declared a queue meanwhile.
            topology = self.cached.topology.insert(Topology::load(database).await?);
        }
        let seal = self.seal.as_ref();
        let mut stored = Vec::with_capacity(messages.len());
        for message in messages {
            let queues = topology.route(message);
            stored.push(!queues.is_empty());
            for queue in queues {
                if queues::store(database, queue, message, seal).await? && !told.contains(queue) {
                    told.insert(queue.to_owned());
                }
            }
        }
        Ok(Reply::Published(stored))
    }

    async fn exchange(
        &mut self,
        database: &DatabaseTransaction,
        queue: &'static str,
        settled: &[Settled],
        want: usize,
    ) -> Result<Reply, DbErr> {
        let now = self.clock.now();
        let delayed = queues::settle(database, settled, now, self.longest_retry, self.seal.as_ref()).await?;
        let mut next_due = match self.cached.next_due.get(queue) {
            Some(known) => [*known, delayed].into_iter().flatten().min(),
            None => queues::next_due(database, queue).await?,
        };
        if next_due.is_some_and(|due| due <= now.as_millis()) {
            queues::make_ready(database, queue, now).await?;
            next_due = queues::next_due(database, queue).await?;
        }
        self.cached.next_due.insert(queue, next_due);
        let taken =
            if want == 0 { Vec::new() } else { queues::take(database, queue, want, self.seal.as_ref()).await? };
        let until = |due: i64| Duration::from_millis(due.saturating_sub(now.as_millis()).max(0).unsigned_abs());
        Ok(Reply::Found(Found { taken, next_due: next_due.map(until) }))
    }
}

impl Cached {
    async fn topology(&mut self, database: &DatabaseTransaction) -> Result<&mut Topology, DbErr> {
        let known = match self.topology.take() {
            Some(known) => known,
            None => Topology::load(database).await?,
        };
        Ok(self.topology.insert(known))
    }
}
