//! A feed of events that breaks, and one that is away.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;
use futures::StreamExt;
use jobapp_kernel::{Delivery, Message, Outcome, Timestamp};
use jobapp_memory::{MemoryFanout, MemoryPresence};
use jobapp_realtime::{Envelope, Fanout, Feed, News, Presence, Realtime, RealtimePorts, Since, Unavailable, Watch};
use jobapp_wire::messages::Realtime as Event;
use parking_lot::Mutex;
use tokio::io::AsyncWriteExt;

use crate::raw;
use crate::world::{Gateway, Shared, config, ports, until};

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
            self.publish(Envelope { id: "between".into(), event: news("between"), traceparent: None }).await?;
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
    let realtime = Realtime::start(config("alone"), ports).await;
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
    let realtime = Realtime::start(config("alone"), ports).await;
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

/// What gateways share is away for the first calls.
struct Late {
    fanout: MemoryFanout,
    presence: MemoryPresence,
    away: AtomicBool,
}

impl Late {
    fn is_there(&self, what: &'static str) -> Result<(), Unavailable> {
        let away = self.away.load(Ordering::SeqCst);
        if away { Err(Unavailable { what, source: "it is not there yet".into() }) } else { Ok(()) }
    }
}

#[async_trait]
impl Fanout for Late {
    async fn publish(&self, envelope: Envelope) -> Result<(), Unavailable> {
        self.is_there("fan-out")?;
        self.fanout.publish(envelope).await
    }

    async fn subscribe(&self, since: Since) -> Result<Feed, Unavailable> {
        self.is_there("fan-out")?;
        self.fanout.subscribe(since).await
    }
}

#[async_trait]
impl Presence for Late {
    async fn enter(&self, gateway: &str, user: &str) -> Result<bool, Unavailable> {
        self.is_there("presence")?;
        self.presence.enter(gateway, user).await
    }

    async fn leave(&self, gateway: &str, user: &str) -> Result<bool, Unavailable> {
        self.is_there("presence")?;
        self.presence.leave(gateway, user).await
    }

    async fn renew(&self, gateway: &str, users: &[Arc<str>]) -> Result<(), Unavailable> {
        self.is_there("presence")?;
        self.presence.renew(gateway, users).await
    }

    async fn retire(&self, gateway: &str) -> Result<(), Unavailable> {
        self.is_there("presence")?;
        self.presence.retire(gateway).await
    }

    async fn watch(&self) -> Result<Watch, Unavailable> {
        self.is_there("presence")?;
        self.presence.watch().await
    }
}

#[tokio::test]
async fn a_gateway_that_starts_before_what_gateways_share_begins_alone_and_goes_on_with_the_others() {
    let (shared, told) = (Shared::default(), Arc::new(Told::default()));
    let late = Arc::new(Late {
        fanout: MemoryFanout::default(),
        presence: shared.presence.clone(),
        away: AtomicBool::new(true),
    });
    let old = Envelope { id: "old".into(), event: news("old"), traceparent: None };
    late.fanout.publish(old).await.unwrap();
    late.presence.renew("other", &["Bert".into()]).await.unwrap();
    let ports = RealtimePorts { fanout: late.clone(), presence: late.clone(), news: told.clone(), ..ports(&shared) };
    let gateway = Gateway::with(ports, config("early")).await;
    let mut anna = raw::websocket(gateway.address, "Anna.s-Anna").await;
    anna.write_all(&raw::text("40")).await.unwrap();
    until("who is here is online", || gateway.realtime.online() == ["Anna"]).await;
    assert!(gateway.realtime.deliver("e", &news("early")).await.is_err());

    late.away.store(false, Ordering::SeqCst);
    until("so are the others", || gateway.realtime.online() == ["Anna", "Bert"]).await;
    until("that something was missed is told", || *told.0.lock() == ["missed"]).await;
    gateway.realtime.deliver("e", &news("now")).await.unwrap();
    until("news come", || *told.0.lock() == ["missed", "now"]).await;
}
