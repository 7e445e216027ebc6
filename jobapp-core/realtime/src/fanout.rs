//! What every gateway hears, in one order.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::BoxStream;
use jobapp_wire::messages::Realtime;

use crate::error::Unavailable;
use crate::position::Position;

/// An event for some users, and what tells it apart from its own repetition.
#[derive(Debug, Clone, PartialEq)]
pub struct Envelope {
    /// Stable over repeated publishing.
    pub id: String,
    /// The event.
    pub event: Realtime,
    /// The trace it belongs to, as W3C Trace Context writes it, if there is one.
    pub traceparent: Option<String>,
}

/// An event with its place in the one order all gateways agree on.
#[derive(Debug, Clone)]
pub struct Published {
    /// Its place.
    pub position: Position,
    /// The event.
    pub envelope: Arc<Envelope>,
}

/// From where on a gateway hears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// From now on, and before that whatever is less old than this and still kept.
    Ago(Duration),
    /// After this position, which is how a gateway goes on that was cut off.
    After(Position),
}

/// What is published from some place on.
pub struct Feed {
    /// The place: [`Feed::events`] is everything that comes after it. For a feed after a position it is that position, unless
    /// something after it is not kept any more, or it is none of this order: then it is where what is kept begins.
    pub from: Position,
    /// The last that was published when the feed began: what comes up to here is of before.
    pub head: Position,
    /// The events, in order. Ends when some may have been missed.
    pub events: BoxStream<'static, Published>,
}

/// Hands events to every gateway, in the same order and with the same positions at each: that is what lets a socket
/// resume at another gateway than it left. The last events are kept, so that a gateway that starts or was cut off reads
/// back what others have told their sockets.
#[async_trait]
pub trait Fanout: Send + Sync {
    /// Publishes an event to every gateway, this one too.
    async fn publish(&self, envelope: Envelope) -> Result<(), Unavailable>;

    /// Everything published since then.
    async fn subscribe(&self, since: Since) -> Result<Feed, Unavailable>;
}
