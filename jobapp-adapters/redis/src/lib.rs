//! What many processes share, in Redis.
//!
//! | port | here | when Redis is away |
//! |---|---|---|
//! | `RateLimiter` | [`RedisLimiter`] | the caller goes by its own count |
//! | `Presence` | [`RedisPresence`] | a gateway goes by what it knew, and tells again who is there |
//! | `Fanout` | [`RedisFanout`] | what is published waits in its queue; a feed ends and is begun again where it stopped |
//! | `SentRecords` | [`RedisSentRecords`] | mails wait in their queue |
//! | `SelectedCategories` | [`RedisCategories`] | nothing is chosen |
//! | `Leases` | [`RedisLeases`] | nobody has one |
//! | `SharedCache` | [`RedisCache`] | each asks whoever knows |
//!
//! [`Redis`] is the connection that all of them share. It comes back by itself, however long Redis was away. Meanwhile every call
//! fails at once, or after [`RedisConfig::patience`] where only silence tells: nothing is queued for later, so an outage takes no memory
//! and nothing old is done after it.
//!
//! Whatever changes something is one Lua script, and no command is ever sent twice: one whose answer was lost may have been
//! done, and its caller is told that Redis is away. Times are those of Redis, as processes have clocks of their own.
//!
//! All keys begin with a prefix, so that several marketplaces may share a Redis. Those that belong to one script are in one slot of a
//! cluster. Redis must not evict what has no end of its own: `maxmemory-policy` is to be `noeviction` or one of `volatile-*`.

mod cache;
mod categories;
mod config;
mod connection;
mod error;
mod fanout;
mod leases;
mod limits;
mod presence;
mod records;
mod script;
mod tail;
mod tls;

pub use cache::RedisCache;
pub use categories::RedisCategories;
pub use config::{RedisConfig, RedisConfigError};
pub use connection::Redis;
pub use error::RedisError;
pub use fanout::{Keeping, RedisFanout};
pub use leases::RedisLeases;
pub use limits::RedisLimiter;
pub use presence::RedisPresence;
pub use records::RedisSentRecords;
