//! What every gateway hears, in one order.

use std::sync::Arc;

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
}

/// An event with its place in the one order all gateways agree on.
#[derive(Debug, Clone)]
pub struct Published {
    /// Its place.
    pub position: Position,
    /// The event.
    pub envelope: Arc<Envelope>,
}

/// What is published from some place on.
pub struct Feed {
    /// The place: everything in [`Feed::events`] comes after it.
    pub from: Position,
    /// The events, in order. Ends when some may have been missed.
    pub events: BoxStream<'static, Published>,
}

/// Hands events to every gateway, in the same order and with the same positions at each: that is what lets a socket
/// resume at another gateway than it left.
#[async_trait]
pub trait Fanout: Send + Sync {
    /// Publishes an event to every gateway, this one too.
    async fn publish(&self, envelope: Envelope) -> Result<(), Unavailable>;

    /// Everything published from now on.
    async fn subscribe(&self) -> Result<Feed, Unavailable>;
}
