//! Fan-out within one process.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use futures::StreamExt;
use futures::channel::mpsc::{UnboundedSender, unbounded};
use jobapp_realtime_core::{Envelope, Fanout, Feed, Position, Published, Since, Unavailable};
use parking_lot::Mutex;
use tokio::time::Instant;

/// How long events are kept, and how many.
const KEPT: (Duration, usize) = (Duration::from_secs(120), 20_000);

/// Fan-out among the gateways of one process. Clones share everything.
#[derive(Debug, Clone)]
pub struct MemoryFanout(Arc<Mutex<Order>>);

#[derive(Debug)]
struct Order {
    /// Nothing up to here is kept.
    floor: Position,
    last: Position,
    kept: VecDeque<(Instant, Published)>,
    /// How many may be kept.
    keep: usize,
    subscribers: Vec<UnboundedSender<Published>>,
}

impl Default for MemoryFanout {
    /// An order that begins now, after those of earlier processes. The last 20,000 events of the last two minutes are kept.
    fn default() -> Self {
        Self::keeping(KEPT.1)
    }
}

impl MemoryFanout {
    /// The same, which keeps no more events than this. One gateway alone needs none: nobody reads back what it has heard.
    pub fn keeping(events: usize) -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let era = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
        let begin = Position { era, number: 0 };
        let order = Order { floor: begin, last: begin, kept: VecDeque::new(), keep: events, subscribers: Vec::new() };
        Self(Arc::new(Mutex::new(order)))
    }
}

impl Order {
    fn trim(&mut self, now: Instant) {
        while let Some((at, oldest)) = self.kept.front()
            && (self.kept.len() > self.keep || now.duration_since(*at) > KEPT.0)
        {
            self.floor = oldest.position;
            self.kept.pop_front();
        }
    }
}

#[async_trait]
impl Fanout for MemoryFanout {
    async fn publish(&self, envelope: Envelope) -> Result<(), Unavailable> {
        let envelope = Arc::new(envelope);
        // Under the lock, so that everybody gets them in the order of their positions.
        let mut order = self.0.lock();
        order.last.number += 1;
        let published = Published { position: order.last, envelope };
        order.subscribers.retain(|subscriber| subscriber.unbounded_send(published.clone()).is_ok());
        let now = Instant::now();
        order.kept.push_back((now, published));
        order.trim(now);
        Ok(())
    }

    async fn subscribe(&self, since: Since) -> Result<Feed, Unavailable> {
        let (sender, receiver) = unbounded();
        let now = Instant::now();
        let mut order = self.0.lock();
        order.trim(now);
        let passed = match since {
            Since::Ago(back) => order.kept.partition_point(|(at, _)| now.duration_since(*at) >= back),
            Since::After(position) if position < order.floor || position > order.last => 0,
            Since::After(position) => order.kept.partition_point(|(_, published)| published.position <= position),
        };
        let from = passed.checked_sub(1).map_or(order.floor, |last| order.kept[last].1.position);
        let read_back: Vec<Published> = order.kept.range(passed..).map(|(_, published)| published.clone()).collect();
        let head = order.last;
        order.subscribers.push(sender);
        drop(order);
        Ok(Feed { from, head, events: futures::stream::iter(read_back).chain(receiver).boxed() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jobapp_wire::messages::Realtime;

    async fn publish(fanout: &MemoryFanout) {
        let event = Realtime { event: "message received".into(), arguments: vec![], receivers: vec![] };
        fanout.publish(Envelope { id: String::new(), event, traceparent: None }).await.unwrap();
    }

    async fn reads_back(fanout: &MemoryFanout, since: Since) -> u64 {
        let feed = fanout.subscribe(since).await.unwrap();
        feed.head.number - feed.from.number
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_too_old_or_too_much_is_not_kept() {
        let fanout = MemoryFanout::keeping(3);
        let ago = |seconds| Since::Ago(Duration::from_secs(seconds));
        for _ in 0..4 {
            publish(&fanout).await;
            tokio::time::advance(Duration::from_secs(30)).await;
        }
        assert_eq!(reads_back(&fanout, ago(1_000)).await, 3);
        assert_eq!(reads_back(&fanout, ago(61)).await, 2);
        assert_eq!(reads_back(&fanout, ago(30)).await, 0);
        tokio::time::advance(Duration::from_secs(50)).await;
        assert_eq!(reads_back(&fanout, ago(1_000)).await, 2);
        assert_eq!(reads_back(&MemoryFanout::keeping(0), ago(1_000)).await, 0);
    }
}
