//! Fan-out within one process.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use futures::StreamExt;
use futures::channel::mpsc::{UnboundedSender, unbounded};
use parking_lot::Mutex;

use crate::ports::{Envelope, Fanout, Feed, Published, Unavailable};

/// An event's place in the order of all events. Its text is the offset a client sends back when it resumes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Grows with every new beginning of the order.
    pub era: u64,
    /// Grows with every event of an era.
    pub number: u64,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}-{:x}", self.era, self.number)
    }
}

/// A text that is no position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no position")]
pub struct NoPosition;

impl FromStr for Position {
    type Err = NoPosition;

    fn from_str(text: &str) -> Result<Self, NoPosition> {
        let (era, number) = text.split_once('-').ok_or(NoPosition)?;
        let hex = |text: &str| u64::from_str_radix(text, 16).map_err(|_| NoPosition);
        Ok(Self { era: hex(era)?, number: hex(number)? })
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;
    use jobapp_wire::messages::Realtime;

    fn envelope(id: &str) -> Envelope {
        let event = Realtime { event: "message received".into(), arguments: vec![], receivers: vec![] };
        Envelope { id: id.into(), event }
    }

    #[test]
    fn a_position_survives_being_written() {
        let position = Position { era: 1_700_000_000_000, number: 255 };
        assert_eq!(position.to_string().parse(), Ok(position));
        assert_eq!("".parse::<Position>(), Err(NoPosition));
        assert_eq!("12".parse::<Position>(), Err(NoPosition));
        assert_eq!("x-1".parse::<Position>(), Err(NoPosition));
    }

    #[tokio::test]
    async fn every_subscriber_gets_the_same_positions_from_where_it_began() {
        let fanout = MemoryFanout::default();
        let mut early = fanout.subscribe().await.unwrap();
        fanout.publish(envelope("a")).await.unwrap();
        let mut late = fanout.clone().subscribe().await.unwrap();
        fanout.publish(envelope("b")).await.unwrap();

        let first = early.events.next().await.unwrap();
        assert_eq!(first.envelope.id, "a");
        assert!(first.position > early.from);
        assert_eq!(late.from, first.position);
        assert_eq!(early.events.next().await.unwrap().position, late.events.next().await.unwrap().position);
    }
}
