//! A handler that remembers, and waits.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use jobapp_kernel::{BindError, Delivery, Handler, Outcome, Subscriber, Subscription};
use tokio::sync::{Semaphore, oneshot, watch};
use tokio::task::JoinHandle;

/// Fails when something takes far too long. What is waited for comes much sooner unless it never comes.
///
/// # Panics
/// After half a minute.
pub async fn in_time<T>(what: &str, waiting: impl Future<Output = T>) -> T {
    match tokio::time::timeout(Duration::from_secs(30), waiting).await {
        Ok(value) => value,
        Err(_) => panic!("waited in vain for {what}"),
    }
}

type Answer = Box<dyn Fn(&Delivery) -> Outcome + Send + Sync>;

/// A handler that remembers what it was given, in order, and answers as it is told.
pub struct Probe {
    answer: Answer,
    /// With a gate, a handler waits there for a permit before it answers.
    gate: Option<Semaphore>,
    entered: Mutex<Vec<Delivery>>,
    batches: Mutex<Vec<usize>>,
    changes: watch::Sender<()>,
    inside: AtomicUsize,
    most_inside: AtomicUsize,
}

impl Probe {
    /// Answers each delivery with [`Outcome::Done`].
    pub fn done() -> Arc<Self> {
        Self::answering(|_| Outcome::Done)
    }

    /// Answers as it is told; what it is told may panic.
    pub fn answering(answer: impl Fn(&Delivery) -> Outcome + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self::new(Box::new(answer), None))
    }

    /// Answers [`Outcome::Done`], each once it was let through.
    pub fn gated() -> Arc<Self> {
        Arc::new(Self::new(Box::new(|_| Outcome::Done), Some(Semaphore::new(0))))
    }

    fn new(answer: Answer, gate: Option<Semaphore>) -> Self {
        Self {
            answer,
            gate,
            entered: Mutex::default(),
            batches: Mutex::default(),
            changes: watch::Sender::new(()),
            inside: AtomicUsize::new(0),
            most_inside: AtomicUsize::new(0),
        }
    }

    /// Lets this many more through.
    pub fn let_through(&self, count: usize) {
        if let Some(gate) = &self.gate {
            gate.add_permits(count);
        }
    }

    /// Waits until it was given this many deliveries.
    pub async fn seen(&self, count: usize) {
        let mut changes = self.changes.subscribe();
        let enough = async {
            while lock(&self.entered).len() < count {
                changes.changed().await.unwrap();
            }
        };
        in_time(&format!("{count} deliveries"), enough).await;
    }

    /// What it was given, in order.
    pub fn deliveries(&self) -> Vec<Delivery> {
        lock(&self.entered).clone()
    }

    /// The bodies of what it was given, in order.
    pub fn bodies(&self) -> Vec<String> {
        let text = |delivery: &Delivery| String::from_utf8_lossy(&delivery.message.body).into_owned();
        lock(&self.entered).iter().map(text).collect()
    }

    /// The bodies of what it was given, each once, sorted.
    pub fn distinct_bodies(&self) -> BTreeSet<String> {
        self.bodies().into_iter().collect()
    }

    /// How many deliveries each call had.
    pub fn batches(&self) -> Vec<usize> {
        lock(&self.batches).clone()
    }

    /// How many deliveries it had at most at a time.
    pub fn most_inside(&self) -> usize {
        self.most_inside.load(Ordering::SeqCst)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Probes are told to panic; that spoils nothing.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Counts one out, also when a handler panics or is dropped.
struct Inside<'a>(&'a AtomicUsize);

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[async_trait]
impl Handler for Probe {
    async fn handle(&self, delivery: &Delivery) -> Outcome {
        let inside = self.inside.fetch_add(1, Ordering::SeqCst) + 1;
        let _out = Inside(&self.inside);
        self.most_inside.fetch_max(inside, Ordering::SeqCst);
        lock(&self.entered).push(delivery.clone());
        self.changes.send_replace(());
        if let Some(gate) = &self.gate {
            gate.acquire().await.expect("the gate is never closed").forget();
        }
        (self.answer)(delivery)
    }

    async fn handle_batch(&self, deliveries: &[Delivery]) -> Vec<Outcome> {
        lock(&self.batches).push(deliveries.len());
        jobapp_kernel::deliver_each(self, deliveries).await
    }
}

/// A consumer that runs.
pub struct Running {
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), BindError>>,
}

impl Running {
    /// Starts it.
    pub fn start(subscriber: &Arc<dyn Subscriber>, subscription: Subscription, probe: &Arc<Probe>) -> Self {
        let (stop, stopped) = oneshot::channel::<()>();
        let (subscriber, probe) = (Arc::clone(subscriber), Arc::clone(probe));
        // A dropped sender is a stop as well.
        let stopped = Box::pin(async move { drop(stopped.await) });
        let task = tokio::spawn(async move { subscriber.consume(subscription, probe, stopped).await });
        Self { stop, task }
    }

    /// Asks it to stop; it may still have something in flight.
    pub fn ask_to_stop(self) -> JoinHandle<Result<(), BindError>> {
        drop(self.stop);
        self.task
    }

    /// Stops it and waits until it has.
    ///
    /// # Panics
    /// When it fails or does not stop.
    pub async fn stop(self) {
        in_time("the consumer to stop", self.ask_to_stop()).await.unwrap().unwrap();
    }

    /// Drops it with all that is in flight, as a killed process would.
    pub async fn kill(self) {
        self.task.abort();
        drop(in_time("the consumer to vanish", self.task).await);
    }
}
