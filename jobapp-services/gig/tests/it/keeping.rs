//! Who keeps the search index whole.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use jobapp_gig_service::{GigConfig, GigPorts, GigService};
use jobapp_gigs::{EveryGig, Extent, GigId, IndexChange, SearchError, SearchIndex};
use jobapp_kernel::Outcome;
use jobapp_memory::{MemorySearch, MemoryStore};
use jobapp_platform::{Search, Service, Shared};
use jobapp_wire::queues::GIG_SEARCH;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::world::{IRIA, delivery};

/// An index that is new, and takes its time to be built.
#[derive(Default)]
struct Slow {
    whole: AtomicBool,
    under_way: AtomicUsize,
    built: AtomicUsize,
}

#[async_trait]
impl SearchIndex for Slow {
    async fn apply(&self, _: Vec<IndexChange>) -> Result<(), SearchError> {
        Ok(())
    }

    async fn needs_rebuild(&self) -> Result<bool, SearchError> {
        Ok(!self.whole.load(Ordering::SeqCst))
    }

    async fn extent(&self) -> Result<Extent, SearchError> {
        Ok(Extent::default())
    }

    async fn rebuild(&self, _: &mut dyn EveryGig, _: &(dyn Fn(usize) + Send + Sync)) -> Result<usize, SearchError> {
        assert_eq!(self.under_way.fetch_add(1, Ordering::SeqCst), 0, "two build it at once");
        tokio::time::sleep(Duration::from_secs(120)).await;
        self.under_way.fetch_sub(1, Ordering::SeqCst);
        self.whole.store(true, Ordering::SeqCst);
        Ok(self.built.fetch_add(1, Ordering::SeqCst))
    }
}

/// The service in a process of its own.
async fn process(store: &MemoryStore, index: &Arc<Slow>) -> GigService {
    let store = store.of_another_process().into();
    let search = Search { search: Arc::new(MemorySearch::new()), index: index.clone() };
    let ports = GigPorts::open(&store, &Shared::in_memory(), &search).await.unwrap();
    GigService::new(ports, GigConfig::default())
}

#[tokio::test(start_paused = true)]
async fn of_several_processes_one_builds_the_index() {
    let (store, index, stop) = (MemoryStore::new(), Arc::new(Slow::default()), CancellationToken::new());
    let mut keepers = Vec::new();
    for _ in 0..3 {
        let tasks = process(&store, &index).await.tasks();
        keepers.extend(tasks.into_iter().map(|task| tokio::spawn(task.run(stop.clone()))));
    }
    while !index.whole.load(Ordering::SeqCst) {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(index.built.load(Ordering::SeqCst), 1);
    stop.cancel();
    for keeper in keepers {
        keeper.await.unwrap();
    }
}

/// An index that never takes one gig.
struct Picky(GigId);

#[async_trait]
impl SearchIndex for Picky {
    async fn apply(&self, changes: Vec<IndexChange>) -> Result<(), SearchError> {
        let refused = changes.iter().filter(|change| change.id == self.0);
        Err(SearchError::Refused(refused.map(|change| (change.id, "it is too long".to_owned())).collect()))
    }

    async fn needs_rebuild(&self) -> Result<bool, SearchError> {
        Ok(false)
    }

    async fn extent(&self) -> Result<Extent, SearchError> {
        Ok(Extent::default())
    }

    async fn rebuild(&self, _: &mut dyn EveryGig, _: &(dyn Fn(usize) + Send + Sync)) -> Result<usize, SearchError> {
        Ok(0)
    }
}

#[tokio::test]
async fn a_gig_that_the_index_never_takes_keeps_no_other_back() {
    let [taken, refused] = ["66f0c0ffee00000000009001", "66f0c0ffee00000000009002"];
    let index = Arc::new(Picky(refused.parse().unwrap()));
    let search = Search { search: Arc::new(MemorySearch::new()), index };
    let ports = GigPorts::open(&MemoryStore::new().into(), &Shared::in_memory(), &search).await.unwrap();
    let service = GigService::new(ports, GigConfig::default());
    let (_, handler) =
        service.consumers().into_iter().find(|(subscription, _)| subscription.queue == GIG_SEARCH).unwrap();
    let news = [taken, refused].map(|gig| {
        let deleted = json!({"type": "gig-deleted", "gigId": gig, "sellerId": IRIA, "at": "2026-11-24T10:15:42.000Z"});
        delivery(GIG_SEARCH, Some(gig), &deleted)
    });
    let outcomes = handler.handle_batch(&news).await;
    let [Outcome::Done, Outcome::Dead { reason }] = &outcomes[..] else { panic!("{outcomes:?}") };
    assert_eq!(reason, "the search index does not take it: it is too long");
}
