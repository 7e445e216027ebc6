//! Publishes what the outbox holds.

mod pass;
mod troubles;

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use jobapp_kernel::{Leases, Message, Outbox, OutboxEntry, PublishError, Publisher, RepositoryError, error_text};
use parking_lot::Mutex;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use self::pass::Pass;
use self::troubles::Troubles;
use crate::backoff::Backoff;
use crate::hold::Hold;

/// How often the outbox is looked at unasked: for other processes, expired leases and stores that cannot tell.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// How soon an outbox that was empty is looked at again, for stores that say "changed" at any time.
const LOOK_AT_MOST_EVERY: Duration = Duration::from_millis(5);
/// What the second lease of a relay has behind the name of the first.
const BESIDE: &str = "+";
/// How soon it is looked again whether events are still held back.
const LOOK_AGAIN: Duration = Duration::from_millis(500);
/// How long stopping may take.
const LAST_DRAIN: Duration = Duration::from_secs(5);

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
/// An event is published once the one before it of the same aggregate is confirmed. One that cannot be, waits: so do the later
/// ones of its aggregate, and nobody else's. It is tried again after 1 s to 1 min, if no queue is bound for it or this program
/// does not understand it, and as soon as the bus takes messages on its way again, if that is what is missing. Of an event
/// that becomes several messages only those are tried again that were not taken.
///
/// A message is published twice, with the same id, when the process dies between the confirm and the forgetting, and when
/// the broker took it and could not say so.
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
    /// Where somebody may [hold events back](crate::holding_back); nobody may without it.
    pub leases: Option<Arc<dyn Leases>>,
}

/// Why the outbox could not be published.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    /// The entries could not be leased or forgotten.
    #[error("the outbox could not be read")]
    Outbox(#[from] RepositoryError),
    /// The broker did not take the messages.
    #[error("the outbox could not be published")]
    Publish(#[from] PublishError),
    /// The broker did not confirm in time.
    #[error("the message bus did not confirm within {} s", pass::PUBLISH_TIMEOUT.as_secs())]
    Unconfirmed,
}

impl Relay {
    /// A relay that leases as `owner`.
    pub fn new(
        owner: impl Into<String>,
        outbox: Arc<dyn Outbox>,
        publisher: Arc<dyn Publisher>,
        translate: impl Fn(&OutboxEntry) -> Result<Vec<Message>, TranslateError> + Send + Sync + 'static,
    ) -> Self {
        Self { outbox, publisher, translate: Arc::new(translate), owner: owner.into(), leases: None }
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
        let troubles = Mutex::default();
        let mut backoff = Backoff::new(Duration::from_millis(250), Duration::from_secs(5));
        let hold = self.leases.clone().map(Hold::new);
        let is_over = || stop.is_cancelled() || hold.as_ref().is_some_and(Hold::is_due);
        while !stop.is_cancelled() {
            let looked_at = Instant::now();
            if is_on(hold.as_ref()).await {
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = tokio::time::sleep(LOOK_AGAIN) => {}
                }
                continue;
            }
            let failure = match self.passes(&troubles, is_over).await {
                Ok(pass) if pass.taken > 0 || pass.failure.is_none() => {
                    backoff.reset();
                    if !pass.more {
                        let (look_at, next_try) = (looked_at + LOOK_EVERY, troubles.lock().next_try());
                        tokio::select! {
                            () = stop.cancelled() => {}
                            () = tokio::time::sleep_until(next_try.map_or(look_at, |due| due.min(look_at))) => {}
                            () = self.outbox.changed() => tokio::time::sleep_until(looked_at + LOOK_AT_MOST_EVERY).await,
                        }
                    }
                    continue;
                }
                Ok(pass) => pass.failure,
                Err(error) => Some(RelayError::Outbox(error)),
            };
            let pause = backoff.pause();
            tracing::warn!(
                owner = self.owner,
                error = failure.as_ref().map(|error| error_text(error)),
                pause_ms = pause.as_millis(),
                "the outbox waits for the message bus or the store"
            );
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
        if is_on(hold.as_ref()).await {
            return;
        }
        if let Err(error) = self.drain(&troubles).await {
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
    /// The first failure of the broker or the store. Events without a queue are none.
    pub async fn publish_all(&self) -> Result<(), RelayError> {
        self.drain(&Mutex::default()).await
    }

    async fn drain(&self, troubles: &Mutex<Troubles>) -> Result<(), RelayError> {
        loop {
            let pass = self.passes(troubles, || false).await?;
            match pass.failure {
                Some(failure) => return Err(failure),
                None if !pass.more => return Ok(()),
                None => {}
            }
        }
    }

    /// Publishes one lease of entries, and if there is more than it holds, goes on with two leases: while the bus has one, the
    /// store is busy with the other.
    async fn passes(&self, troubles: &Mutex<Troubles>, is_over: impl Fn() -> bool) -> Result<Pass, RepositoryError> {
        let first = self.pass(&self.owner, troubles).await?;
        if !first.more || first.failure.is_some() {
            return Ok(first);
        }
        let beside = format!("{}{BESIDE}", self.owner);
        let lane = async |owner| {
            let mut lane = Pass::default();
            loop {
                let pass = self.pass(owner, troubles).await?;
                lane.taken += pass.taken;
                lane.failure = pass.failure;
                if !pass.more || lane.failure.is_some() || is_over() {
                    return Ok::<_, RepositoryError>(lane);
                }
            }
        };
        // To the end even if one fails: what the bus has taken from the other is to be forgotten.
        let (one, other) = tokio::join!(lane(&self.owner), lane(&beside));
        let (one, other) = (one?, other?);
        // What one left to the other's lease may have come free since.
        Ok(Pass { taken: first.taken + one.taken + other.taken, more: true, failure: one.failure.or(other.failure) })
    }
}

/// Whether events are held back.
async fn is_on(hold: Option<&Hold>) -> bool {
    match hold {
        Some(hold) => hold.is_on().await,
        None => false,
    }
}
