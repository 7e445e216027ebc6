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
use jobapp_realtime_core::{Envelope, Fanout, Feed, Position, Published, Since};
use jobapp_wire::messages::Realtime;
use serde_json::json;

/// How long an event may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Since before any test began.
const BACK: Since = Since::Ago(Duration::from_secs(100));
/// From now on.
const NOW: Since = Since::Ago(Duration::ZERO);

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
    let event = Realtime { event, arguments, receivers: vec!["Anna".into(), "Bert".into()] };
    let traceparent = Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned());
    Envelope { id: id.to_owned(), event, traceparent }
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
        let (mut own, mut other) = (here.subscribe(NOW).await.unwrap(), there.subscribe(NOW).await.unwrap());
        publish(&**here, &["a"]).await;
        for feed in [&mut own, &mut other] {
            assert_eq!(*next(feed).await.envelope, envelope("a"));
        }
    }
}

/// Every gateway gets the same events in the same order at the same positions, which grow, whoever publishes them.
pub async fn all_agree_on_the_order_and_the_positions(of: &Gateways) {
    let (mut one, mut two) = (of.fanout.subscribe(NOW).await.unwrap(), of.elsewhere.subscribe(NOW).await.unwrap());
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

/// Who reads nothing back hears what is published from then on, after the place the feed says it begins at.
pub async fn a_feed_says_where_it_begins(of: &Gateways) {
    let mut early = of.fanout.subscribe(NOW).await.unwrap();
    publish(&*of.fanout, &["a"]).await;
    let first = next(&mut early).await;
    assert!(first.position > early.from);
    let mut late = of.elsewhere.subscribe(NOW).await.unwrap();
    assert_eq!((late.from, late.head), (first.position, first.position));
    publish(&*of.elsewhere, &["b"]).await;
    assert_eq!(next(&mut late).await.position, next(&mut early).await.position);
}

/// A gateway that starts later reads back what the others heard, at the same positions, and goes on with what is new.
pub async fn who_starts_later_reads_back(of: &Gateways) {
    let mut early = of.fanout.subscribe(NOW).await.unwrap();
    publish(&*of.fanout, &["a", "b"]).await;
    let mut late = of.elsewhere.subscribe(BACK).await.unwrap();
    publish(&*of.fanout, &["c"]).await;
    let (heard, read) = (take(&mut early, 3).await, take(&mut late, 3).await);
    assert_eq!(ids(&read), ["a", "b", "c"]);
    for (heard, read) in heard.iter().zip(&read) {
        assert_eq!(heard.position, read.position);
    }
    assert!(late.from < read[0].position);
    assert_eq!(late.head, read[1].position, "up to here it was published before");
}

/// A gateway that was cut off goes on after the last it heard: nothing is missing and nothing comes twice.
pub async fn who_was_cut_off_goes_on(of: &Gateways) {
    let mut feed = of.fanout.subscribe(NOW).await.unwrap();
    publish(&*of.fanout, &["a", "b", "c"]).await;
    let heard = take(&mut feed, 2).await;
    drop(feed);
    let last = heard[1].position;
    let mut again = of.fanout.subscribe(Since::After(last)).await.unwrap();
    assert_eq!(again.from, last, "there is no gap");
    publish(&*of.elsewhere, &["d"]).await;
    assert_eq!(ids(&take(&mut again, 2).await), ["c", "d"]);
    let head = again.head;
    let mut nothing_missed = of.fanout.subscribe(Since::After(head)).await.unwrap();
    assert_eq!(nothing_missed.from, head);
    assert_eq!(ids(&take(&mut nothing_missed, 1).await), ["d"]);
}

/// After a position of before everything that is kept, or one this order never had, a feed says that there is a gap, and
/// begins with what is kept.
pub async fn a_gap_is_told(of: &Gateways) {
    publish(&*of.fanout, &["a", "b"]).await;
    for unknown in [Position { era: 0, number: 1 }, Position { era: u64::MAX, number: 1 }] {
        let mut feed = of.elsewhere.subscribe(Since::After(unknown)).await.unwrap();
        assert_ne!(feed.from, unknown);
        assert_eq!(ids(&take(&mut feed, 2).await), ["a", "b"]);
    }
}

/// A gateway that hears no more disturbs nobody.
pub async fn a_feed_that_was_dropped_disturbs_nobody(of: &Gateways) {
    drop(of.fanout.subscribe(NOW).await.unwrap());
    let mut other = of.elsewhere.subscribe(NOW).await.unwrap();
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
            who_starts_later_reads_back
            who_was_cut_off_goes_on
            a_gap_is_told
            a_feed_that_was_dropped_disturbs_nobody
        }
    };
}
