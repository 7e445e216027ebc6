//! Starting tasks and stopping them: ask politely, wait, then insist.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How long a service waits for its tasks before it insists.
pub const STOP_LIMIT: Duration = Duration::from_secs(30);

/// Stops the tasks of a process in two stages. First [`Shutdown::spawn`]ed ones: servers and consumers, which make events.
/// Once they have ended, [`Shutdown::spawn_last`] ones: relays, which publish these events.
///
/// Clones stop the same tasks.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    stages: Arc<Stages>,
}

#[derive(Debug, Default)]
struct Stages {
    first: Stage,
    last: Stage,
    insist: CancellationToken,
    /// Where that is done which nobody waits for; `None` where everything else is.
    behind: Option<Handle>,
    named: Arc<Named>,
}

/// The names of the tasks that have not ended, with how many there are of each.
#[derive(Debug, Default)]
struct Named(Mutex<BTreeMap<Cow<'static, str>, usize>>);

impl Named {
    fn begin(self: &Arc<Self>, name: Cow<'static, str>) -> Running {
        *self.0.lock().entry(name.clone()).or_default() += 1;
        Running { name, named: Arc::clone(self) }
    }
}

/// A task that has not ended.
struct Running {
    name: Cow<'static, str>,
    named: Arc<Named>,
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut named = self.named.0.lock();
        if let Some(count) = named.get_mut(&self.name) {
            *count -= 1;
            if *count == 0 {
                named.remove(&self.name);
            }
        }
    }
}

#[derive(Debug, Default)]
struct Stage {
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Stage {
    fn spawn_on(&self, threads: Option<&Handle>, task: impl Future<Output = ()> + Send + 'static) {
        match threads {
            Some(threads) => self.tasks.spawn_on(task, threads),
            None => self.tasks.spawn(task),
        };
    }

    async fn end(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

impl Shutdown {
    /// Nothing to stop yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same, where what nobody waits for is done by the threads of [`behind`](crate::behind).
    pub fn with_threads_behind(behind: Handle) -> Self {
        Self { stages: Arc::new(Stages { behind: Some(behind), ..Stages::default() }) }
    }

    /// Cancelled when tasks are asked to stop.
    pub fn token(&self) -> &CancellationToken {
        &self.stages.first.stop
    }

    /// Counts the tasks of the first stage. A task spawned on it directly is waited for, but cannot be cut short.
    pub fn tracker(&self) -> &TaskTracker {
        &self.stages.first.tasks
    }

    /// Cancelled when the tasks of the first stage have ended.
    pub fn last_token(&self) -> &CancellationToken {
        &self.stages.last.stop
    }

    /// Starts a task of the first stage. It should end when [`Shutdown::token`] is cancelled; it is dropped when we insist, and the log
    /// names it then.
    pub fn spawn(&self, name: impl Into<Cow<'static, str>>, task: impl Future<Output = ()> + Send + 'static) {
        self.stages.first.spawn_on(None, self.until_insisted(name.into(), task));
    }

    /// As [`Shutdown::spawn`], for what nobody waits for: people who wait for an answer go first when the processors are busy.
    pub fn spawn_behind(&self, name: impl Into<Cow<'static, str>>, task: impl Future<Output = ()> + Send + 'static) {
        self.stages.first.spawn_on(self.stages.behind.as_ref(), self.until_insisted(name.into(), task));
    }

    /// Starts a task of the last stage, which nobody waits for either. It should end when [`Shutdown::last_token`] is cancelled.
    pub fn spawn_last(&self, name: impl Into<Cow<'static, str>>, task: impl Future<Output = ()> + Send + 'static) {
        self.stages.last.spawn_on(self.stages.behind.as_ref(), self.until_insisted(name.into(), task));
    }

    /// Opens something where that is done which nobody waits for. The threads it starts give way as well: on Linux a thread
    /// has the priority of the one that starts it.
    pub async fn opened_behind<T: Send + 'static>(&self, opening: impl Future<Output = T> + Send + 'static) -> T {
        let Some(threads) = &self.stages.behind else { return opening.await };
        match threads.spawn(opening).await {
            Ok(opened) => opened,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // Those threads are at their end, and this task with them.
                Err(_) => std::future::pending().await,
            },
        }
    }

    fn until_insisted(
        &self,
        name: Cow<'static, str>,
        task: impl Future<Output = ()> + Send + 'static,
    ) -> impl Future<Output = ()> + Send + 'static {
        let insist = self.stages.insist.clone();
        let running = self.stages.named.begin(name);
        async move {
            let _running = running;
            // Dropped when we insist; a log line says so where we do.
            let _ = insist.run_until_cancelled(task).await;
        }
    }

    /// Asks everything to stop, as a signal does. [`Shutdown::run`] goes on from there.
    pub fn request(&self) {
        self.stages.first.stop.cancel();
    }

    /// Waits for a signal (ctrl-c or SIGTERM) or a [`Shutdown::request`], then stops everything within `limit`. A second signal
    /// insists at once. Returns whether all tasks ended by themselves.
    ///
    /// # Errors
    /// When the operating system does not let us listen for signals.
    pub async fn run(&self, limit: Duration) -> std::io::Result<bool> {
        Ok(self.run_with(Signals::listen()?, limit).await)
    }

    /// As [`Shutdown::run`], with signals that were listened for from an earlier moment on: a process that tells the world that
    /// it is there must already stop politely.
    pub async fn run_with(&self, mut signals: Signals, limit: Duration) -> bool {
        tokio::select! {
            name = signals.next() => tracing::info!(signal = name, "stopping"),
            () = self.token().cancelled() => tracing::info!("stopping"),
        }
        self.stop_unless(limit, async { signals.next().await }).await
    }

    /// Does `starting`. A signal that comes before it is done asks everything to stop, which is what it should heed: it is still
    /// waited for. [`Shutdown::run_with`] goes on from there, and stops at once then.
    pub async fn starting<T>(&self, signals: &mut Signals, starting: impl Future<Output = T>) -> T {
        let mut starting = std::pin::pin!(starting);
        tokio::select! {
            started = &mut starting => return started,
            name = signals.next() => tracing::info!(signal = name, "stopping before everything was started"),
        }
        self.request();
        starting.await
    }

    /// Stops everything within `limit`. Returns whether all tasks ended by themselves.
    pub async fn stop(&self, limit: Duration) -> bool {
        self.stop_unless(limit, std::future::pending()).await
    }

    async fn stop_unless(&self, limit: Duration, second_signal: impl Future<Output = &'static str>) -> bool {
        let politely = async {
            self.stages.first.end().await;
            self.stages.last.end().await;
        };
        let ended = tokio::select! {
            () = politely => true,
            () = tokio::time::sleep(limit) => {
                tracing::error!(limit_s = limit.as_secs(), tasks = self.named(), "some tasks do not end and are cut short");
                false
            }
            name = second_signal => {
                tracing::warn!(signal = name, tasks = self.named(), "asked again: the tasks are cut short");
                false
            }
        };
        if ended {
            tracing::info!("stopped");
            return true;
        }
        self.stages.insist.cancel();
        self.stages.last.stop.cancel();
        // Cut short tasks end at their next await; one that blocks its thread is left to the end of the process.
        let cut_short = async {
            self.stages.first.end().await;
            self.stages.last.end().await;
        };
        if tokio::time::timeout(Duration::from_secs(1), cut_short).await.is_err() {
            tracing::error!(tasks = self.named(), "some tasks could not even be cut short");
        }
        false
    }

    /// The names of tasks that have not ended, for the log.
    fn named(&self) -> String {
        let named = self.stages.named.0.lock();
        let each =
            named.iter().map(|(name, count)| if *count == 1 { name.to_string() } else { format!("{name} ({count})") });
        each.collect::<Vec<_>>().join(", ")
    }

    /// How many tasks have not ended.
    pub fn running(&self) -> usize {
        self.stages.first.tasks.len() + self.stages.last.tasks.len()
    }
}

/// The signals that ask a process to stop. From its making on they no longer end the process by themselves.
#[derive(Debug)]
pub struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    /// Listens from now on.
    ///
    /// # Errors
    /// When the operating system does not let us.
    #[cfg(unix)]
    pub fn listen() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    #[cfg(not(unix))]
    fn listen() -> std::io::Result<Self> {
        Ok(Self {})
    }

    #[cfg(unix)]
    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.terminate.recv() => "SIGTERM",
        }
    }

    #[cfg(not(unix))]
    async fn next(&mut self) -> &'static str {
        match tokio::signal::ctrl_c().await {
            Ok(()) => "ctrl-c",
            Err(error) => {
                tracing::error!(%error, "ctrl-c cannot be heard");
                std::future::pending().await
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn tasks_that_listen_end_by_themselves_servers_before_relays() {
        let shutdown = Shutdown::new();
        let order = Arc::new(Mutex::new(Vec::new()));
        let (first, last) = (Arc::clone(&order), Arc::clone(&order));
        let (stop_first, stop_last) = (shutdown.token().clone(), shutdown.last_token().clone());
        shutdown.spawn_last("relay", async move {
            stop_last.cancelled().await;
            last.lock().push("relay");
        });
        shutdown.spawn("server", async move {
            stop_first.cancelled().await;
            tokio::task::yield_now().await;
            first.lock().push("server");
        });
        assert_eq!(shutdown.running(), 2);
        assert!(shutdown.stop(STOP_LIMIT).await);
        assert_eq!(*order.lock(), ["server", "relay"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_does_not_listen_is_cut_short_after_the_limit() {
        let shutdown = Shutdown::new();
        shutdown.spawn("one that does not listen", std::future::pending());
        assert!(!shutdown.stop(STOP_LIMIT).await);
        assert_eq!(shutdown.running(), 0);
    }

    #[tokio::test]
    async fn tasks_that_have_not_ended_are_named() {
        let shutdown = Shutdown::new();
        for name in ["relay of gigs", "consumer of gig-search", "consumer of gig-search"] {
            let stop = shutdown.token().clone();
            shutdown.spawn(name, async move { stop.cancelled().await });
        }
        assert_eq!(shutdown.named(), "consumer of gig-search (2), relay of gigs");
        assert!(shutdown.stop(STOP_LIMIT).await);
        assert_eq!(shutdown.named(), "");
    }

    #[tokio::test]
    async fn a_second_signal_insists_at_once() {
        let shutdown = Shutdown::new();
        shutdown.spawn("one that does not listen", std::future::pending());
        assert!(!shutdown.stop_unless(STOP_LIMIT, async { "SIGTERM" }).await);
        assert_eq!(shutdown.running(), 0);
    }

    #[tokio::test]
    async fn a_request_stops_like_a_signal() {
        let shutdown = Shutdown::new();
        let stop = shutdown.token().clone();
        shutdown.spawn("server", async move { stop.cancelled().await });
        shutdown.request();
        assert!(shutdown.run(STOP_LIMIT).await.unwrap());
    }
}
