//! Fan-out within one process.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use futures::StreamExt;
use futures::channel::mpsc::{UnboundedSender, unbounded};
use jobapp_realtime_core::{Envelope, Fanout, Feed, Position, Published, Unavailable};
use parking_lot::Mutex;

/// Fan-out among the gateways of one process. Clones share everything.
#[derive(Debug, Clone)]
pub struct MemoryFanout(Arc<Mutex<Order>>);

#[derive(Debug)]
struct Order {
    last: Position,
    subscribers: Vec<UnboundedSender<Published>>,
}

impl Default for MemoryFanout {
    /// An order that begins now, after those of earlier processes.
    fn default() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let era = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
        Self(Arc::new(Mutex::new(Order { last: Position { era, number: 0 }, subscribers: Vec::new() })))
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
        Ok(())
    }

    async fn subscribe(&self) -> Result<Feed, Unavailable> {
        let (sender, receiver) = unbounded();
        let mut order = self.0.lock();
        order.subscribers.push(sender);
        Ok(Feed { from: order.last, events: receiver.boxed() })
    }
}
