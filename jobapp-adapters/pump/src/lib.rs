//! Feeds handlers from a queue, the same way for every message bus that keeps its own queues.
//!
//! A bus implements [`QueueEnd`]: settle what was handled and take what waits, in one step. [`pump`] does the rest of what a
//! [`Subscription`] asks for: how many deliveries are in flight, batches, panics, the last attempt, stopping, and giving back
//! what was in flight when the consumer is dropped. [`call`] is for buses that push deliveries themselves.

mod call;

use std::collections::HashSet;
use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jobapp_kernel::{Delivery, Handler, Outcome, QueueLength, Subscription};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

pub use call::call;

/// How many messages a queue holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QueueDepth {
    /// Ready to be taken, or waiting for their retry.
    pub waiting: u64,
    /// With a handler.
    pub in_flight: u64,
    /// Given up.
    pub dead: u64,
}

impl QueueDepth {
    /// The same, where nobody counts consumers.
    pub const fn length(self) -> QueueLength {
        let Self { waiting, in_flight, dead } = self;
        QueueLength { waiting, in_flight: Some(in_flight), dead, consumers: None }
    }
}

/// A delivery and what the queue knows it by.
#[derive(Debug, Clone)]
pub struct Taken {
    /// What the queue knows it by while it is in flight.
    pub receipt: u64,
    /// What the handler gets.
    pub delivery: Delivery,
    /// How many consumers were lost that had it.
    pub losses: u32,
}

/// What became of a taken delivery. A [`Outcome::Retry`] is one the queue must really deliver again; when it does not count,
/// with the attempt it had.
#[derive(Debug, Clone)]
pub struct Settled {
    /// The receipt of [`Taken`].
    pub receipt: u64,
    /// What [`DeadLetter::attempts`](jobapp_kernel::DeadLetter::attempts) is, if it is dead.
    pub attempts: u32,
    /// What became of it.
    pub outcome: Outcome,
}

/// What a look into the queue found.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// What is in flight from now on, in the queue's order.
    pub taken: Vec<Taken>,
    /// When the next retry is due, if the queue knows of one.
    pub next_due: Option<Duration>,
}

/// The consumers' end of one queue.
#[async_trait]
pub trait QueueEnd: Send + Sync {
    /// How often to look without being told of a change, for queues that others change unseen.
    const LOOK_EVERY: Option<Duration>;

    /// Settles deliveries and takes at most `want` that wait. When it fails nothing is settled.
    async fn exchange(&self, settled: &[Settled], want: usize) -> Result<Found, Box<dyn Error + Send + Sync>>;

    /// The consumer is gone: what it had taken and not settled waits again, marked as redelivered.
    fn lost(&self, receipts: &[u64]);
}

/// What is in flight. Goes back to the queue when the consumer is dropped.
struct InFlight<'a, Q: QueueEnd + ?Sized> {
    queue: &'a Q,
    receipts: HashSet<u64>,
}

impl<Q: QueueEnd + ?Sized> Drop for InFlight<'_, Q> {
    fn drop(&mut self) {
        if !self.receipts.is_empty() {
            let mut receipts: Vec<u64> = self.receipts.iter().copied().collect();
            receipts.sort_unstable();
            self.queue.lost(&receipts);
        }
    }
}

/// Feeds `handler` until `stop` completes, then waits for what is with it. `changes` tells when something came to the queue.
///
/// A queue that fails is asked again, ever more slowly, up to every five seconds.
pub async fn pump<Q: QueueEnd + ?Sized>(
    queue: &Q,
    mut changes: watch::Receiver<u64>,
    subscription: Subscription,
    handler: Arc<dyn Handler>,
    mut stop: Pin<Box<dyn Future<Output = ()> + Send>>,
) {
    let prefetch = subscription.prefetch.max(1);
    let batch_max = subscription.batch.max.clamp(1, prefetch);
    // Dropped in reverse order: the handlers are aborted before their deliveries go back.
    let mut in_flight = InFlight { queue, receipts: HashSet::new() };
    let mut calls: JoinSet<Vec<Settled>> = JoinSet::new();
    let mut settled: Vec<Settled> = Vec::new();
    let mut gathered: Vec<Delivery> = Vec::new();
    let mut gathered_receipts: Vec<u64> = Vec::new();
    let mut hand_over_at: Option<Instant> = None;
    let mut look_at: Option<Instant> = Some(Instant::now());
    let mut failures = 0_u32;
    let mut retry_at: Option<Instant> = None;
    let mut stopping = false;

    loop {
        let now = Instant::now();
        let is_due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        let busy = in_flight.receipts.len() - settled.len();
        let want = if stopping { 0 } else { prefetch - busy };
        let look = want > 0 && is_due(look_at);
        if (look || !settled.is_empty()) && retry_at.is_none_or(|at| at <= now) {
            changes.borrow_and_update();
            match queue.exchange(&settled, want).await {
                Ok(found) => {
                    failures = 0;
                    retry_at = None;
                    let now = Instant::now();
                    look_at = [found.next_due, Q::LOOK_EVERY].into_iter().flatten().min().map(|later| now + later);
                    for known in settled.drain(..) {
                        in_flight.receipts.remove(&known.receipt);
                    }
                    for taken in found.taken {
                        in_flight.receipts.insert(taken.receipt);
                        if taken.losses >= subscription.max_losses {
                            settled.push(lost_too_often(&taken));
                        } else {
                            hand_over_at.get_or_insert(now + subscription.batch.within);
                            gathered.push(taken.delivery);
                            gathered_receipts.push(taken.receipt);
                        }
                    }
                }
                Err(error) => {
                    failures += 1;
                    let pause = Duration::from_millis(100 << failures.min(6)).min(Duration::from_secs(5));
                    retry_at = Some(Instant::now() + pause);
                    look_at = retry_at;
                    tracing::error!(queue = subscription.queue.name, error, failures, "the queue could not be read");
                }
            }
        }

        let now = Instant::now();
        while gathered.len() >= batch_max
            || (!gathered.is_empty() && (stopping || hand_over_at.is_some_and(|at| at <= now)))
        {
            let size = batch_max.min(gathered.len());
            let deliveries: Vec<Delivery> = gathered.drain(..size).collect();
            let receipts: Vec<u64> = gathered_receipts.drain(..size).collect();
            let handler = Arc::clone(&handler);
            calls.spawn(handle(handler, deliveries, receipts, subscription.max_attempts));
        }
        if gathered.is_empty() {
            hand_over_at = None;
        }
        if retry_at.is_none() && !settled.is_empty() {
            continue;
        }
        if stopping && calls.is_empty() && settled.is_empty() {
            return;
        }

        let has_room = !stopping && in_flight.receipts.len() < prefetch + settled.len();
        let wake_at = [hand_over_at, retry_at, look_at.filter(|_| has_room)].into_iter().flatten().min();
        tokio::select! {
            () = &mut stop, if !stopping => stopping = true,
            Some(done) = calls.join_next() => {
                collect(done, &mut settled);
                // Those that are as good as done are settled in the same step.
                tokio::task::yield_now().await;
                while let Some(done) = calls.try_join_next() {
                    collect(done, &mut settled);
                }
            }
            changed = changes.changed(), if has_room => {
                // A sender that is gone never tells again; the regular looks go on.
                if changed.is_ok() {
                    look_at = Some(Instant::now());
                } else {
                    changes = watch::channel(0).1;
                }
            }
            () = sleep_until(wake_at) => {}
        }
    }
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

fn collect(done: Result<Vec<Settled>, tokio::task::JoinError>, settled: &mut Vec<Settled>) {
    match done {
        Ok(more) => settled.extend(more),
        // Panics are caught in the task, so this is the runtime shutting down; the deliveries go back when we are dropped.
        Err(error) => tracing::error!(%error, "a handler was cut short"),
    }
}

async fn handle(
    handler: Arc<dyn Handler>,
    deliveries: Vec<Delivery>,
    receipts: Vec<u64>,
    max_attempts: u32,
) -> Vec<Settled> {
    let outcomes = call(&*handler, &deliveries, max_attempts).await;
    let attempts = deliveries.iter().map(|delivery| delivery.attempt + 1);
    let known = receipts.into_iter().zip(attempts).zip(outcomes);
    known.map(|((receipt, attempts), outcome)| Settled { receipt, attempts, outcome }).collect()
}

/// What took its process down every time is not tried again.
fn lost_too_often(taken: &Taken) -> Settled {
    let outcome = Outcome::dead(format!("{} consumers were lost that had it", taken.losses));
    Settled { receipt: taken.receipt, attempts: taken.losses, outcome }
}
