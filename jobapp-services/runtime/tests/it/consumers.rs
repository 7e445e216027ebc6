//! Consumers read their bodies, say what became of them and stop with the service.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jobapp_kernel::{
    Batch, DeadLetters, Delivery, ErrorKind, Handler, Kinded, Message, MessageId, Outcome, Publisher, RepositoryError,
    Subscriber, Subscription, Timestamp,
};
use jobapp_memory::MemoryBus;
use jobapp_runtime::{Shutdown, json_handler, spawn_consumers};
use parking_lot::Mutex;
use tokio::sync::mpsc;

use crate::kettle::{QUEUE, in_time};

fn message(id: Option<&str>, body: &str) -> Message {
    Message {
        id: id.map(|id| MessageId(id.to_owned())),
        kind: "kettle-event".to_owned(),
        exchange: QUEUE.exchange.name.to_owned(),
        routing_key: QUEUE.routing_key.to_owned(),
        timestamp: Timestamp::EPOCH,
        headers: [].into(),
        body: body.as_bytes().to_vec(),
    }
}

async fn publish(bus: &MemoryBus, messages: &[Message]) {
    for answer in bus.publish(messages).await {
        answer.unwrap();
    }
}

/// Starts one consumer of the queue.
async fn start(bus: &MemoryBus, shutdown: &Shutdown, handler: Arc<dyn Handler>) {
    let subscriber: Arc<dyn Subscriber> = Arc::new(bus.clone());
    let subscription = Subscription { max_attempts: 2, ..Subscription::to(QUEUE) };
    spawn_consumers(&subscriber, [(subscription, handler)], shutdown.token(), shutdown.tracker()).await.unwrap();
}

async fn idle(bus: &MemoryBus) {
    let idle = async {
        while !bus.is_idle() {
            tokio::task::yield_now().await;
        }
    };
    in_time(idle).await;
}

/// What is wrong with a kettle.
#[derive(Debug, thiserror::Error)]
#[error("the kettle is {0:?}")]
struct Trouble(ErrorKind);

impl Kinded for Trouble {
    fn kind(&self) -> ErrorKind {
        self.0
    }
}

#[tokio::test]
async fn a_json_handler_gets_the_body_and_the_delivery() {
    let bus = MemoryBus::new();
    let shutdown = Shutdown::new();
    let (tell, mut told) = mpsc::unbounded_channel();
    let handler = json_handler(move |litres: Vec<u32>, delivery: Delivery| {
        let tell = tell.clone();
        async move {
            tell.send((litres, delivery.effect())).unwrap();
            Ok::<(), Trouble>(())
        }
    });
    start(&bus, &shutdown, handler).await;
    bus.publish_one(&message(Some("m 1"), "[1, 2]")).await.unwrap();
    assert_eq!(in_time(told.recv()).await.unwrap(), (vec![1, 2], "m 1".to_owned()));
    assert!(shutdown.stop(Duration::from_secs(30)).await);
    assert!(bus.is_idle());
}

#[tokio::test]
async fn a_body_of_another_shape_is_dead_with_the_reason() {
    let bus = MemoryBus::new();
    let shutdown = Shutdown::new();
    start(&bus, &shutdown, json_handler(|_: Vec<u32>, _| async { Outcome::Done })).await;
    publish(&bus, &[message(Some("m 1"), "{\"no\":\"list\"}"), message(Some("m 2"), "[]")]).await;
    idle(&bus).await;
    let dead = bus.list(QUEUE.name, 10).await.unwrap();
    assert_eq!(dead.len(), 1);
    assert_eq!(dead[0].reason, "the body cannot be read: it has another shape (line 1, column 0)");
    assert!(shutdown.stop(Duration::from_secs(30)).await);
}

#[tokio::test(start_paused = true)]
async fn errors_that_may_pass_are_tried_again_and_others_are_dead() {
    let bus = MemoryBus::new();
    let shutdown = Shutdown::new();
    let calls = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&calls);
    let handler = json_handler(move |kind: String, delivery: Delivery| {
        let is_first = !seen.lock().iter().any(|(seen, _)| *seen == kind);
        seen.lock().push((kind.clone(), delivery.attempt));
        async move {
            match kind.as_str() {
                "limited" if is_first => Err(Trouble(ErrorKind::Limited)),
                "invalid" => Err(Trouble(ErrorKind::Invalid)),
                _ => Ok(()),
            }
        }
    });
    start(&bus, &shutdown, handler).await;
    publish(&bus, &[message(Some("m 1"), "\"limited\""), message(Some("m 2"), "\"invalid\"")]).await;
    in_time(async {
        while calls.lock().len() < 3 {
            // Time is simulated; this lets the retry come due.
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    })
    .await;
    assert!(shutdown.stop(Duration::from_secs(30)).await);
    assert_eq!(*calls.lock(), [("limited".to_owned(), 0), ("invalid".to_owned(), 0), ("limited".to_owned(), 0)]);
    assert_eq!(bus.list(QUEUE.name, 10).await.unwrap()[0].reason, "the kettle is Invalid");
}

#[test]
fn outages_and_moved_versions_kill_no_message_and_refusals_do_at_once() {
    let counts = |kind| match Outcome::of(&Trouble(kind)) {
        Outcome::Retry { counts, .. } => Some(counts),
        Outcome::Done | Outcome::Dead { .. } => None,
    };
    for kind in [ErrorKind::Unavailable, ErrorKind::Limited, ErrorKind::Conflict] {
        assert_eq!(counts(kind), Some(false), "{kind:?}");
    }
    for kind in [ErrorKind::Refused, ErrorKind::Taken, ErrorKind::NotFound, ErrorKind::Internal] {
        assert_eq!(counts(kind), None, "{kind:?}");
    }
}

#[test]
fn the_reason_of_an_unreadable_body_quotes_nothing_of_it() {
    let secret = "408152";
    for body in [format!("\n\"{secret}\""), format!("[{secret}"), format!("[\"{secret}\"]"), format!("x{secret}")] {
        let error = serde_json::from_str::<Vec<bool>>(&body).unwrap_err();
        let reason = jobapp_kernel::unreadable(&error);
        assert!(reason.starts_with("the body cannot be read: ") && !reason.contains(secret), "{reason}");
    }
}

#[test]
fn the_reason_of_an_outcome_tells_the_whole_story() {
    let error = RepositoryError::unavailable("save an order", "the disk is full");
    let patiently =
        Outcome::retry_patiently(Duration::from_secs(5), "the store could not save an order: the disk is full");
    assert_eq!(Outcome::of(&error), patiently);
    let error = RepositoryError::Taken { aggregate: "order", key: "id" };
    assert_eq!(Outcome::of(&error), Outcome::dead("the id of this order is in use"));
}

#[tokio::test]
async fn a_message_without_an_id_that_may_have_been_handled_is_dead() {
    /// Never answers, as a process that is killed.
    struct Stuck(mpsc::UnboundedSender<()>);
    #[async_trait]
    impl Handler for Stuck {
        async fn handle(&self, _: &Delivery) -> Outcome {
            self.0.send(()).unwrap();
            std::future::pending().await
        }
    }
    let bus = MemoryBus::new();
    let (entered, mut has_entered) = mpsc::unbounded_channel();
    let stuck: Arc<dyn Handler> = Arc::new(Stuck(entered));
    let both = Subscription { prefetch: 2, ..Subscription::to(QUEUE) };
    let killed = {
        let bus = bus.clone();
        tokio::spawn(async move { bus.consume(both, stuck, Box::pin(std::future::pending())).await })
    };
    bus.declare(&[QUEUE]).await.unwrap();
    publish(&bus, &[message(None, "foreign"), message(Some("m 1"), "ours")]).await;
    for _ in 0..2 {
        in_time(has_entered.recv()).await.unwrap();
    }
    killed.abort();
    drop(in_time(killed).await);

    let shutdown = Shutdown::new();
    let (tell, mut told) = mpsc::unbounded_channel();
    /// Remembers the bodies of its batches.
    struct Batches(mpsc::UnboundedSender<Vec<String>>);
    #[async_trait]
    impl Handler for Batches {
        async fn handle(&self, _: &Delivery) -> Outcome {
            Outcome::dead("it comes in batches")
        }

        async fn handle_batch(&self, deliveries: &[Delivery]) -> Vec<Outcome> {
            self.0.send(crate::kettle::bodies(deliveries)).unwrap();
            deliveries.iter().map(|_| Outcome::Done).collect()
        }
    }
    let subscriber: Arc<dyn Subscriber> = Arc::new(bus.clone());
    let batched = Subscription::to(QUEUE).batched(Batch { max: 2, within: Duration::from_secs(3600) });
    let handler: Arc<dyn Handler> = Arc::new(Batches(tell));
    spawn_consumers(&subscriber, [(batched, handler)], shutdown.token(), shutdown.tracker()).await.unwrap();
    assert_eq!(in_time(told.recv()).await.unwrap(), ["ours"]);
    assert!(shutdown.stop(Duration::from_secs(30)).await);
    let dead = bus.list(QUEUE.name, 10).await.unwrap();
    assert_eq!(
        dead.iter().map(|letter| letter.reason.as_str()).collect::<Vec<_>>(),
        ["it has no id and may have been handled before"]
    );
    assert!(bus.is_idle());
}
