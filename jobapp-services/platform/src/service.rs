//! The form all services have.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use futures::future::BoxFuture;
use jobapp_kernel::Queue;
use jobapp_runtime::{Consumer, Exclusive, Translate, error_text};
use tokio_util::sync::CancellationToken;
use utoipa::openapi::OpenApi;

/// A service, as the process that runs it sees it. Nothing of it starts by itself.
pub trait Service: Send + Sync {
    /// Its name in logs and metrics, such as `order`.
    fn name(&self) -> &'static str;

    /// The audiences the gateway's tokens for it have.
    fn audiences(&self) -> &'static [&'static str] {
        &[]
    }

    /// Every route with its full path. Health routes are open, all others ask for the gateway's token.
    fn router(&self) -> Router;

    /// What the routes accept and answer; `None` when that is documented elsewhere, or nothing to speak of.
    fn openapi(&self) -> Option<OpenApi> {
        None
    }

    /// The queues it consumes.
    fn queues(&self) -> Vec<Queue> {
        Vec::new()
    }

    /// Who consumes them.
    fn consumers(&self) -> Vec<Consumer> {
        Vec::new()
    }

    /// Makes messages of what is in its outbox; `None` when it has none.
    fn translator(&self) -> Option<Translate> {
        None
    }

    /// What it does unasked. Each call gives new tasks.
    fn tasks(&self) -> Vec<Task> {
        Vec::new()
    }

    /// What must be there before it takes requests.
    fn waits_for(&self) -> Vec<Need> {
        Vec::new()
    }
}

/// Something a service does unasked, until the process is asked to stop.
pub struct Task {
    name: &'static str,
    run: Box<dyn FnOnce(CancellationToken) -> BoxFuture<'static, ()> + Send>,
}

impl fmt::Debug for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Task").field(&self.name).finish()
    }
}

impl Task {
    /// A task that ends by itself once the token it is given is cancelled.
    pub fn new<F>(name: &'static str, run: impl FnOnce(CancellationToken) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Self { name, run: Box::new(move |stop| Box::pin(run(stop))) }
    }

    /// Something that is done at once and then every `period`. What is under way when the process is asked to stop is dropped at
    /// its next await.
    pub fn every<F>(name: &'static str, period: Duration, work: impl Fn() -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Self::new(name, move |stop| async move {
            let mut ticks = tokio::time::interval(period);
            let ticking = async move {
                loop {
                    ticks.tick().await;
                    work().await;
                }
            };
            stop.run_until_cancelled(ticking).await;
        })
    }

    /// The same, done by one process at a time of all that have the store of `exclusive`.
    pub fn of_one<F>(
        name: &'static str,
        exclusive: Exclusive,
        period: Duration,
        work: impl Fn() -> F + Send + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Self::every(name, period, move || {
            // Nothing of it is done before it is waited for.
            let (exclusive, work) = (exclusive.clone(), work());
            async move {
                match exclusive.is_ours(name, period).await {
                    Ok(true) => work.await,
                    Ok(false) => {}
                    Err(error) => {
                        tracing::warn!(task = name, error = error_text(&error), "it is not known whose turn it is")
                    }
                }
            }
        })
    }

    /// Its name in logs.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Does it until `stop` is cancelled.
    pub async fn run(self, stop: CancellationToken) {
        (self.run)(stop).await;
    }
}

/// Something without which a service is of no use yet, such as another service's answer.
#[derive(Clone)]
pub struct Need {
    name: &'static str,
    look: Arc<dyn Fn() -> BoxFuture<'static, anyhow::Result<()>> + Send + Sync>,
}

impl fmt::Debug for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Need").field(&self.name).finish()
    }
}

impl Need {
    /// Something that is there once `look` succeeds. It is called again and again until then.
    pub fn new<F>(name: &'static str, look: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        Self { name, look: Arc::new(move || Box::pin(look())) }
    }

    /// What it is, in words: `the sessions that ended lately`.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Looks whether it is there.
    ///
    /// # Errors
    /// Why it is not.
    pub async fn look(&self) -> anyhow::Result<()> {
        (self.look)().await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use jobapp_kernel::Leases;
    use jobapp_memory::MemoryStore;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_one_does_for_all_is_done_by_the_one_who_is_left() {
        let leases: Arc<dyn Leases> = Arc::new(MemoryStore::new());
        let (done, period) = (Arc::new(AtomicU32::new(0)), Duration::from_secs(60));
        let process = |name: &str| {
            let (counted, stop) = (Arc::clone(&done), CancellationToken::new());
            let exclusive = Exclusive::new(Arc::clone(&leases), name);
            let task = Task::of_one("counting", exclusive, period, move || {
                let counted = Arc::clone(&counted);
                async move {
                    counted.fetch_add(1, Ordering::Relaxed);
                }
            });
            (tokio::spawn(task.run(stop.clone())), stop)
        };
        let ((one, stop_one), (two, stop_two)) = (process("one"), process("two"));
        tokio::time::sleep(Duration::from_secs(179)).await;
        assert_eq!(done.load(Ordering::Relaxed), 3);
        stop_one.cancel();
        one.await.unwrap();
        tokio::time::sleep(4 * period).await;
        assert!(done.load(Ordering::Relaxed) > 3, "the other goes on");
        stop_two.cancel();
        two.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_done_now_and_then_is_done_at_once_and_ends_when_asked() {
        let (done, stop) = (Arc::new(AtomicU32::new(0)), CancellationToken::new());
        let counted = Arc::clone(&done);
        let task = Task::every("counting", Duration::from_secs(60), move || {
            let counted = Arc::clone(&counted);
            async move {
                counted.fetch_add(1, Ordering::Relaxed);
            }
        });
        let running = tokio::spawn(task.run(stop.clone()));
        tokio::time::sleep(Duration::from_secs(119)).await;
        assert_eq!(done.load(Ordering::Relaxed), 2);
        stop.cancel();
        running.await.unwrap();
    }
}
