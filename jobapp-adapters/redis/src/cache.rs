//! What processes keep together.

use std::sync::LazyLock;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use fred::interfaces::KeysInterface;
use fred::types::Value;
use jobapp_kernel::{CacheUnavailable, Looked, SharedCache, Ticket};
use uuid::Uuid;

use crate::records::milliseconds;
use crate::script::Script;
use crate::{Redis, RedisError};

static LOOK: LazyLock<Script> = LazyLock::new(|| Script::new("look for an answer", include_str!("scripts/look.lua")));
static KEEP: LazyLock<Script> = LazyLock::new(|| Script::new("keep an answer", include_str!("scripts/keep.lua")));
static GIVE_BACK: LazyLock<Script> =
    LazyLock::new(|| Script::new("take a ticket back", include_str!("scripts/release.lua")));

/// Values that all processes keep together. Each has an end, so a Redis that is short of memory may evict them.
#[derive(Debug, Clone)]
pub struct RedisCache {
    redis: Redis,
}

impl RedisCache {
    pub(crate) fn new(redis: Redis) -> Self {
        Self { redis }
    }

    fn key(&self, key: &str) -> String {
        self.redis.key("kept", key)
    }
}

fn unavailable(error: RedisError) -> CacheUnavailable {
    CacheUnavailable(error.into())
}

#[async_trait]
impl SharedCache for RedisCache {
    async fn look(&self, key: &str, finding: Duration) -> Result<Looked, CacheUnavailable> {
        let ticket = Uuid::new_v4().to_string();
        let arguments = vec![Value::from(ticket.as_str()), Value::from(milliseconds(finding))];
        let found = LOOK.run(&self.redis, vec![self.key(key)], arguments).await;
        let (how, value): (i64, Bytes) = found.map_err(unavailable)?;
        Ok(match how {
            0 => Looked::Yours(Ticket(ticket)),
            1 => Looked::Kept(value.to_vec()),
            _ => Looked::Awaited,
        })
    }

    async fn keep(&self, key: &str, ticket: &Ticket, value: &[u8], age: Duration) -> Result<bool, CacheUnavailable> {
        let value = Value::from(Bytes::copy_from_slice(value));
        let arguments = vec![Value::from(ticket.0.as_str()), value, Value::from(milliseconds(age))];
        let kept: i64 = KEEP.run(&self.redis, vec![self.key(key)], arguments).await.map_err(unavailable)?;
        Ok(kept == 1)
    }

    async fn give_back(&self, key: &str, ticket: &Ticket) -> Result<(), CacheUnavailable> {
        let arguments = vec![Value::from(format!("t{}", ticket.0))];
        GIVE_BACK.run(&self.redis, vec![self.key(key)], arguments).await.map_err(unavailable)
    }

    /// One command a key: in a cluster they are in different places.
    async fn spoil(&self, keys: &[String]) -> Result<(), CacheUnavailable> {
        if keys.is_empty() {
            return Ok(());
        }
        let client = self.redis.client().await.map_err(unavailable)?;
        let removed = keys.iter().map(|key| client.del::<(), _>(self.key(key)));
        let failed = |source| unavailable(RedisError::Failed { attempt: "forget an answer", source });
        futures::future::try_join_all(removed).await.map(drop).map_err(failed)
    }
}
