//! Who keeps the search index whole.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use jobapp_gig_service::{GigConfig, GigPorts, GigService};
use jobapp_gigs::{EveryGig, IndexChange, SearchError, SearchIndex};
use jobapp_memory::{MemorySearch, MemoryStore};
use jobapp_platform::{Search, Service, Shared};
use tokio_util::sync::CancellationToken;

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
