//! A small aggregate that raises events, its queue, and how its events become messages.

use std::sync::Arc;

use async_trait::async_trait;
use jobapp_kernel::{
    Aggregate, Change, Delivery, Exchange, ExchangeKind, Handler, InvalidState, Key, Message, ObjectId, OutboxEntry,
    Outcome, Queue, Repository, Subscriber, Subscription, Timestamp,
};
use jobapp_memory::{MemoryBus, MemoryStore};
use jobapp_runtime::TranslateError;
use parking_lot::Mutex;
use tokio::sync::oneshot;

pub const QUEUE: Queue = Queue {
    name: "kettles",
    exchange: Exchange { name: "kettle-exchange", kind: ExchangeKind::Direct },
    routing_key: "kettle",
};

#[derive(Debug, Clone)]
pub struct Kettle {
    id: ObjectId,
}

impl Aggregate for Kettle {
    const NAME: &'static str = "kettle";
    type Id = ObjectId;
    type Event = String;
    type State = ObjectId;

    fn id(&self) -> &ObjectId {
        &self.id
    }

    fn keys() -> &'static [Key<Self>] {
        &[]
    }

    fn to_state(&self) -> ObjectId {
        self.id
    }

    fn from_state(id: ObjectId) -> Result<Self, InvalidState> {
        Ok(Self { id })
    }
}

pub fn id(number: u8) -> ObjectId {
    let mut bytes = [0; 12];
    bytes[11] = number;
    ObjectId::from_bytes(bytes)
}

/// Changes kettle `number`, which raises these events.
pub async fn change(store: &MemoryStore, number: u8, events: &[&str]) {
    change_of(store, id(number), events).await;
}

/// Changes the kettle with this id, which raises these events.
pub async fn change_of(store: &MemoryStore, id: ObjectId, events: &[&str]) {
    let kettles: Arc<dyn Repository<Kettle>> = store.repository();
    let events = events.iter().map(|&event| event.to_owned()).collect();
    let change = match kettles.find(&id).await.unwrap() {
        None => Change::insert(Kettle { id }, events),
        Some(stored) => Change::update(stored.version, stored.value, events),
    };
    assert!(kettles.save(change).await.unwrap().version().is_some());
}

/// `quiet` becomes no message, `pair` two, `strange` is not understood, `lost` has no queue and
/// `half` has one for the first of its two messages, anything else is one message.
pub fn translate(entry: &OutboxEntry) -> Result<Vec<Message>, TranslateError> {
    let event: String = serde_json::from_value(entry.event.clone())?;
    let message = |body: &str, routing_key: &str| Message {
        id: None,
        kind: "kettle-event".to_owned(),
        exchange: QUEUE.exchange.name.to_owned(),
        routing_key: routing_key.to_owned(),
        timestamp: Timestamp::EPOCH,
        headers: [].into(),
        body: body.as_bytes().to_vec(),
    };
    match event.as_str() {
        "quiet" => Ok(Vec::new()),
        "pair" => Ok(vec![message("pair 0", "kettle"), message("pair 1", "kettle")]),
        "strange" => Err(TranslateError::new("an event from the future")),
        "half" => Ok(vec![message("half 0", "kettle"), message("half 1", "nobody")]),
        "lost" => Ok(vec![message("lost", "nobody")]),
        body => Ok(vec![message(body, "kettle")]),
    }
}

/// Takes this many deliveries from the queue, in order.
pub async fn take(bus: &MemoryBus, count: usize) -> Vec<Delivery> {
    struct Taker {
        taken: Mutex<Vec<Delivery>>,
        count: usize,
        done: Mutex<Option<oneshot::Sender<()>>>,
    }

    #[async_trait]
    impl Handler for Taker {
        async fn handle(&self, delivery: &Delivery) -> Outcome {
            let mut taken = self.taken.lock();
            taken.push(delivery.clone());
            if taken.len() >= self.count {
                drop(self.done.lock().take());
            }
            Outcome::Done
        }
    }

    let (done, stop) = oneshot::channel::<()>();
    let taker = Arc::new(Taker { taken: Mutex::default(), count, done: Mutex::new(Some(done)) });
    let handler: Arc<dyn Handler> = Arc::<Taker>::clone(&taker);
    let consuming = bus.consume(Subscription::to(QUEUE), handler, Box::pin(async move { drop(stop.await) }));
    in_time(consuming).await.unwrap();
    let taken = taker.taken.lock();
    taken.clone()
}

pub fn bodies(deliveries: &[Delivery]) -> Vec<String> {
    deliveries.iter().map(|one| String::from_utf8_lossy(&one.message.body).into_owned()).collect()
}

/// Fails when something never comes.
pub async fn in_time<T>(waiting: impl Future<Output = T>) -> T {
    tokio::time::timeout(std::time::Duration::from_secs(60), waiting).await.expect("it came in time")
}
