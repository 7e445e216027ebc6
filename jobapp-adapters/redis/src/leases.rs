//! What one owner at a time may do.

use std::sync::LazyLock;
use std::time::Duration;

use async_trait::async_trait;
use fred::interfaces::KeysInterface;
use fred::types::Value;
use jobapp_kernel::{Leases, RepositoryError};

use crate::records::milliseconds;
use crate::script::Script;
use crate::{Redis, RedisError};

static LEASE: LazyLock<Script> = LazyLock::new(|| Script::new("give a lease", include_str!("scripts/lease.lua")));
static RELEASE: LazyLock<Script> =
    LazyLock::new(|| Script::new("take a lease back", include_str!("scripts/release.lua")));

/// Leases for processes without a store of their own; those that have one take the leases of that. A Redis that fails over to a replica may
/// give one twice: what is done under it must bear that.
#[derive(Debug, Clone)]
pub struct RedisLeases {
    redis: Redis,
}

impl RedisLeases {
    pub(crate) fn new(redis: Redis) -> Self {
        Self { redis }
    }

    async fn give(&self, name: &str, owner: &str, time: Duration, how: &str) -> Result<bool, RepositoryError> {
        let time = if time.is_zero() { 0 } else { milliseconds(time) };
        let arguments = vec![Value::from(owner), Value::from(time), Value::from(how)];
        LEASE.run(&self.redis, vec![self.redis.key("lease", name)], arguments).await.map_err(unavailable)
    }
}

fn unavailable(error: RedisError) -> RepositoryError {
    RepositoryError::unavailable("look after a lease", error)
}

#[async_trait]
impl Leases for RedisLeases {
    async fn take(&self, name: &str, owner: &str, time: Duration) -> Result<bool, RepositoryError> {
        self.give(name, owner, time, "take").await
    }

    async fn renew(&self, name: &str, owner: &str, time: Duration) -> Result<bool, RepositoryError> {
        self.give(name, owner, time, "renew").await
    }

    async fn owner(&self, name: &str) -> Result<Option<String>, RepositoryError> {
        let failed = |source| unavailable(RedisError::Failed { attempt: "tell the owner of a lease", source });
        let client = self.redis.client().await.map_err(unavailable)?;
        client.get(self.redis.key("lease", name)).await.map_err(failed)
    }

    async fn release(&self, name: &str, owner: &str) -> Result<(), RepositoryError> {
        let keys = vec![self.redis.key("lease", name)];
        RELEASE.run(&self.redis, keys, vec![Value::from(owner)]).await.map_err(unavailable)
    }
}
