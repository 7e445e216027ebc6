//! One consumer on one channel.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::future::Fuse;
use jobapp_kernel::{Delivery, Handler, Outcome, Subscription, error_text};
use lapin::Consumer;
use lapin::message::Delivery as FromBroker;
use lapin::options::{BasicCancelOptions, BasicConsumeOptions, BasicQosOptions};
use lapin::types::{FieldTable, ShortString};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::attached::{Attached, GivingBack};
use super::settle::{Held, Settling};
use crate::AmqpError;
use crate::letter::{Received, short};
use crate::link::Wire;
use crate::publish::Post;

/// Completes when a consumer should stop.
pub(super) type Stop = Fuse<Pin<Box<dyn Future<Output = ()> + Send>>>;

/// How a consumer ended.
pub(super) enum Ended {
    /// It was asked to.
    Stopped,
    /// Its channel is gone, after so long.
    Broken { why: String, after: Duration },
}

/// One consumer on one channel.
pub(super) struct Feed {
    // Dropped in this order: the handlers are aborted before their deliveries go back.
    calls: JoinSet<()>,
    attached: Attached,
    consumer: Consumer,
    settling: Settling,
    subscription: Subscription,
    gathered: Vec<Held>,
    hand_over_at: Option<Instant>,
    opened_at: Instant,
}

impl Feed {
    /// Starts a consumer of a queue that is declared.
    pub(super) async fn open(
        post: Post,
        giving_back: GivingBack,
        wire: Arc<Wire>,
        subscription: Subscription,
    ) -> Result<Self, AmqpError> {
        let channel = wire.channel().await?;
        let queue = short("the name of a queue", subscription.queue.name)?;
        let prefetch = u16::try_from(subscription.prefetch.max(1)).unwrap_or(u16::MAX);
        // Without it the client would take in the whole queue.
        wire.answered("setting the prefetch", channel.basic_qos(prefetch, BasicQosOptions::default())).await?;
        let (options, none) = (BasicConsumeOptions::default(), FieldTable::default());
        let starting = channel.basic_consume(queue, ShortString::default(), options, none);
        let consumer = wire.answered("starting a consumer", starting).await?;
        let tag = consumer.tag();
        let settling = Settling { wire: Arc::clone(&wire), post, queue: subscription.queue.name };
        Ok(Self {
            calls: JoinSet::new(),
            attached: Attached { wire, channel, tag, giving_back },
            consumer,
            settling,
            subscription,
            gathered: Vec::new(),
            hand_over_at: None,
            opened_at: Instant::now(),
        })
    }

    /// Feeds the handler until `stop` completes or the channel is gone, then waits for what is with the handler.
    pub(super) async fn run(mut self, handler: &Arc<dyn Handler>, stop: &mut Stop) -> Ended {
        let ended = loop {
            self.hand_over(handler, false);
            let hand_over_at = self.hand_over_at;
            tokio::select! {
                biased;
                () = &mut *stop => break Ended::Stopped,
                Some(done) = self.calls.join_next() => note(done),
                came = self.consumer.next() => match came {
                    Some(Ok(from)) => self.take(from),
                    // The first error is the last: nothing comes after it, not even the end.
                    Some(Err(error)) => break self.broken(error_text(&error)),
                    // The queue was deleted, or the broker cancelled it.
                    None => break self.broken("the broker ended it".to_owned()),
                },
                () = at(hand_over_at) => {}
            }
        };
        if matches!(ended, Ended::Stopped) {
            self.stop().await;
            // What was given to this consumer before the broker heard of its end is handed over as well: given back, it
            // would come marked as handled before.
            self.hand_over(handler, true);
        } else {
            // These come again by themselves.
            self.gathered.clear();
        }
        while let Some(done) = self.calls.join_next().await {
            note(done);
        }
        self.attached.wire.close(&self.attached.channel).await;
        ended
    }

    fn broken(&self, why: String) -> Ended {
        Ended::Broken { why, after: self.opened_at.elapsed() }
    }

    /// Has the broker send nothing more, and takes in what is on its way.
    async fn stop(&mut self) {
        let cancelling = self.attached.channel.basic_cancel(self.attached.tag.clone(), BasicCancelOptions::default());
        if let Err(error) = self.attached.wire.answered("cancelling a consumer", cancelling).await {
            tracing::debug!(error = error_text(&error), "a consumer ends with its channel");
            return;
        }
        // After the cancellation the stream ends.
        while let Some(Ok(from)) = self.consumer.next().await {
            self.take(from);
        }
    }

    fn take(&mut self, from: FromBroker) {
        let received = Received::read(&from);
        let held = Held { from, received };
        let settling = self.settling.clone();
        let losses = held.received.losses;
        if losses >= self.subscription.max_losses {
            // What took its process down every time is not tried again.
            let outcome = Outcome::dead(format!("{losses} consumers were lost that had it"));
            self.calls.spawn(async move { settling.settle(&held, outcome, losses).await });
        } else if !held.received.marks.wait.is_zero() {
            self.calls.spawn(async move { settling.wait_on(&held).await });
        } else {
            self.hand_over_at.get_or_insert_with(|| Instant::now() + self.subscription.batch.within);
            self.gathered.push(held);
        }
    }

    /// Gives the handler what is a batch, or has waited long enough to become one.
    fn hand_over(&mut self, handler: &Arc<dyn Handler>, all: bool) {
        let max = self.subscription.batch.max.clamp(1, self.subscription.prefetch.max(1));
        let is_time = |at: Option<Instant>| at.is_some_and(|at| at <= Instant::now());
        while self.gathered.len() >= max || (!self.gathered.is_empty() && (all || is_time(self.hand_over_at))) {
            let size = max.min(self.gathered.len());
            let batch: Vec<Held> = self.gathered.drain(..size).collect();
            let call = Call {
                handler: Arc::clone(handler),
                settling: self.settling.clone(),
                max_attempts: self.subscription.max_attempts,
            };
            self.calls.spawn(call.run(batch));
        }
        if self.gathered.is_empty() {
            self.hand_over_at = None;
        }
    }
}

/// One call of the handler.
struct Call {
    handler: Arc<dyn Handler>,
    settling: Settling,
    max_attempts: u32,
}

impl Call {
    async fn run(self, batch: Vec<Held>) {
        let deliveries: Vec<Delivery> = batch.iter().map(|held| self.delivery(&held.received)).collect();
        let outcomes = jobapp_pump::call(&*self.handler, &deliveries, self.max_attempts).await;
        // One that has to be tried again later holds up no other.
        let settling = batch.iter().zip(outcomes).map(|(held, outcome)| {
            let attempts = held.received.marks.attempt.saturating_add(1);
            self.settling.settle(held, outcome, attempts)
        });
        futures::future::join_all(settling).await;
    }

    fn delivery(&self, received: &Received) -> Delivery {
        Delivery {
            message: received.message.clone(),
            queue: self.settling.queue,
            attempt: received.marks.attempt,
            redelivered: received.redelivered,
        }
    }
}

async fn at(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

fn note(done: Result<(), tokio::task::JoinError>) {
    // Panics are caught in the task, so this is the runtime shutting down; the deliveries go back when the channel ends.
    if let Err(error) = done {
        tracing::error!(%error, "a handler was cut short");
    }
}
