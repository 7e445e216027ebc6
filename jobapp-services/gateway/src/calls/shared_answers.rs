//! The tier of kept answers that all gateways share, behind what each keeps by itself.
//!
//! Who misses an answer here looks there; who misses it there asks the service and keeps it for all. Others who miss it meanwhile
//! wait a moment for that. Whatever hears of a change spoils it there before it tells the other gateways, so none of them finds
//! what is old again. While it cannot be reached, each gateway asks the services by itself.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jobapp_kernel::{CacheUnavailable, Looked, SharedCache, Ticket, error_text};
use tokio::time::{Instant, sleep, timeout};

use super::answers::{Key, PROFILES};
use crate::table::route::Kept;

/// How long a look may take: what is slower than the service is of no use.
const PATIENCE: Duration = Duration::from_millis(200);
/// How long one waits for another who is about to keep it.
const WAIT: Duration = Duration::from_millis(300);
/// How often one looks meanwhile.
const LOOK_EVERY: Duration = Duration::from_millis(15);
/// After so long somebody else may ask the service.
const FINDING: Duration = Duration::from_secs(5);

/// What all gateways keep together.
#[derive(Clone)]
pub(crate) struct SharedAnswers {
    cache: Option<Arc<dyn SharedCache>>,
    gigs: Duration,
}

/// What was found there.
pub(crate) enum Found {
    /// An answer, as the service gave it.
    Answer(Bytes),
    /// None. Who asks the service keeps its answer with this, if there is one.
    Nothing(Option<Finding>),
}

impl SharedAnswers {
    /// Gigs are kept this long; zero keeps nothing.
    pub(crate) fn new(cache: Option<Arc<dyn SharedCache>>, gigs: Duration) -> Self {
        Self { cache: cache.filter(|_| !gigs.is_zero()), gigs }
    }

    /// Whether anything is kept there at all.
    pub(crate) const fn are_kept(&self) -> bool {
        self.cache.is_some()
    }

    /// Looks for an answer.
    pub(crate) async fn look(&self, key: &Key) -> Found {
        let Some(cache) = &self.cache else { return Found::Nothing(None) };
        let (name, until) = (key.name(), Instant::now() + WAIT);
        loop {
            match timeout(PATIENCE, cache.look(&name, FINDING)).await {
                Ok(Ok(Looked::Kept(body))) => return Found::Answer(body.into()),
                Ok(Ok(Looked::Yours(ticket))) => {
                    let age = if key.is_gig() { self.gigs } else { self.gigs.min(PROFILES) };
                    let finding = Finding { cache: Arc::clone(cache), name, age, ticket: Some(ticket) };
                    return Found::Nothing(Some(finding));
                }
                Ok(Ok(Looked::Awaited)) if Instant::now() < until => sleep(LOOK_EVERY).await,
                Ok(Ok(Looked::Awaited)) | Err(_) => return Found::Nothing(None),
                Ok(Err(error)) => {
                    tracing::debug!(error = error_text(&error), "answers kept by other gateways cannot be reached");
                    return Found::Nothing(None);
                }
            }
        }
    }

    /// What is kept of these has changed, whoever sees it.
    ///
    /// # Errors
    /// [`CacheUnavailable`]: what is kept there may be old.
    pub(crate) async fn spoil(&self, what: &[(Kept, String)]) -> Result<(), CacheUnavailable> {
        let Some(cache) = &self.cache else { return Ok(()) };
        let names: Vec<String> =
            what.iter().flat_map(|(kind, id)| Key::of_everybody(*kind, id)).map(|key| key.name()).collect();
        cache.spoil(&names).await
    }
}

/// The right to keep an answer for all. What is not kept is given back.
pub(crate) struct Finding {
    cache: Arc<dyn SharedCache>,
    name: String,
    age: Duration,
    ticket: Option<Ticket>,
}

impl Finding {
    /// Keeps an answer, in its own time.
    pub(crate) fn keep(mut self, body: Bytes) {
        let Some(ticket) = self.ticket.take() else { return };
        let (cache, name, age) = (Arc::clone(&self.cache), std::mem::take(&mut self.name), self.age);
        tokio::spawn(async move {
            if let Err(error) = cache.keep(&name, &ticket, &body, age).await {
                tracing::debug!(error = error_text(&error), "an answer could not be kept for other gateways");
            }
        });
    }
}

impl Drop for Finding {
    fn drop(&mut self) {
        let Some(ticket) = self.ticket.take() else { return };
        let (cache, name) = (Arc::clone(&self.cache), std::mem::take(&mut self.name));
        tokio::spawn(async move {
            // It ends by itself.
            drop(cache.give_back(&name, &ticket).await);
        });
    }
}
