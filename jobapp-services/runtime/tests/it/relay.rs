//! The relay publishes every event, in order, and survives crashes and absent brokers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use jobapp_kernel::{
    Message, MessageId, ObjectId, Outbox, OutboxEntry, PublishError, Publisher, Queue, RepositoryError, Subscriber,
};
use jobapp_memory::{MemoryBus, MemoryStore};
use jobapp_runtime::{Exclusive, HoldError, Relay, holding_back};
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use crate::kettle::{QUEUE, bodies, change, change_of, id, in_time, take, translate};

struct World {
    store: MemoryStore,
    bus: MemoryBus,
}

impl World {
    async fn new() -> Self {
        let bus = MemoryBus::new();
        bus.declare(&[QUEUE]).await.unwrap();
        Self { store: MemoryStore::new(), bus }
    }

    fn relay(&self) -> Relay {
        Relay::new("a relay", self.store.outbox(), Arc::new(self.bus.clone()), translate)
    }

    async fn outbox_is_empty(&self) {
        let empty = async {
            while self.store.outbox().waiting().await.unwrap() > 0 {
                tokio::task::yield_now().await;
            }
        };
        in_time(empty).await;
    }

    /// The same while time is simulated.
    async fn outbox_is_empty_in_time(&self) {
        for _ in 0..600 {
            if self.store.outbox().waiting().await.unwrap() == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        panic!("{} events still wait", self.store.outbox().waiting().await.unwrap());
    }
}

/// A relay that runs in the background.
struct Running {
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

impl Running {
    fn start(relay: Relay) -> Self {
        let stop = CancellationToken::new();
        let token = stop.clone();
        Self { stop, task: tokio::spawn(async move { relay.run(token).await }) }
    }

    async fn stop(self) {
        self.stop.cancel();
        in_time(self.task).await.unwrap();
    }
}

#[tokio::test]
async fn events_become_messages_that_say_where_they_come_from() {
    let world = World::new().await;
    change(&world.store, 1, &["boiled", "pair"]).await;
    let recorded_at = world.store.events()[0].recorded_at;
    world.relay().publish_all().await.unwrap();
    let taken = take(&world.bus, 3).await;
    assert_eq!(bodies(&taken), ["boiled", "pair 0", "pair 1"]);
    let ids: Vec<String> = taken.iter().map(|one| one.message.id.clone().unwrap().0).collect();
    let kettle = id(1);
    assert_eq!(
        ids,
        [0, 1, 1].iter().zip([0, 0, 1]).map(|(event, n)| format!("kettle/{kettle}/1/{event}#{n}")).collect::<Vec<_>>()
    );
    let message = &taken[0].message;
    assert_eq!(message.timestamp, recorded_at);
    assert_eq!(message.version(), Some(1));
    assert_eq!(
        (message.headers["x-aggregate"].as_str(), &message.headers["x-aggregate-id"]),
        ("kettle", &kettle.to_string())
    );
    world.outbox_is_empty().await;
}

#[tokio::test]
async fn a_running_relay_publishes_as_soon_as_a_change_is_stored() {
    let world = World::new().await;
    let running = Running::start(world.relay());
    for number in 1..=5 {
        change(&world.store, number, &["boiled", "quiet"]).await;
    }
    assert_eq!(take(&world.bus, 5).await.len(), 5);
    world.outbox_is_empty().await;
    running.stop().await;
}

#[tokio::test]
async fn stopping_publishes_what_was_stored_until_then() {
    let world = World::new().await;
    let running = Running::start(world.relay());
    change(&world.store, 1, &["at the last moment"]).await;
    running.stop.cancel();
    running.stop().await;
    assert_eq!(world.store.outbox().waiting().await.unwrap(), 0);
    assert_eq!(bodies(&take(&world.bus, 1).await), ["at the last moment"]);
}

#[tokio::test]
async fn more_events_than_fit_into_one_pass_keep_their_order() {
    let world = World::new().await;
    let texts: Vec<String> = (0..600).map(|number| number.to_string()).collect();
    for text in &texts {
        change(&world.store, 1, &[text]).await;
    }
    world.relay().publish_all().await.unwrap();
    assert_eq!(bodies(&take(&world.bus, 600).await), texts);
}

/// An outbox that cannot forget, as if the process had died between the broker's confirm and the forgetting.
struct CrashesBeforeClearing {
    outbox: Arc<dyn Outbox>,
    crashes: AtomicU32,
}

#[async_trait]
impl Outbox for CrashesBeforeClearing {
    async fn lease(&self, owner: &str, lease: Duration, limit: usize) -> Result<Vec<OutboxEntry>, RepositoryError> {
        self.outbox.lease(owner, lease, limit).await
    }

    async fn clear(&self, owner: &str, ids: &[MessageId]) -> Result<(), RepositoryError> {
        if self.crashes.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok() {
            return Err(RepositoryError::unavailable("clear the outbox", "a crash"));
        }
        self.outbox.clear(owner, ids).await
    }

    async fn hold_back(&self, owner: &str, entries: &[(MessageId, Duration)]) -> Result<(), RepositoryError> {
        self.outbox.hold_back(owner, entries).await
    }

    async fn changed(&self) {
        self.outbox.changed().await;
    }

    async fn stuck(&self) -> Result<u64, RepositoryError> {
        self.outbox.stuck().await
    }

    async fn waiting(&self) -> Result<u64, RepositoryError> {
        self.outbox.waiting().await
    }
}

#[tokio::test]
async fn a_crash_between_publishing_and_clearing_publishes_twice_with_the_same_id() {
    let world = World::new().await;
    change(&world.store, 1, &["boiled"]).await;
    let outbox = Arc::new(CrashesBeforeClearing { outbox: world.store.outbox(), crashes: AtomicU32::new(1) });
    let crashing = Relay { outbox, ..world.relay() };
    crashing.publish_all().await.unwrap_err();
    let first = take(&world.bus, 1).await;
    world.relay().publish_all().await.unwrap();
    let second = take(&world.bus, 1).await;
    assert_eq!(first[0].message, second[0].message);
    world.outbox_is_empty().await;
}

#[tokio::test]
async fn a_crash_while_the_message_still_waits_is_not_even_noticed() {
    let world = World::new().await;
    change(&world.store, 1, &["boiled"]).await;
    let outbox = Arc::new(CrashesBeforeClearing { outbox: world.store.outbox(), crashes: AtomicU32::new(1) });
    Relay { outbox, ..world.relay() }.publish_all().await.unwrap_err();
    world.relay().publish_all().await.unwrap();
    assert_eq!(world.bus.depths()[QUEUE.name].waiting, 1);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_lost_while_the_broker_is_away_and_the_order_is_kept() {
    let world = World::new().await;
    world.bus.set_outage(Some("the broker is away"));
    let running = Running::start(world.relay());
    for event in ["one", "two", "three"] {
        change(&world.store, 1, &[event]).await;
        // Time is simulated: the relay tries in vain meanwhile.
        tokio::time::sleep(Duration::from_secs(20)).await;
    }
    assert_eq!(world.store.outbox().waiting().await.unwrap(), 3);
    world.bus.set_outage(None);
    change(&world.store, 1, &["four"]).await;
    assert_eq!(bodies(&take(&world.bus, 4).await), ["one", "two", "three", "four"]);
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn stopping_does_not_wait_for_a_broker_that_stays_away() {
    struct Hangs;
    #[async_trait]
    impl Publisher for Hangs {
        async fn publish(&self, _: &[Message]) -> Vec<Result<(), PublishError>> {
            std::future::pending().await
        }
    }
    let world = World::new().await;
    change(&world.store, 1, &["boiled"]).await;
    let relay = Relay { publisher: Arc::new(Hangs), ..world.relay() };
    let running = Running::start(relay);
    tokio::task::yield_now().await;
    let asked_at = tokio::time::Instant::now();
    running.stop().await;
    assert!(asked_at.elapsed() <= Duration::from_secs(6));
    assert_eq!(world.store.outbox().waiting().await.unwrap(), 1);
}

#[tokio::test]
async fn an_event_that_is_not_understood_holds_back_its_aggregate_only() {
    let world = World::new().await;
    change(&world.store, 1, &["before", "strange", "after"]).await;
    change(&world.store, 1, &["later"]).await;
    change(&world.store, 2, &["of another"]).await;
    world.relay().publish_all().await.unwrap();
    assert_eq!(bodies(&take(&world.bus, 2).await), ["before", "of another"]);
    let kept: Vec<String> = world.store.events().iter().map(|entry| entry.event.as_str().unwrap().to_owned()).collect();
    assert_eq!(kept, ["strange", "after", "later"]);
    assert!(world.bus.is_idle());
}

/// An outbox whose oldest entry is damaged.
struct Damaged(Arc<dyn Outbox>);

#[async_trait]
impl Outbox for Damaged {
    async fn lease(&self, owner: &str, lease: Duration, limit: usize) -> Result<Vec<OutboxEntry>, RepositoryError> {
        let mut entries = self.0.lease(owner, lease, limit).await?;
        if let Some(first) = entries.iter_mut().find(|entry| entry.event == "damaged") {
            first.event = OutboxEntry::unreadable("a sector is gone");
        }
        Ok(entries)
    }

    async fn clear(&self, owner: &str, ids: &[MessageId]) -> Result<(), RepositoryError> {
        self.0.clear(owner, ids).await
    }

    async fn hold_back(&self, owner: &str, entries: &[(MessageId, Duration)]) -> Result<(), RepositoryError> {
        self.0.hold_back(owner, entries).await
    }

    async fn changed(&self) {
        self.0.changed().await;
    }

    async fn stuck(&self) -> Result<u64, RepositoryError> {
        self.0.stuck().await
    }

    async fn waiting(&self) -> Result<u64, RepositoryError> {
        self.0.waiting().await
    }
}

#[tokio::test]
async fn an_entry_that_cannot_be_read_holds_back_its_aggregate_only() {
    let world = World::new().await;
    change(&world.store, 1, &["damaged", "after"]).await;
    change(&world.store, 2, &["of another"]).await;
    let relay = Relay { outbox: Arc::new(Damaged(world.store.outbox())), ..world.relay() };
    relay.publish_all().await.unwrap();
    assert_eq!(bodies(&take(&world.bus, 1).await), ["of another"]);
    assert_eq!(world.store.outbox().waiting().await.unwrap(), 2);
}

#[tokio::test]
async fn a_message_without_a_queue_holds_back_its_aggregate_only() {
    let world = World::new().await;
    change(&world.store, 1, &["before"]).await;
    change(&world.store, 1, &["lost", "after"]).await;
    change(&world.store, 2, &["of another"]).await;
    world.relay().publish_all().await.unwrap();
    assert_eq!(bodies(&take(&world.bus, 2).await), ["before", "of another"]);
    assert_eq!(world.store.outbox().waiting().await.unwrap(), 2);
    assert!(world.bus.is_idle());
}

#[tokio::test(start_paused = true)]
async fn however_many_events_are_stuck_the_others_are_published() {
    let world = World::new().await;
    for number in 0..=255 {
        change(&world.store, number, &["strange", "after", "after that"]).await;
    }
    let running = Running::start(world.relay());
    // Another aggregate's event, behind three times as many as one pass takes.
    change_of(&world.store, ObjectId::from_bytes([1; 12]), &["of another"]).await;
    assert_eq!(bodies(&take(&world.bus, 1).await), ["of another"]);
    running.stop().await;
}

/// A bus on whose way something is.
struct Hindered {
    bus: MemoryBus,
    /// Everything it was asked to publish.
    asked: Mutex<Vec<Message>>,
    /// How long each call takes.
    takes: Duration,
    /// The routing key on which nothing is taken.
    closed: Option<&'static str>,
}

impl Hindered {
    fn new(world: &World) -> Self {
        Self { bus: world.bus.clone(), asked: Mutex::default(), takes: Duration::ZERO, closed: None }
    }

    fn asked(&self, body: &str) -> usize {
        self.asked.lock().iter().filter(|message| message.body == body.as_bytes()).count()
    }
}

#[async_trait]
impl Publisher for Hindered {
    async fn publish(&self, messages: &[Message]) -> Vec<Result<(), PublishError>> {
        self.asked.lock().extend_from_slice(messages);
        tokio::time::sleep(self.takes).await;
        let mut answers = Vec::new();
        for message in messages {
            answers.push(if self.closed == Some(message.routing_key.as_str()) {
                Err(PublishError::Unavailable("nobody confirms".into()))
            } else {
                self.bus.publish_one(message).await
            });
        }
        answers
    }
}

#[tokio::test(start_paused = true)]
async fn what_has_no_queue_is_counted_and_tried_less_and_less_often() {
    let world = World::new().await;
    change(&world.store, 1, &["lost", "after"]).await;
    let bus = Arc::new(Hindered::new(&world));
    let running = Running::start(Relay { publisher: bus.clone(), ..world.relay() });
    tokio::time::sleep(Duration::from_secs(600)).await;
    let asked = bus.asked("lost");
    assert!((10..30).contains(&asked), "{asked} times in ten minutes");
    assert_eq!(bus.asked("after"), 0);
    assert_eq!(world.store.outbox().stuck().await.unwrap(), 1);
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn of_an_event_of_several_messages_only_what_was_not_taken_is_published_again() {
    let world = World::new().await;
    change(&world.store, 1, &["half"]).await;
    let bus = Arc::new(Hindered::new(&world));
    let running = Running::start(Relay { publisher: bus.clone(), ..world.relay() });
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(bus.asked("half 0"), 1);
    world.bus.declare(&[Queue { name: "late", routing_key: "nobody", ..QUEUE }]).await.unwrap();
    world.outbox_is_empty_in_time().await;
    assert_eq!(bus.asked("half 0"), 1);
    assert_eq!(world.bus.depths()["late"].waiting, 1);
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_way_on_which_nothing_is_taken_holds_up_nobody_else() {
    let world = World::new().await;
    // More than one pass takes.
    for number in 0..=255 {
        change(&world.store, number, &["lost", "after"]).await;
    }
    let bus = Arc::new(Hindered {
        closed: Some("nobody"),
        // As a broker that does not confirm in time.
        takes: Duration::from_secs(1),
        ..Hindered::new(&world)
    });
    let running = Running::start(Relay { publisher: bus.clone(), ..world.relay() });
    change_of(&world.store, ObjectId::from_bytes([1; 12]), &["of another"]).await;
    assert_eq!(bodies(&take(&world.bus, 1).await), ["of another"]);
    assert_eq!(bus.asked("after"), 0);
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn no_call_outlasts_the_lease() {
    let world = World::new().await;
    let texts: Vec<String> = (0..20).map(|number| number.to_string()).collect();
    for text in &texts {
        change(&world.store, 1, &[text]).await;
    }
    let slow = |owner: &str| {
        let publisher = Arc::new(Hindered { takes: Duration::from_secs(9), ..Hindered::new(&world) });
        Running::start(Relay { publisher, owner: owner.to_owned(), ..world.relay() })
    };
    let relays = [slow("one"), slow("other")];
    world.outbox_is_empty_in_time().await;
    for relay in relays {
        relay.stop().await;
    }
    assert_eq!(world.bus.depths()[QUEUE.name].waiting, 20);
    assert_eq!(bodies(&take(&world.bus, 20).await), texts);
}

/// Whoever copies databases sees nothing leave them, and whoever is killed at that holds nobody up for long.
#[tokio::test(start_paused = true)]
async fn events_that_are_held_back_are_published_afterwards() {
    let world = World::new().await;
    let relays: Vec<Running> = ["one", "other"]
        .map(|owner| Relay { owner: owner.to_owned(), leases: Some(world.store.leases()), ..world.relay() })
        .map(Running::start)
        .into();
    let stores = stores_of(&world, "a copy");
    let published = || world.bus.depths()[QUEUE.name].waiting;
    let held = holding_back(&stores, async {
        change(&world.store, 1, &["boiled", "poured"]).await;
        tokio::time::sleep(Duration::from_secs(120)).await;
        assert!(matches!(holding_back(&stores_of(&world, "another"), async {}).await, Err(HoldError::Taken(_))));
        published()
    });
    assert_eq!(held.await.unwrap(), 0);
    world.outbox_is_empty_in_time().await;
    assert_eq!(published(), 2);

    let leases = world.store.leases();
    assert!(leases.take("hold events back", "somebody who was killed", Duration::from_secs(30)).await.unwrap());
    tokio::time::sleep(Duration::from_secs(3)).await;
    change(&world.store, 2, &["boiled"]).await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(published(), 2);
    world.outbox_is_empty_in_time().await;
    for relay in relays {
        relay.stop().await;
    }
    assert_eq!(published(), 3);
}

fn stores_of(world: &World, owner: &str) -> [(String, Exclusive); 1] {
    [("kettles".to_owned(), Exclusive::new(world.store.leases(), owner))]
}

#[tokio::test(start_paused = true)]
async fn a_relay_that_stops_while_events_are_held_back_keeps_them() {
    let world = World::new().await;
    let stores = stores_of(&world, "a copy");
    let done = holding_back(&stores, async {
        change(&world.store, 1, &["boiled"]).await;
        Running::start(Relay { leases: Some(world.store.leases()), ..world.relay() }).stop().await;
        world.store.outbox().waiting().await.unwrap()
    });
    assert_eq!(done.await.unwrap(), 1);
}
