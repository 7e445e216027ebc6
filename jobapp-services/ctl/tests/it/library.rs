//! The commands on ports in memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use jobapp_ctl::commands::dead_letters::{self, DeadLettersCommand, Which};
use jobapp_ctl::commands::search::{self, SearchCommand};
use jobapp_ctl::commands::status::{Part, Program, Report, StatusCommand, Watched, WatchedStore, look};
use jobapp_ctl::{Answer, Form, SERVICES, Usage, declare, layout_of};
use jobapp_gigs::{Gig, Indexer};
use jobapp_kernel::{
    Delivery, Handler, Message, MessageId, Outcome, Publisher, Queue, Queues, Subscriber, Subscription, Timestamp,
};
use jobapp_memory::{MemoryBus, MemorySearch};
use jobapp_platform::{Address, Peers, Search, Store};
use jobapp_wire::queues;

/// A marketplace in memory.
struct World {
    bus: MemoryBus,
    search: Arc<MemorySearch>,
    stores: Vec<(&'static str, Store)>,
}

impl World {
    async fn new() -> Self {
        let bus = MemoryBus::new();
        bus.declare(&queues::ALL).await.unwrap();
        let mut stores = Vec::new();
        for service in SERVICES {
            let store = Store::in_memory();
            declare(service, &store).await.unwrap();
            stores.push((service, store));
        }
        Self { bus, search: Arc::new(MemorySearch::new()), stores }
    }

    async fn watched(&self) -> Watched {
        let mut stores = Vec::new();
        for (service, store) in &self.stores {
            stores.push(WatchedStore {
                service: (*service).to_owned(),
                store: Part::of("memory", Ok(store.inventory())),
                wanted: layout_of(service).await.unwrap(),
            });
        }
        Watched {
            stores,
            bus: Some(Part::of("memory", Ok(self.bus.clone().into()))),
            search: Some(Part::of("memory", Ok(Search::new(Arc::clone(&self.search))))),
            peers: Some(Part::of("memory", Peers::open(&Address::parse("JOBAPP_PEERS", "memory:")))),
            programs: Vec::new(),
        }
    }

    async fn report(&self) -> Report {
        look(&self.watched().await, &command(), now()).await
    }

    /// Lets messages die in a queue.
    async fn let_die(&self, queue: Queue, count: usize) {
        for number in 0..count {
            self.bus.publish_one(&message(queue, number)).await.unwrap();
        }
        let bus = self.bus.clone();
        let is_enough = async move {
            while bus.length(queue.name).await.unwrap().unwrap().dead < count as u64 {
                tokio::task::yield_now().await;
            }
        };
        self.bus.consume(Subscription::to(queue), Arc::new(Hopeless), Box::pin(is_enough)).await.unwrap();
    }
}

struct Hopeless;

#[async_trait::async_trait]
impl Handler for Hopeless {
    async fn handle(&self, _: &Delivery) -> Outcome {
        Outcome::dead("the moon is wrong")
    }
}

fn message(queue: Queue, number: usize) -> Message {
    Message {
        id: Some(MessageId(format!("m-{number}"))),
        kind: "a-kind".to_owned(),
        exchange: queue.exchange.name.to_owned(),
        routing_key: queue.routing_key.to_owned(),
        timestamp: now(),
        headers: [("x-version".to_owned(), "7".to_owned())].into(),
        body: br#"{"resetLink":"https://hush"}"#.to_vec(),
    }
}

fn now() -> Timestamp {
    Timestamp::EPOCH.plus(Duration::from_secs(4_000_000_000))
}

fn command() -> StatusCommand {
    StatusCommand { max_age: 60, count: true, form: Form::default() }
}

fn never(question: &str) -> anyhow::Result<bool> {
    panic!("nobody is asked: {question}")
}

#[tokio::test]
async fn a_marketplace_that_is_well_is_told_so() {
    let report = World::new().await.report().await;
    assert!(report.healthy && report.wrong.is_empty(), "{:?}", report.wrong);
    let names: Vec<&str> = report.services.iter().map(|one| one.service.as_str()).collect();
    assert_eq!(names, SERVICES);
    for one in &report.services {
        assert_eq!(one.layout.as_ref().unwrap().state, "current");
        assert_eq!(one.outbox.as_ref().unwrap().waiting, 0);
        assert!(!one.stored.is_empty() && one.stored.values().all(|count| *count == 0), "{:?}", one.stored);
    }
    assert_eq!(report.bus.as_ref().unwrap().queues.len(), queues::ALL.len());
    let search = report.search.as_ref().unwrap();
    assert_eq!((search.listed, search.stored, search.behind), (0, Some(0), Some(0)));
    assert!(report.lines().last().unwrap().contains("Nothing is wrong."), "{:?}", report.lines());
}

#[tokio::test]
async fn what_is_wrong_is_told_in_its_place_and_the_rest_still_answers() {
    let world = World::new().await;
    world.let_die(queues::ORDER_REVIEW, 2).await;
    world.search.set_away(true);
    let mut watched = world.watched().await;
    watched.stores[0].store = Part::missing("nobody said where it is");
    // It keeps nothing yet.
    watched.stores[1].store = Part::of("elsewhere", Ok(Store::in_memory().inventory()));
    watched.peers = Some(Part::missing("no Redis"));
    // Nobody listens there.
    watched.programs.push(Program::at("gig", "http://127.0.0.1:1"));
    let report = look(&watched, &command(), now()).await;

    assert!(!report.healthy);
    let is_told =
        |part: &str| assert!(report.wrong.iter().any(|wrong| wrong.contains(part)), "{part}: {:?}", report.wrong);
    is_told("the store of auth: nobody said where it is");
    is_told("the store of users is not up to date: `migrate users`");
    is_told("2 dead letters in order-review-queue");
    is_told("the search index: ");
    is_told("what processes share: no Redis");
    is_told("the gig program at http://127.0.0.1:1");
    assert_eq!(report.wrong.len(), 6, "{:?}", report.wrong);
    assert_eq!(report.services[0].layout.is_none(), report.services[0].trouble.is_some());
    assert_eq!(report.services[1].layout.as_ref().unwrap().state, "none");
    assert_eq!(report.services[2].layout.as_ref().unwrap().state, "current");
}

#[tokio::test]
async fn events_that_nobody_publishes_are_told_once_they_are_old() {
    let world = World::new().await;
    let (_, store) = &world.stores[0];
    let account = jobapp_auth_service::AuthPorts::open(store, &jobapp_platform::Shared::in_memory()).await.unwrap();
    let auth = jobapp_auth::Auth::new(account.auth, jobapp_auth::Policy::default());
    let wish = jobapp_auth::NewOperator {
        username: "Boss".to_owned(),
        email: Some("boss@example.org".to_owned()),
        password: None,
        picture: "https://img.example.org/boss.png".to_owned(),
    };
    assert!(auth.make_operator(wish).await.unwrap().is_new);
    let entry_age = |report: &Report| report.services[0].outbox.as_ref().unwrap().oldest_seconds;
    let report = world.report().await;
    assert!(entry_age(&report).is_some_and(|age| age > 60));
    assert!(
        report.wrong.iter().any(|wrong| wrong.starts_with("auth has not published an event")),
        "{:?}",
        report.wrong
    );
    assert_eq!(report.services[0].stored["account"], 1);

    let patient = StatusCommand { max_age: u64::MAX, ..command() };
    assert!(look(&world.watched().await, &patient, now()).await.healthy);
}

async fn run(world: &World, command: &DeadLettersCommand) -> anyhow::Result<Answer> {
    dead_letters::run(&world.bus, command, &never).await
}

fn one(queue: Queue, id: &str) -> Which {
    Which { queue: Some(queue.name.to_owned()), id: Some(id.to_owned()), all: false, yes: false }
}

fn all(queue: Option<Queue>, yes: bool) -> Which {
    Which { queue: queue.map(|queue| queue.name.to_owned()), id: None, all: true, yes }
}

#[tokio::test]
async fn dead_letters_are_shown_without_their_bodies() {
    let world = World::new().await;
    world.let_die(queues::AUTH_EMAIL, 1).await;
    let listed = run(&world, &DeadLettersCommand::List { queue: None }).await.unwrap();
    let letter = &listed.json["deadLetters"][0];
    assert_eq!(
        (letter["queue"].as_str(), letter["reason"].as_str()),
        (Some("auth-email-queue"), Some("the moon is wrong"))
    );
    let id = letter["id"].as_str().unwrap().to_owned();
    let show = DeadLettersCommand::Show { queue: queues::AUTH_EMAIL.name.to_owned(), id: id.clone() };
    let shown = run(&world, &show).await.unwrap();
    assert_eq!(shown.json["headers"]["x-version"], "7");
    assert_eq!(shown.json["bodyBytes"], 28);
    for answer in [&listed, &shown] {
        assert!(!format!("{answer:?}").contains("hush"), "{answer:?}");
    }
    let none =
        run(&world, &DeadLettersCommand::List { queue: Some(queues::ORDER_EMAIL.name.to_owned()) }).await.unwrap();
    assert_eq!(none.lines, ["No dead letters."]);
}

#[tokio::test]
async fn one_dead_letter_or_all_are_replayed_and_dropped() {
    let world = World::new().await;
    world.let_die(queues::ORDER_REVIEW, 3).await;
    world.let_die(queues::AUTH_EMAIL, 2).await;
    let listed = run(&world, &DeadLettersCommand::List { queue: None }).await.unwrap();
    let id = listed.json["deadLetters"].as_array().unwrap().iter().find(|one| one["queue"] == "order-review-queue");
    let id = id.unwrap()["id"].as_str().unwrap().to_owned();
    let replayed = run(&world, &DeadLettersCommand::Replay(one(queues::ORDER_REVIEW, &id))).await.unwrap();
    assert_eq!(replayed.lines, [format!("{id} is back in order-review-queue.")]);
    let length = async |queue: Queue| {
        let length = world.bus.length(queue.name).await.unwrap().unwrap();
        (length.waiting, length.dead)
    };
    assert_eq!(length(queues::ORDER_REVIEW).await, (1, 2));
    let again = run(&world, &DeadLettersCommand::Replay(one(queues::ORDER_REVIEW, &id))).await.unwrap_err();
    assert!(again.to_string().contains(&id), "{again}");

    let replayed = run(&world, &DeadLettersCommand::Replay(all(Some(queues::ORDER_REVIEW), true))).await.unwrap();
    assert_eq!(replayed.json["replayed"].as_array().unwrap().len(), 2);
    assert_eq!((length(queues::ORDER_REVIEW).await, length(queues::AUTH_EMAIL).await), ((3, 0), (0, 2)));
    let dropped = run(&world, &DeadLettersCommand::Drop(all(None, true))).await.unwrap();
    assert_eq!(dropped.json["dropped"].as_array().unwrap().len(), 2);
    assert_eq!(length(queues::AUTH_EMAIL).await, (0, 0));
    let nothing = run(&world, &DeadLettersCommand::Drop(all(None, false))).await.unwrap();
    assert_eq!(nothing.lines, ["No dead letters."], "nobody is asked about nothing");
}

#[tokio::test]
async fn nothing_is_done_to_all_of_them_unless_it_is_confirmed() {
    let world = World::new().await;
    world.let_die(queues::ORDER_REVIEW, 2).await;
    let asked = AtomicUsize::new(0);
    let refuse = |question: &str| {
        assert!(question.contains("order-review-queue") && question.contains("2 dead letters"), "{question}");
        asked.fetch_add(1, Ordering::SeqCst);
        Ok(false)
    };
    let command = DeadLettersCommand::Drop(all(None, false));
    let refused = dead_letters::run(&world.bus, &command, &refuse).await.unwrap_err();
    assert!(refused.is::<Usage>(), "{refused}");
    assert_eq!(world.bus.length(queues::ORDER_REVIEW.name).await.unwrap().unwrap().dead, 2);
    dead_letters::run(&world.bus, &command, &|_| Ok(true)).await.unwrap();
    assert_eq!(world.bus.length(queues::ORDER_REVIEW.name).await.unwrap().unwrap().dead, 0);
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    let unknown = run(&world, &DeadLettersCommand::List { queue: Some("tea".to_owned()) }).await.unwrap_err();
    assert!(unknown.is::<Usage>() && unknown.to_string().contains("order-review-queue"), "{unknown}");
}

#[tokio::test]
async fn an_index_that_is_built_anew_is_counted() {
    let (store, index) = (Store::in_memory(), Arc::new(MemorySearch::behind()));
    let indexer = Indexer::new(store.repository::<Gig>().await.unwrap(), index);
    assert!(indexer.needs_rebuild().await.unwrap());
    let answer = search::run(&indexer, &SearchCommand::Rebuild, Some(0)).await.unwrap();
    assert_eq!(answer.json["documents"], 0);
    assert!(!indexer.needs_rebuild().await.unwrap());
}
