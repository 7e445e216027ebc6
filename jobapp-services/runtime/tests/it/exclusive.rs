//! Of several processes one does what one should do.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use jobapp_kernel::{Leases, RepositoryError};
use jobapp_memory::MemoryStore;
use jobapp_runtime::Exclusive;
use tokio::time::Instant;

fn processes() -> [Exclusive; 2] {
    let store = MemoryStore::new();
    ["one", "other"].map(|owner| Exclusive::new(store.leases(), owner))
}

#[tokio::test(start_paused = true)]
async fn while_one_process_is_at_it_the_others_leave_it_however_long_it_takes() {
    let [one, other] = processes();
    let long = Duration::from_secs(3600);
    let working = tokio::spawn(async move { one.run("rebuild", tokio::time::sleep(long)).await.unwrap() });
    for _ in 0..300 {
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert_eq!(other.run("rebuild", async { "done" }).await.unwrap(), None);
        assert_eq!(other.run("something else", async { "done" }).await.unwrap(), Some("done"));
    }
    assert_eq!(working.await.unwrap(), Some(()));
    assert_eq!(other.run("rebuild", async { "done" }).await.unwrap(), Some("done"), "free at once");
}

#[tokio::test(start_paused = true)]
async fn a_process_that_is_gone_is_followed_by_another() {
    let [one, other] = processes();
    let working = tokio::spawn(async move { one.run("rebuild", std::future::pending::<()>()).await });
    tokio::time::sleep(Duration::from_secs(100)).await;
    working.abort();
    let gone_at = Instant::now();
    while other.run("rebuild", async {}).await.unwrap().is_none() {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert!(gone_at.elapsed() <= Duration::from_secs(31));
}

/// Leases of a store that is away at times.
struct Away(Arc<dyn Leases>, AtomicBool);

#[async_trait]
impl Leases for Away {
    async fn take(&self, name: &str, owner: &str, time: Duration) -> Result<bool, RepositoryError> {
        self.0.take(name, owner, time).await
    }

    async fn renew(&self, name: &str, owner: &str, time: Duration) -> Result<bool, RepositoryError> {
        if self.1.load(Ordering::SeqCst) {
            return Err(RepositoryError::unavailable("renew a lease", "it is away"));
        }
        self.0.renew(name, owner, time).await
    }

    async fn owner(&self, name: &str) -> Result<Option<String>, RepositoryError> {
        self.0.owner(name).await
    }

    async fn release(&self, name: &str, owner: &str) -> Result<(), RepositoryError> {
        self.0.release(name, owner).await
    }
}

#[tokio::test(start_paused = true)]
async fn who_cannot_renew_gives_up_before_another_begins() {
    let store = MemoryStore::new();
    let away = Arc::new(Away(store.leases(), AtomicBool::new(false)));
    let one = Exclusive::new(away.clone(), "one");
    let working = tokio::spawn(async move { one.run("rebuild", std::future::pending::<()>()).await.unwrap() });
    tokio::time::sleep(Duration::from_secs(100)).await;
    away.1.store(true, Ordering::SeqCst);
    let other = Exclusive::new(store.leases(), "other");
    while other.run("rebuild", async {}).await.unwrap().is_none() {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(working.is_finished());
    assert_eq!(working.await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn a_timer_goes_off_in_one_process_until_that_one_is_gone() {
    let [one, other] = processes();
    let period = Duration::from_secs(30);
    for _ in 0..10 {
        assert!(one.is_ours("sweep", period).await.unwrap());
        tokio::time::sleep(period / 2).await;
        assert!(!other.is_ours("sweep", period).await.unwrap());
        tokio::time::sleep(period / 2).await;
    }
    tokio::time::sleep(period).await;
    assert!(other.is_ours("sweep", period).await.unwrap());
    assert!(!one.is_ours("sweep", period).await.unwrap());
}
