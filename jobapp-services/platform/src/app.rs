//! Runs services.

use std::sync::Arc;
use std::time::Duration;

use jobapp_kernel::{BindError, Clock, Publisher, Subscriber};
use jobapp_runtime::{Relay, Shutdown, error_text, run_consumer};
use jobapp_wire::queues;

use crate::{Service, Store, Task};

/// How often old causes are forgotten.
const PRUNE_EVERY: Duration = Duration::from_secs(6 * 3600);

/// Runs the services of one process: their relays, consumers, tasks and housekeeping.
pub struct App {
    process: String,
    clock: Arc<dyn Clock>,
    publisher: Arc<dyn Publisher>,
    subscriber: Arc<dyn Subscriber>,
    shutdown: Shutdown,
}

impl App {
    /// Runs services on this bus until `shutdown` stops them. To other processes it goes by a name that no other has.
    pub fn new(
        clock: Arc<dyn Clock>,
        publisher: Arc<dyn Publisher>,
        subscriber: Arc<dyn Subscriber>,
        shutdown: Shutdown,
    ) -> Self {
        let process = format!("{:016x}", rand::random::<u64>());
        Self { process, clock, publisher, subscriber, shutdown }
    }

    /// The same under a name that only ever one process at a time has, such as the holder of a data folder: what an earlier one
    /// leased is this one's at once, and not when the lease is over.
    #[must_use]
    pub fn known_as(self, process: impl Into<String>) -> Self {
        Self { process: process.into(), ..self }
    }

    /// Declares every queue of the marketplace, whoever consumes it: of several processes, the one that starts first publishes
    /// nothing that misses its consumer.
    ///
    /// # Errors
    /// [`BindError`] when the bus cannot.
    pub async fn declare(&self) -> Result<(), BindError> {
        self.subscriber.declare(&queues::ALL).await
    }

    /// Starts a service: what it stores is published, its queues are consumed, its tasks done.
    pub fn run(&self, service: &dyn Service, store: Option<&Store>) {
        if let Some(store) = store {
            self.relay(service, store);
            self.keep(service.name(), store);
        }
        for (subscription, handler) in service.consumers() {
            let stop = self.shutdown.token().clone();
            self.shutdown.spawn(run_consumer(Arc::clone(&self.subscriber), subscription, handler, stop));
        }
        for task in service.tasks() {
            self.do_task(task);
        }
    }

    /// Looks after a store that is no service's: forgets what nobody needs any more.
    pub fn keep(&self, name: &'static str, store: &Store) {
        let (store, clock) = (store.clone(), Arc::clone(&self.clock));
        self.do_task(Task::every("forget old causes", PRUNE_EVERY, move || {
            let (store, now) = (store.clone(), clock.now());
            async move {
                match store.prune(now).await {
                    Ok(0) => {}
                    Ok(count) => tracing::debug!(service = name, count, "old causes were forgotten"),
                    Err(error) => tracing::warn!(service = name, error = error_text(&error), "old causes stay"),
                }
            }
        }));
    }

    /// Does something beside the services until the process is asked to stop.
    pub fn do_task(&self, task: Task) {
        self.shutdown.spawn(task.run(self.shutdown.token().clone()));
    }

    fn relay(&self, service: &dyn Service, store: &Store) {
        let Some(translate) = service.translator() else { return };
        let relay = Relay {
            outbox: store.outbox(),
            publisher: Arc::clone(&self.publisher),
            translate,
            owner: format!("{}@{}", service.name(), self.process),
        };
        let stop = self.shutdown.last_token().clone();
        self.shutdown.spawn_last(async move { relay.run(stop).await });
    }
}
