//! What is asked of a store by whoever looks after it.

use std::collections::BTreeMap;

use async_trait::async_trait;

use crate::{RepositoryError, Timestamp};

/// For each kind of aggregate by its name, how each of its keys was declared when the store was made for it: see
/// [`Key::declaration`](crate::Key::declaration).
pub type Layout = BTreeMap<String, BTreeMap<String, String>>;

/// What waits in an outbox.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Backlog {
    /// How many entries.
    pub waiting: u64,
    /// How many of them could not be published when it was last tried. Those that wait behind them are not counted.
    pub stuck: u64,
    /// When the oldest of them was stored, by the clock of who stored it; `None` when none waits, or it cannot be read.
    pub oldest: Option<Timestamp>,
}

/// Tells how a store is, from outside: without making or changing anything, without knowing what is kept there, and without the key of
/// what is sealed. Where nobody has kept anything yet there is nothing.
#[async_trait]
pub trait Inventory: Send + Sync {
    /// What the store was made for.
    async fn layout(&self) -> Result<Layout, RepositoryError>;

    /// What waits in its outbox.
    async fn backlog(&self) -> Result<Backlog, RepositoryError>;

    /// How many values of this kind there are; none of one that the store was not made for.
    async fn count(&self, kind: &str) -> Result<u64, RepositoryError>;
}
