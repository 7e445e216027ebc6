//! What processes share beside stores and the bus.

use std::sync::Arc;

use jobapp_gigs::SelectedCategories;
use jobapp_kernel::{RateLimiter, SharedCache};
use jobapp_memory::{MemoryCache, MemoryCategories, MemoryFanout, MemoryLimiter, MemoryPresence};
use jobapp_realtime_core::{Fanout, Presence};
#[cfg(feature = "redis")]
use jobapp_redis::{Redis, RedisConfig};

use super::{Address, OpenError};

/// How its addresses look.
const KNOWN: &[&str] = &[
    "memory:",
    #[cfg(feature = "redis")]
    "redis://<user>:<password>@<host>",
    #[cfg(feature = "redis")]
    "rediss://<user>:<password>@<host>",
];

/// What the gateways of a marketplace share, whatever it is shared by. A clone is another handle.
#[derive(Clone)]
pub struct Peers {
    /// Who is online at any of them.
    pub presence: Arc<dyn Presence>,
    /// The way from one to all others.
    pub fanout: Arc<dyn Fanout>,
    /// Counts tries of what is rare and dear.
    pub limiter: Arc<dyn RateLimiter>,
    /// What all keep together of what they were answered.
    pub cache: Arc<dyn SharedCache>,
    /// Which category a user looked at last: gateways are told, the gig service asks.
    pub categories: Arc<dyn SelectedCategories>,
    #[cfg(feature = "redis")]
    redis: Option<Redis>,
}

impl Peers {
    /// Opens what is shared at this address. In memory it is shared within a process only. What is elsewhere need not be there yet: it
    /// is connected to, and connected to again, by itself.
    ///
    /// # Errors
    /// [`OpenError`] when that cannot be done, or nothing here opens such an address.
    pub fn open(address: &Address) -> Result<Self, OpenError> {
        match address.scheme() {
            "memory" => Ok(Self {
                presence: Arc::new(MemoryPresence::default()),
                fanout: Arc::new(MemoryFanout::default()),
                limiter: Arc::new(MemoryLimiter::default()),
                cache: Arc::new(MemoryCache::default()),
                categories: Arc::new(MemoryCategories::default()),
                #[cfg(feature = "redis")]
                redis: None,
            }),
            #[cfg(feature = "redis")]
            "redis" | "rediss" => open_redis(address).map(|redis| Self {
                presence: Arc::new(redis.presence()),
                fanout: Arc::new(redis.fanout()),
                limiter: Arc::new(redis.limiter()),
                cache: Arc::new(redis.cache()),
                categories: Arc::new(redis.categories()),
                redis: Some(redis),
            }),
            _ => Err(OpenError::unknown(address, "what gateways share", KNOWN)),
        }
    }

    /// What is wrong with it, in words; `None` while all is well. Meanwhile each gateway goes by what it knows itself.
    pub async fn trouble(&self) -> Option<String> {
        #[cfg(feature = "redis")]
        if let Some(redis) = &self.redis {
            return redis.ping().await.err().map(|error| jobapp_runtime::error_text(&error));
        }
        None
    }
}

/// Begins to connect to a Redis.
#[cfg(feature = "redis")]
pub(super) fn open_redis(address: &Address) -> Result<Redis, OpenError> {
    let config = RedisConfig::from_url(&address.url());
    let config = config.map_err(|error| OpenError::of(format!("{}: {error}", address.setting())))?;
    Redis::open(config).map_err(OpenError::of)
}
