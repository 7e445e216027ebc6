//! What several processes keep together of what is dear to find out: a tier behind what each keeps by itself.

use std::time::Duration;

use async_trait::async_trait;

use crate::{ErrorKind, Kinded};

/// What a look into a [`SharedCache`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Looked {
    /// It is kept.
    Kept(Vec<u8>),
    /// It is not, and nobody finds it out: the asker is to do so, and to keep it with this ticket, or to give the ticket back.
    Yours(Ticket),
    /// Somebody is about to find it out.
    Awaited,
}

/// The right to keep what was found out after it was given. It ends when what it is for is spoilt, so that nothing old is
/// kept, and by itself, so that whoever fails keeps nobody waiting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket(pub String);

/// Keeps values by keys for everybody who asks it (cache-aside: who misses one finds it out and keeps it). Of all who miss the same
/// at the same time one is to find it out.
///
/// It promises nothing about how long something stays: any value may be gone at any time. But none is old, if
/// [`SharedCache::spoil`] is called after each change: what was found out before is then neither kept nor found.
#[async_trait]
pub trait SharedCache: Send + Sync {
    /// Looks for what is kept under a key. A ticket that this gives ends after `finding`.
    async fn look(&self, key: &str, finding: Duration) -> Result<Looked, CacheUnavailable>;

    /// Keeps what was found out under a key, for `age` at most. Returns whether it is kept: not if the ticket has ended.
    async fn keep(&self, key: &str, ticket: &Ticket, value: &[u8], age: Duration) -> Result<bool, CacheUnavailable>;

    /// Gives a ticket back unused: somebody else may find it out. Does nothing if it has ended.
    async fn give_back(&self, key: &str, ticket: &Ticket) -> Result<(), CacheUnavailable>;

    /// What is kept under these keys, or about to be, is old.
    async fn spoil(&self, keys: &[String]) -> Result<(), CacheUnavailable>;
}

/// The shared cache cannot be reached.
#[derive(Debug, thiserror::Error)]
#[error("the shared cache cannot be reached")]
pub struct CacheUnavailable(#[source] pub Box<dyn std::error::Error + Send + Sync>);

impl Kinded for CacheUnavailable {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Unavailable
    }
}
