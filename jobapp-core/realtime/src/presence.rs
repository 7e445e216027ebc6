//! Who is online.

use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::BoxStream;

use crate::error::Unavailable;

/// One connection of a user, somewhere.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ConnectionId {
    /// The gateway that holds it.
    pub gateway: Arc<str>,
    /// Its number there.
    pub number: u64,
}

/// What [`Presence::renew`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lease {
    /// The gateway's connections are known and stay.
    Renewed,
    /// They were forgotten, or there were none yet: the gateway must enter them again.
    Begun,
}

/// Who is online, counted in connections, at all gateways together. A user is online as long as one connection of his
/// has entered and not left.
///
/// A gateway holds a lease on its connections and renews it; those of a gateway that stopped doing so leave by
/// themselves, within 30 s of its end at the latest.
#[async_trait]
pub trait Presence: Send + Sync {
    /// A connection of a user is there; entering twice is entering once. Returns whether that brought him online.
    async fn enter(&self, user: &str, connection: &ConnectionId) -> Result<bool, Unavailable>;

    /// A connection is gone. Returns whether that took him offline.
    async fn leave(&self, user: &str, connection: &ConnectionId) -> Result<bool, Unavailable>;

    /// All connections of a user are gone, as far as presence goes. Returns whether that took him offline.
    async fn off(&self, user: &str) -> Result<bool, Unavailable>;

    /// Everybody who is online, the newest first.
    async fn online(&self) -> Result<Vec<String>, Unavailable>;

    /// The gateway is alive. Also drops the connections of gateways whose lease is over.
    async fn renew(&self, gateway: &str) -> Result<Lease, Unavailable>;

    /// The gateway is going: all its connections leave.
    async fn retire(&self, gateway: &str) -> Result<(), Unavailable>;

    /// Tells from now on whenever somebody came online or went offline, at any gateway. Several changes at once may be told
    /// as one.
    fn changes(&self) -> BoxStream<'static, ()>;
}
