//! `gig-search-queue`: keeps the search index current.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jobapp_gigs::{GigId, Indexer, SearchError};
use jobapp_kernel::{Batch, Delivery, Handler, Outcome, Subscription, Version, unreadable};
use jobapp_wire::messages::GigChanged;
use jobapp_wire::queues::GIG_SEARCH;

/// One commit of the index for so many changes, and none waits long for others.
const BATCH: Batch = Batch { max: 1000, within: Duration::from_millis(100) };

/// However long the index or the store is away, news wait for them: an index that missed one would never catch up.
pub(crate) fn consumer(indexer: Indexer) -> (Subscription, Arc<dyn Handler>) {
    let subscription = Subscription { max_attempts: u32::MAX, ..Subscription::to(GIG_SEARCH).batched(BATCH) };
    (subscription, Arc::new(GigSearchConsumer { indexer }))
}

struct GigSearchConsumer {
    indexer: Indexer,
}

#[async_trait]
impl Handler for GigSearchConsumer {
    async fn handle(&self, delivery: &Delivery) -> Outcome {
        let mut outcomes = self.handle_batch(std::slice::from_ref(delivery)).await;
        outcomes.pop().unwrap_or_else(|| Outcome::failed(delivery.attempt, "it was not handled"))
    }

    /// All of them with one commit. They are done once that is safe.
    async fn handle_batch(&self, deliveries: &[Delivery]) -> Vec<Outcome> {
        let read: Vec<Result<(GigId, Version), String>> = deliveries.iter().map(news).collect();
        let news: Vec<(GigId, Version)> = read.iter().filter_map(|read| read.as_ref().ok().copied()).collect();
        let failure = self.indexer.changed(&news).await.err();
        let outcomes = read.into_iter().zip(deliveries).map(|(read, delivery)| match (read, &failure) {
            (Err(reason), _) => Outcome::dead(reason),
            (Ok(_), None) => Outcome::Done,
            (Ok((id, _)), Some(SearchError::Refused(refused))) => match refused.iter().find(|(gig, _)| *gig == id) {
                Some((_, reason)) => Outcome::dead(format!("the search index does not take it: {reason}")),
                None => Outcome::Done,
            },
            (Ok(_), Some(error)) => match Outcome::of(error) {
                // An error that does not pass by itself is mended some day.
                Outcome::Dead { reason } => Outcome::failed(delivery.attempt, reason),
                outage => outage,
            },
        });
        outcomes.collect()
    }
}

/// Which gig it is about, and which version of it.
fn news(delivery: &Delivery) -> Result<(GigId, Version), String> {
    let changed: GigChanged = delivery.message.json().map_err(|error| unreadable(&error))?;
    let id = match &changed {
        GigChanged::Saved { gig, .. } => &gig.id,
        GigChanged::Deleted { gig_id, .. } => gig_id,
    };
    let version = delivery.message.version().ok_or("it has no x-version, so nobody knows whether it is news")?;
    Ok((id.parse().map_err(|error| format!("{error}"))?, version))
}
