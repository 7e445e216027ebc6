//! Runs services.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::body::Body;
use axum::http::Request;
use axum::response::Response;
use jobapp_kernel::{Clock, Outbox};
use jobapp_metrics::Metrics;
use jobapp_runtime::{Exclusive, Relay, STOP_LIMIT, ServerConfig, Shutdown, Signals, error_text, run_consumer};
use jobapp_telemetry::Traces;
use jobapp_wire::queues;
use tokio::net::TcpListener;

use crate::{Bus, OpenError, Part, Readiness, Service, Shared, Store, Task, Vitals, WaitError, observed, until_there};

/// How often old causes are forgotten.
const PRUNE_EVERY: Duration = Duration::from_secs(6 * 3600);

/// Runs the services of one process: their relays, consumers, tasks and housekeeping, and what they serve.
pub struct App {
    process: String,
    clock: Arc<dyn Clock>,
    metrics: Metrics,
    traces: Traces,
    bus: Bus,
    shutdown: Shutdown,
    readiness: Readiness,
}

impl App {
    /// Runs services that have this in common, on this bus, until `shutdown` stops them.
    pub fn new(shared: &Shared, bus: Bus, shutdown: Shutdown) -> Self {
        let (process, clock) = (shared.process.clone(), Arc::clone(&shared.clock));
        let (metrics, traces) = (shared.metrics.clone(), shared.traces.clone());
        Self { process, clock, metrics, traces, bus, shutdown, readiness: Readiness::new() }
    }

    /// The same, telling whether it wants requests by what was found while its parts were opened.
    #[must_use]
    pub fn telling(self, readiness: Readiness) -> Self {
        Self { readiness, ..self }
    }

    /// What it waits for, and how its parts are.
    pub const fn readiness(&self) -> &Readiness {
        &self.readiness
    }

    /// Declares every queue of the marketplace, whoever consumes it: of several processes, the one that starts first publishes
    /// nothing that misses its consumer. Waits for a bus that is away.
    ///
    /// # Errors
    /// [`WaitError`].
    pub async fn declare(&self) -> Result<(), WaitError> {
        let subscriber = self.bus.subscriber();
        self.until_there("the queues", || async { subscriber.declare(&queues::ALL).await.map_err(OpenError::away) })
            .await
    }

    /// Waits for everything without which a service is of no use.
    ///
    /// # Errors
    /// [`WaitError::Stopped`].
    pub async fn wait_for(&self, service: &dyn Service) -> Result<(), WaitError> {
        let needs = service.waits_for();
        futures::future::try_join_all(needs.iter().map(|need| {
            self.until_there(need.name(), move || async move { need.look().await.map_err(OpenError::away) })
        }))
        .await
        .map(drop)
    }

    /// Tries until it succeeds, as [`until_there`] does.
    ///
    /// # Errors
    /// [`WaitError`].
    pub async fn until_there<T, F>(&self, what: &str, attempt: impl FnMut() -> F) -> Result<T, WaitError>
    where
        F: Future<Output = Result<T, OpenError>>,
    {
        until_there(what, &self.readiness, self.shutdown.token(), attempt).await
    }

    /// Starts a service: what it stores is published, its queues are consumed, its tasks done. All of it is counted.
    pub fn run(&self, service: &dyn Service, store: Option<&Store>) {
        if let Some(store) = store {
            self.keep(service.name(), store);
            observed::pool(&self.metrics, service.name(), store);
            if let Some(relay) = self.relay(service, store) {
                observed::backlog(&self.metrics, service.name(), store, Arc::clone(&self.clock));
                self.readiness.stands_on(Arc::new(Told { service: service.name(), outbox: store.outbox() }));
                let stop = self.shutdown.last_token().clone();
                self.shutdown.spawn_last(format!("relay of {}", service.name()), async move { relay.run(stop).await });
            }
        }
        observed::queues(&self.metrics, service.name(), service.queues(), &self.bus.queues());
        let (name, system) = (service.name(), self.bus.system());
        let subscriber = self.traces.subscriber(name, system, self.bus.subscriber(), Arc::clone(&self.clock));
        let subscriber = self.metrics.subscriber(name, subscriber, Arc::clone(&self.clock));
        for (subscription, handler) in service.consumers() {
            let stop = self.shutdown.token().clone();
            let name = format!("consumer of {}", subscription.queue.name);
            self.shutdown.spawn_behind(name, run_consumer(Arc::clone(&subscriber), subscription, handler, stop));
        }
        for task in service.tasks() {
            self.do_task(task);
        }
    }

    /// Looks after a store that is no service's: forgets what nobody needs any more.
    pub fn keep(&self, name: &'static str, store: &Store) {
        let (store, clock) = (store.clone(), Arc::clone(&self.clock));
        let exclusive = Exclusive::new(store.leases(), self.process.clone());
        self.do_task(Task::of_one("forget old causes", exclusive, PRUNE_EVERY, move || {
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

    /// Serves this from now on. Once everything else is started, say [`App::started`].
    pub fn serve<S>(&self, listener: TcpListener, service: S, config: ServerConfig)
    where
        S: tower::Service<Request<Body>, Response = Response, Error = Infallible> + Clone + Send + Sync + 'static,
        S::Future: Send + 'static,
    {
        jobapp_runtime::serve(&self.shutdown, listener, service, config);
    }

    /// Everything is started: says that it is ready, waits for a signal or a [`Shutdown::request`], and stops everything. Returns whether all
    /// ended by itself.
    pub async fn until_stopped(&self, signals: Signals) -> bool {
        self.started();
        self.shutdown.run_with(signals, STOP_LIMIT).await
    }

    /// Everything is started: it is ready, until it is asked to stop.
    pub fn started(&self) {
        self.readiness.stands_on(Arc::new(self.bus.clone()));
        self.readiness.started();
        let readiness = self.readiness.clone();
        self.do_task(Task::new("say that nobody should send requests", |stop| async move {
            stop.cancelled().await;
            readiness.drain();
        }));
    }

    /// Does something beside the services until the process is asked to stop.
    pub fn do_task(&self, task: Task) {
        self.shutdown.spawn(task.name(), task.run(self.shutdown.token().clone()));
    }

    fn relay(&self, service: &dyn Service, store: &Store) -> Option<Relay> {
        let translate = service.translator()?;
        let (name, clock) = (service.name(), Arc::clone(&self.clock));
        let publisher = self.traces.publisher(name, self.bus.system(), self.bus.publisher());
        Some(Relay {
            outbox: self.metrics.outbox(name, store.outbox()),
            publisher: self.metrics.publisher(name, publisher, clock),
            translate,
            owner: format!("{name}@{}", self.process),
            leases: Some(store.leases()),
        })
    }
}

/// What a service has to tell others: in trouble once something of it could not be published.
struct Told {
    service: &'static str,
    outbox: Arc<dyn Outbox>,
}

#[async_trait]
impl Vitals for Told {
    async fn parts(&self) -> Vec<Part> {
        let trouble = match self.outbox.stuck().await {
            Ok(0) => None,
            Ok(count) => Some(format!("{count} could not be published: the log says why")),
            Err(error) => Some(error_text(&error)),
        };
        let name = format!("events of {}", self.service);
        vec![Part { service: Some(self.service), is_vital: false, ..Part::vital(name, trouble) }]
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use jobapp_kernel::{Aggregate, Change, InvalidState, Key, ObjectId};
    use jobapp_memory::{MemoryBus, MemoryStore};
    use jobapp_runtime::{Translate, TranslateError};
    use tower::ServiceExt;

    use super::*;
    use crate::{Entrance, Need};

    #[derive(Clone)]
    struct Kettle(ObjectId);

    impl Aggregate for Kettle {
        const NAME: &'static str = "kettle";
        type Id = ObjectId;
        type Event = String;
        type State = ObjectId;

        fn id(&self) -> &ObjectId {
            &self.0
        }

        fn keys() -> &'static [Key<Self>] {
            &[]
        }

        fn to_state(&self) -> ObjectId {
            self.0
        }

        fn from_state(id: ObjectId) -> Result<Self, InvalidState> {
            Ok(Self(id))
        }
    }

    /// A service that needs something that is never there, and tells of nothing.
    struct Kitchen;

    impl Service for Kitchen {
        fn name(&self) -> &'static str {
            "kitchen"
        }

        fn router(&self) -> Router {
            Router::new().route("/tea", axum::routing::get(async || "tea"))
        }

        fn translator(&self) -> Option<Translate> {
            Some(Arc::new(|_| Ok(Vec::new())))
        }

        fn waits_for(&self) -> Vec<Need> {
            vec![Need::new("water", async || anyhow::bail!("the well is dry"))]
        }
    }

    fn app(bus: &MemoryBus) -> (App, Shutdown) {
        let shutdown = Shutdown::new();
        (App::new(&Shared::in_memory(), bus.clone().into(), shutdown.clone()), shutdown)
    }

    async fn asked(door: &Router, path: &str) -> (u16, String) {
        let answer = door.clone().oneshot(Request::get(path).body(Body::empty()).unwrap()).await.unwrap();
        let status = answer.status().as_u16();
        let body = axum::body::to_bytes(answer.into_body(), 1024).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn two_processes_of_one_service_do_not_share_a_lease() {
        let (bus, memory) = (MemoryBus::new(), MemoryStore::new());
        let (store, other) = (Store::from(memory.clone()), Store::from(memory.of_another_process()));
        let kettle = Change::insert(Kettle(ObjectId::from_bytes([7; 12])), vec!["bought".to_owned()]);
        assert_eq!(store.repository().await.unwrap().save(kettle).await.unwrap().version(), Some(1));
        let one = app(&bus).0.relay(&Kitchen, &store).unwrap();
        let two = app(&bus).0.relay(&Kitchen, &other).unwrap();
        let minute = Duration::from_secs(60);
        assert_eq!(one.outbox.lease(&one.owner, minute, 9).await.unwrap().len(), 1);
        assert_eq!(two.outbox.lease(&two.owner, minute, 9).await.unwrap().len(), 0, "{} is {}", one.owner, two.owner);
        // What the holder of a folder leased is its successor's.
        let of_a_folder = Shared { process: "folder".to_owned(), ..Shared::in_memory() };
        let app = || App::new(&of_a_folder, bus.clone().into(), Shutdown::new());
        let (before, after) = (app(), app());
        let owner = |app: &App| app.relay(&Kitchen, &store).unwrap().owner;
        assert_eq!(owner(&before), owner(&after));
    }

    /// A service whose events nobody understands.
    struct Cellar;

    impl Service for Cellar {
        fn name(&self) -> &'static str {
            "cellar"
        }

        fn router(&self) -> Router {
            Router::new()
        }

        fn translator(&self) -> Option<Translate> {
            Some(Arc::new(|_| Err(TranslateError::new("it is dark"))))
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_cannot_be_published_is_told_and_keeps_nobody_away() {
        let (app, shutdown) = app(&MemoryBus::new());
        let store = Store::in_memory();
        let kettle = Change::insert(Kettle(ObjectId::from_bytes([7; 12])), vec!["bought".to_owned()]);
        assert_eq!(store.repository().await.unwrap().save(kettle).await.unwrap().version(), Some(1));
        app.run(&Cellar, Some(&store));
        app.started();
        while store.outbox().stuck().await.unwrap() == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let told = asked(&Entrance::new(app.readiness().clone()).router(), "/readyz").await;
        let troubles = r#"{"events of cellar":"1 could not be published: the log says why"}"#;
        assert_eq!(told, (200, format!(r#"{{"status":"ready","troubles":{troubles}}}"#)));
        assert!(shutdown.stop(STOP_LIMIT).await);
    }

    #[tokio::test]
    async fn whoever_starts_first_declares_the_queues_of_all() {
        let bus = MemoryBus::new();
        app(&bus).0.declare().await.unwrap();
        let depths = bus.depths();
        assert!(queues::ALL.iter().all(|queue| depths.contains_key(queue.name)), "{depths:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_process_that_waits_lives_and_says_for_what_and_is_ready_until_it_stops() {
        let (app, shutdown) = app(&MemoryBus::new());
        let entrance = Entrance::new(app.readiness().clone());
        let door = entrance.router();
        let waiting = app.wait_for(&Kitchen);
        let asking = async {
            tokio::time::sleep(Duration::from_secs(3)).await;
            (asked(&door, "/livez").await, asked(&door, "/readyz").await, asked(&door, "/tea").await)
        };
        let stopping = async {
            let told = asking.await;
            shutdown.request();
            told
        };
        let (waited, (lives, waits, tea)) = tokio::join!(waiting, stopping);
        assert_eq!((lives.0, tea.0), (200, 503));
        assert_eq!(waits, (503, r#"{"missing":{"water":"the well is dry"},"status":"starting"}"#.to_owned()));
        assert!(matches!(waited, Err(WaitError::Stopped(_))));

        let (app, shutdown) = self::app(&MemoryBus::new());
        let entrance = Entrance::new(app.readiness().clone());
        let door = entrance.router();
        entrance.opens_to(Kitchen.router());
        app.run(&Kitchen, Some(&Store::in_memory()));
        app.started();
        assert_eq!((asked(&door, "/readyz").await.0, asked(&door, "/tea").await.1), (200, "tea".to_owned()));
        assert!(shutdown.stop(STOP_LIMIT).await);
        assert_eq!(asked(&door, "/readyz").await, (503, r#"{"status":"draining"}"#.to_owned()));
    }
}
