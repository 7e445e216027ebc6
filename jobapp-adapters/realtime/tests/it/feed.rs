//! A feed of events that breaks.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use futures::StreamExt;
use jobapp_memory::MemoryFanout;
use jobapp_realtime::{Envelope, Fanout, Feed, News, Realtime, RealtimePorts, Unavailable};
use jobapp_wire::messages::Realtime as Event;
use parking_lot::Mutex;

use crate::world::{Shared, config, ports, until};

/// Its first feed ends after one event.
#[derive(Default)]
struct Breaking {
    fanout: MemoryFanout,
    broke: AtomicBool,
}

#[async_trait]
impl Fanout for Breaking {
    async fn publish(&self, envelope: Envelope) -> Result<(), Unavailable> {
        self.fanout.publish(envelope).await
    }

    async fn subscribe(&self) -> Result<Feed, Unavailable> {
        let feed = self.fanout.subscribe().await?;
        if self.broke.swap(true, Ordering::SeqCst) {
            return Ok(feed);
        }
        Ok(Feed { events: feed.events.take(1).boxed(), ..feed })
    }
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

#[tokio::test]
async fn after_a_feed_that_broke_whoever_hears_news_learns_that_some_may_be_missing() {
    let told = Arc::new(Told::default());
    let ports =
        RealtimePorts { fanout: Arc::new(Breaking::default()), news: told.clone(), ..ports(&Shared::default()) };
    let realtime = Realtime::start(config("alone"), ports).await.unwrap();
    let tell = |name: &str| Event { event: name.into(), arguments: vec!["G1".into()], receivers: vec![] };
    realtime.deliver("e1", &tell("first")).await.unwrap();
    until("the gap is known", || *told.0.lock() == ["first", "missed"]).await;
    realtime.deliver("e2", &tell("second")).await.unwrap();
    until("news go on", || *told.0.lock() == ["first", "missed", "second"]).await;
}
