//! What becomes of a delivery, as the broker is told.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jobapp_kernel::{Outcome, error_text};
use lapin::message::Delivery as FromBroker;
use lapin::options::BasicAckOptions;
use uuid::Uuid;

use crate::letter::{Death, Letter, Marks, Received, buried, parked};
use crate::link::Wire;
use crate::publish::{NotTaken, Post};
use crate::{AmqpError, topology};

/// The pauses between attempts to store a copy: the first one and the longest one.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// A delivery and what is known of it.
pub(super) struct Held {
    pub(super) from: FromBroker,
    pub(super) received: Received,
}

/// Tells the broker what became of deliveries of one queue.
#[derive(Clone)]
pub(super) struct Settling {
    pub(super) wire: Arc<Wire>,
    pub(super) post: Post,
    pub(super) queue: &'static str,
}

impl Settling {
    /// Does what the outcome says. `attempts` is how often a handler had it, or how many consumers it took down.
    ///
    /// What cannot be done now is tried again as long as the delivery is ours: nothing is acknowledged before its copy is stored, and
    /// when the channel is gone the message comes again by itself.
    pub(super) async fn settle(&self, held: &Held, outcome: Outcome, attempts: u32) {
        let marks = || self.marks(&held.received);
        let copy = match outcome {
            Outcome::Done => None,
            Outcome::Retry { after, counts, .. } => {
                let attempt = held.received.marks.attempt + u32::from(counts);
                Some(parked(self.queue, &held.from, after, Marks { attempt, ..marks() }))
            }
            Outcome::Dead { reason } => {
                let death = Death { id: Uuid::new_v4().to_string(), reason, micros: now() };
                Some(buried(self.queue, &held.from, death, Marks { attempt: attempts, ..marks() }))
            }
        };
        self.finish(held, copy).await;
    }

    /// Lets a message wait that has not waited long enough, as no queue holds one that long.
    pub(super) async fn wait_on(&self, held: &Held) {
        let marks = Marks { attempt: held.received.marks.attempt, ..self.marks(&held.received) };
        let copy = parked(self.queue, &held.from, held.received.marks.wait, marks);
        self.finish(held, Some(copy)).await;
    }

    fn marks(&self, received: &Received) -> Marks {
        let origin = (received.message.exchange.clone(), received.message.routing_key.clone());
        let (losses, redelivered) = (received.losses, received.redelivered);
        Marks { origin: Some(origin), losses, redelivered, ..Marks::default() }
    }

    async fn finish(&self, held: &Held, copy: Option<Result<Letter, AmqpError>>) {
        let is_stored = match copy {
            None => true,
            Some(Ok(letter)) => self.store(held, letter).await,
            Some(Err(error)) => {
                // It stays where it is, unacknowledged, until somebody looks.
                tracing::error!(
                    queue = self.queue,
                    error = error_text(&error),
                    "a message can be neither parked nor buried"
                );
                false
            }
        };
        let tag = held.from.delivery_tag;
        if is_stored {
            match self.wire.answered("acknowledging", held.from.acker.ack(BasicAckOptions::default())).await {
                Ok(true) => {}
                Ok(false) => tracing::debug!(queue = self.queue, tag, "its channel is gone: a message comes again"),
                Err(error) => {
                    tracing::debug!(queue = self.queue, error = error_text(&error), "a message comes again");
                }
            }
        }
    }

    /// Stores a copy, however long it takes; `false` when the delivery is not ours any more.
    async fn store(&self, held: &Held, letter: Letter) -> bool {
        let (mut pause, longest) = PAUSES;
        loop {
            let why = match self.post.send_one(letter.clone()).await {
                Ok(()) => return true,
                Err(NotTaken::Unroutable) => self.declare_again().await,
                Err(NotTaken::Unknown(error)) => error_text(&*error),
            };
            if held.from.acker.poisoned() {
                return false;
            }
            let (queue, id) = (self.queue, held.received.message.id.as_ref().map(tracing::field::display));
            tracing::warn!(queue, message_id = id, why, "a message that should wait aside is held; it is tried again");
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(longest);
            if held.from.acker.poisoned() {
                return false;
            }
        }
    }

    /// Somebody has deleted the queue it should go to.
    async fn declare_again(&self) -> String {
        match topology::declare_aside(&self.wire, self.queue).await {
            Ok(()) => "its queue was gone and is made anew".to_owned(),
            Err(error) => error_text(&error),
        }
    }
}

/// Microseconds, so that it tells who died first.
fn now() -> i64 {
    let micros = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros());
    i64::try_from(micros).unwrap_or(i64::MAX)
}
