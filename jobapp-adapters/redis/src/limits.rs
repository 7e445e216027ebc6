//! Rate limits.

use std::sync::LazyLock;
use std::time::Duration;

use async_trait::async_trait;
use fred::types::Value;
use jobapp_kernel::{Allowance, LimiterUnavailable, Rate, RateLimiter};

use crate::Redis;
use crate::script::Script;

static TAKE: LazyLock<Script> = LazyLock::new(|| Script::new("take a try", include_str!("scripts/take.lua")));

/// Rate limits that all processes share. A key takes room only as long as it has less than its whole allowance.
#[derive(Debug, Clone)]
pub struct RedisLimiter {
    redis: Redis,
}

impl RedisLimiter {
    pub(crate) fn new(redis: Redis) -> Self {
        Self { redis }
    }
}

#[async_trait]
impl RateLimiter for RedisLimiter {
    async fn take(&self, key: &str, rate: Rate) -> Result<Allowance, LimiterUnavailable> {
        let keys = vec![self.redis.key("limit", key)];
        let every = i64::try_from(rate.every.as_micros()).unwrap_or(i64::MAX).max(1);
        let arguments = vec![Value::from(i64::from(rate.burst.max(1))), Value::from(every)];
        let taken: Result<(i64, i64), _> = TAKE.run(&self.redis, keys, arguments).await;
        let (remaining, wait) = taken.map_err(|error| LimiterUnavailable(error.into()))?;
        let remaining = u32::try_from(remaining.max(0)).unwrap_or(u32::MAX);
        Ok(Allowance { remaining, wait: Duration::from_micros(wait.max(0).unsigned_abs()) })
    }
}
