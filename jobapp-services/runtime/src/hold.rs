//! Holding events back, so that copies of several databases fit together though they are made one after the other.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::future::BoxFuture;
use jobapp_kernel::{Leases, RepositoryError, error_text};
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::Exclusive;

/// The lease of whoever holds the events of a store back.
const HOLD: &str = "hold events back";
/// How often relays look whether somebody does.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// How long it takes at most until every relay knows, and what it was publishing is published.
const HEARD_WITHIN: Duration = Duration::from_secs(5);

/// What a relay knows of whether the events of its store are held back.
pub(crate) struct Hold {
    leases: Arc<dyn Leases>,
    known: Mutex<Option<(Instant, bool)>>,
}

impl fmt::Debug for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hold").finish_non_exhaustive()
    }
}

impl Hold {
    /// Nothing is known yet.
    pub(crate) fn new(leases: Arc<dyn Leases>) -> Self {
        Self { leases, known: Mutex::new(None) }
    }

    /// Whether what is known is too old.
    pub(crate) fn is_due(&self) -> bool {
        self.known.lock().is_none_or(|(asked_at, _)| asked_at.elapsed() >= LOOK_EVERY)
    }

    /// Whether events are held back.
    pub(crate) async fn is_on(&self) -> bool {
        if self.is_due() {
            let asked_at = Instant::now();
            let is_on = match self.leases.owner(HOLD).await {
                Ok(owner) => owner.is_some(),
                Err(error) => {
                    // Then there are no events either.
                    tracing::debug!(error = error_text(&error), "it is not known whether events are held back");
                    false
                }
            };
            let before = self.known.lock().replace((asked_at, is_on));
            if is_on && before.is_some_and(|(_, was_on)| !was_on) {
                tracing::info!("events are held back");
            }
        }
        self.known.lock().is_some_and(|(_, is_on)| is_on)
    }
}

/// Why events were not held back.
#[derive(Debug, thiserror::Error)]
pub enum HoldError {
    /// A store could not be asked.
    #[error("the events of {service} cannot be held back")]
    Store {
        /// Whose store.
        service: String,
        /// Why.
        #[source]
        source: RepositoryError,
    },
    /// Somebody else holds them back.
    #[error(
        "somebody else holds the events of {0} back; what was left by a command that was killed is over within 30 s"
    )]
    Taken(String),
    /// The store was away for too long.
    #[error(
        "the events of {0} were not held back to the end: its store was away. What was copied meanwhile may not fit together"
    )]
    Lost(String),
}

/// Does something while no event of these stores is published. People notice nothing but that what follows their acts is late.
///
/// # Errors
/// [`HoldError`]. When the hold is lost meanwhile, the work is cut off.
pub async fn holding_back<T: Send>(
    stores: &[(String, Exclusive)],
    work: impl Future<Output = T> + Send,
) -> Result<T, HoldError> {
    let begun = AtomicBool::new(false);
    let work = async {
        begun.store(true, Ordering::Relaxed);
        tokio::time::sleep(HEARD_WITHIN).await;
        Ok(work.await)
    };
    nested(stores, &begun, Box::pin(work)).await
}

/// Takes one lease after the other, and does the work with all of them.
fn nested<'a, T: Send + 'a>(
    stores: &'a [(String, Exclusive)],
    begun: &'a AtomicBool,
    work: BoxFuture<'a, Result<T, HoldError>>,
) -> BoxFuture<'a, Result<T, HoldError>> {
    let Some(((service, exclusive), others)) = stores.split_first() else { return work };
    Box::pin(async move {
        match exclusive.run(HOLD, nested(others, begun, work)).await {
            Ok(Some(done)) => done,
            Ok(None) if begun.load(Ordering::Relaxed) => Err(HoldError::Lost(service.clone())),
            Ok(None) => Err(HoldError::Taken(service.clone())),
            Err(source) => Err(HoldError::Store { service: service.clone(), source }),
        }
    })
}
