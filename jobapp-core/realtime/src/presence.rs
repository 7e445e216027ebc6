//! Who is online, at all gateways together.

use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::BoxStream;

use crate::error::Unavailable;

/// Somebody came online or went offline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// He is at a gateway and was at none before.
    Came(Arc<str>),
    /// He is at no gateway any more.
    Went(Arc<str>),
}

/// Who is online from some moment on.
pub struct Watch {
    /// Everybody who was online at that moment, the newest first.
    pub online: Vec<String>,
    /// Who came and went after it, in order. Ends when some of it may have been missed.
    pub changes: BoxStream<'static, Change>,
}

/// Who is online, at all gateways together: a user is online as long as he is at one of them.
///
/// A gateway counts its connections itself ([`crate::Attendance`]) and says when the first of a user came and the last
/// went. What it says may get lost on the way. So it says again and again who is there, and that counts. It holds a lease
/// by doing so: the users of a gateway that stopped leave by themselves, within 30 s of its end at the latest.
#[async_trait]
pub trait Presence: Send + Sync {
    /// A user is at a gateway; entering twice is entering once. Returns whether that brought him online.
    async fn enter(&self, gateway: &str, user: &str) -> Result<bool, Unavailable>;

    /// A user is not at a gateway any more. Returns whether that took him offline.
    async fn leave(&self, gateway: &str, user: &str) -> Result<bool, Unavailable>;

    /// The gateway is alive, and these users are at it and nobody else, whatever was said or lost before: who is missing
    /// enters, in this order, and who is too many leaves. The users of gateways whose lease is over leave too.
    async fn renew(&self, gateway: &str, users: &[Arc<str>]) -> Result<(), Unavailable>;

    /// The gateway is going: all its users leave it.
    async fn retire(&self, gateway: &str) -> Result<(), Unavailable>;

    /// Who is online now, and who comes and goes from now on, at any gateway.
    async fn watch(&self) -> Result<Watch, Unavailable>;
}
