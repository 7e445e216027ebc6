//! What every fan-out among gateways promises.
//!
//! ```ignore
//! jobapp_contracts::fanout!(super::a_fresh_one()); // a future of `jobapp_contracts::fanout::Gateways`
//! ```

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::future::join_all;
use jobapp_realtime_core::{Envelope, Fanout, Feed, Published};
use jobapp_wire::messages::Realtime;
use serde_json::json;

/// How long an event may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Two gateways, to which nothing was published yet.
#[derive(Clone)]
pub struct Gateways {
    /// What is promised about.
    pub fanout: Arc<dyn Fanout>,
    /// Another gateway's handle on the same order of events.
    pub elsewhere: Arc<dyn Fanout>,
    /// What must live as long.
    pub keep: Arc<dyn Any + Send + Sync>,
}

impl fmt::Debug for Gateways {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gateways").finish_non_exhaustive()
    }
}

fn envelope(id: &str) -> Envelope {
    let (event, arguments) = ("message received".to_owned(), vec![json!({ "_id": id, "body": "ä\u{0}" }), json!(null)]);
    Envelope { id: id.to_owned(), event: Realtime { event, arguments, receivers: vec!["Anna".into(), "Bert".into()] } }
}

async fn publish(fanout: &dyn Fanout, ids: &[&str]) {
    for id in ids {
        fanout.publish(envelope(id)).await.unwrap();
    }
}

async fn next(feed: &mut Feed) -> Published {
    let next = tokio::time::timeout(PATIENCE, feed.events.next()).await.expect("an event comes");
    next.expect("the feed goes on")
}

async fn take(feed: &mut Feed, count: usize) -> Vec<Published> {
    let mut events = Vec::new();
    while events.len() < count {
        events.push(next(feed).await);
    }
    events
}

fn ids(events: &[Published]) -> Vec<&str> {
    events.iter().map(|published| published.envelope.id.as_str()).collect()
}

/// What is published comes to every gateway, as it was.
pub async fn an_event_reaches_every_gateway(of: &Gateways) {
    for (here, there) in [(&of.fanout, &of.elsewhere), (&of.elsewhere, &of.fanout)] {
        let (mut own, mut other) = (here.subscribe().await.unwrap(), there.subscribe().await.unwrap());
        publish(&**here, &["a"]).await;
        for feed in [&mut own, &mut other] {
            assert_eq!(*next(feed).await.envelope, envelope("a"));
        }
    }
}

/// Every gateway gets the same events in the same order at the same positions, which grow, whoever publishes them.
pub async fn all_agree_on_the_order_and_the_positions(of: &Gateways) {
    let (mut one, mut two) = (of.fanout.subscribe().await.unwrap(), of.elsewhere.subscribe().await.unwrap());
    let publishing = (0..40).map(|number| {
        let fanout = Arc::clone(if number % 2 == 0 { &of.fanout } else { &of.elsewhere });
        tokio::spawn(async move { fanout.publish(envelope(&number.to_string())).await })
    });
    for published in join_all(publishing).await {
        published.unwrap().unwrap();
    }
    let (one, two) = (take(&mut one, 40).await, take(&mut two, 40).await);
    assert_eq!(ids(&one), ids(&two));
    for (mine, theirs) in one.iter().zip(&two) {
        assert_eq!(mine.position, theirs.position);
    }
    assert!(one.windows(2).all(|pair| pair[0].position < pair[1].position));
}

/// Who subscribes hears what is published from then on, after the place the feed says it begins at.
pub async fn a_feed_says_where_it_begins(of: &Gateways) {
    let mut early = of.fanout.subscribe().await.unwrap();
    publish(&*of.fanout, &["a"]).await;
    let first = next(&mut early).await;
    assert!(first.position > early.from);
    let mut late = of.elsewhere.subscribe().await.unwrap();
    assert_eq!(late.from, first.position);
    publish(&*of.elsewhere, &["b"]).await;
    assert_eq!(next(&mut late).await.position, next(&mut early).await.position);
}

/// A gateway that hears no more disturbs nobody.
pub async fn a_feed_that_was_dropped_disturbs_nobody(of: &Gateways) {
    drop(of.fanout.subscribe().await.unwrap());
    let mut other = of.elsewhere.subscribe().await.unwrap();
    publish(&*of.fanout, &["a", "b"]).await;
    assert_eq!(ids(&take(&mut other, 2).await), ["a", "b"]);
}

/// Makes one test of each promise of `Fanout`. The argument makes a future of fresh
/// [`Gateways`](crate::fanout::Gateways).
#[macro_export]
macro_rules! fanout {
    ($factory:expr) => {
        $crate::__suite! { $factory, $crate::fanout::Gateways, [$crate::fanout], fanout:
            an_event_reaches_every_gateway
            all_agree_on_the_order_and_the_positions
            a_feed_says_where_it_begins
            a_feed_that_was_dropped_disturbs_nobody
        }
    };
}
