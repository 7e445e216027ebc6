//! A feed of events that breaks, and one that is away.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use futures::StreamExt;
use jobapp_kernel::{Delivery, Message, Outcome, Timestamp};
use jobapp_memory::MemoryFanout;
use jobapp_realtime::{Envelope, Fanout, Feed, News, Realtime, RealtimePorts, Since, Unavailable};
use jobapp_wire::messages::Realtime as Event;
use parking_lot::Mutex;

use crate::world::{Shared, config, ports, until};

/// Its first feed ends after one event; another is published before the next one begins.
struct Breaking {
    fanout: MemoryFanout,
    feeds: AtomicUsize,
}

impl Breaking {
    /// One that keeps so many events.
    fn keeping(events: usize) -> Arc<Self> {
        Arc::new(Self { fanout: MemoryFanout::keeping(events), feeds: AtomicUsize::new(0) })
    }
}

#[async_trait]
impl Fanout for Breaking {
    async fn publish(&self, envelope: Envelope) -> Result<(), Unavailable> {
        self.fanout.publish(envelope).await
    }

    async fn subscribe(&self, since: Since) -> Result<Feed, Unavailable> {
        let number = self.feeds.fetch_add(1, Ordering::SeqCst);
        if number == 1 {
            self.publish(Envelope { id: "between".into(), event: news("between") }).await?;
        }
        let feed = self.fanout.subscribe(since).await?;
        if number > 0 {
            return Ok(feed);
        }
        Ok(Feed { events: feed.events.take(1).boxed(), ..feed })
    }
}

fn news(name: &str) -> Event {
    Event { event: name.into(), arguments: vec!["G1".into()], receivers: vec![] }
}

/// What was told, in order.
#[derive(Default)]
struct Told(Mutex<Vec<String>>);

impl News for Told {
    fn heard(&self, event: &Event) {
        self.0.lock().push(event.event.clone());
    }

    fn missed(&self) {
        self.0.lock().push("missed".to_owned());
    }
}

async fn told(fanout: Arc<Breaking>) -> (Realtime, Arc<Told>) {
    let told = Arc::new(Told::default());
    let ports = RealtimePorts { fanout, news: told.clone(), ..ports(&Shared::default()) };
    let realtime = Realtime::start(config("alone"), ports).await.unwrap();
    realtime.deliver("e1", &news("first")).await.unwrap();
    (realtime, told)
}

#[tokio::test]
async fn a_feed_that_broke_is_gone_on_with_and_nothing_is_missed() {
    let (_realtime, told) = told(Breaking::keeping(10)).await;
    until("news go on", || *told.0.lock() == ["first", "between"]).await;
}

#[tokio::test]
async fn whoever_hears_news_learns_that_some_are_missing() {
    let (realtime, told) = told(Breaking::keeping(0)).await;
    until("the gap is known", || *told.0.lock() == ["first", "missed"]).await;
    realtime.deliver("e2", &news("second")).await.unwrap();
    until("news go on", || *told.0.lock() == ["first", "missed", "second"]).await;
}

/// Nothing is taken.
struct Away;

#[async_trait]
impl Fanout for Away {
    async fn publish(&self, _: Envelope) -> Result<(), Unavailable> {
        Err(Unavailable { what: "fan-out", source: "the network is gone".into() })
    }

    async fn subscribe(&self, since: Since) -> Result<Feed, Unavailable> {
        MemoryFanout::default().subscribe(since).await
    }
}

#[tokio::test]
async fn an_outage_of_any_length_kills_no_event() {
    let ports = RealtimePorts { fanout: Arc::new(Away), ..ports(&Shared::default()) };
    let realtime = Realtime::start(config("alone"), ports).await.unwrap();
    let (subscription, handler) = realtime.consumer();
    let event = Event { event: "told".into(), arguments: vec!["G1".into()], receivers: vec![] };
    let message = Message {
        id: None,
        kind: "told".to_owned(),
        exchange: subscription.queue.exchange.name.to_owned(),
        routing_key: subscription.queue.routing_key.to_owned(),
        timestamp: Timestamp::EPOCH,
        headers: [].into(),
        body: serde_json::to_vec(&event).unwrap(),
    };
    let delivery = Delivery { message, queue: subscription.queue.name, attempt: 0, redelivered: false };
    let outcome = handler.handle(&delivery).await;
    assert!(matches!(outcome, Outcome::Retry { counts: false, .. }), "{outcome:?}");
}
