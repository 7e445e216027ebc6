//! A place in Redis for one test.

use std::time::Duration;

use jobapp_redis::{Redis, RedisConfig};
use jobapp_test_servers::{Kind, Proxy, Server, proxied, shared};

/// How long anything may take to come about.
const WHILE: Duration = Duration::from_secs(30);

/// A part of a Redis that no other test uses.
pub(crate) struct Place {
    pub(crate) server: Server,
    pub(crate) prefix: String,
}

impl Place {
    /// On the Redis that all tests share.
    pub(crate) async fn fresh() -> Self {
        Self::on(shared(Kind::Redis).await)
    }

    pub(crate) fn on(server: Server) -> Self {
        Self { server, prefix: format!("test-{}", uuid::Uuid::new_v4()) }
    }

    /// One process's connection.
    pub(crate) fn redis(&self) -> Redis {
        self.by(self.server.url())
    }

    /// The same, by another way.
    pub(crate) fn by(&self, url: &str) -> Redis {
        Redis::open(self.config(url)).unwrap()
    }

    pub(crate) fn config(&self, url: &str) -> RedisConfig {
        let mut config = RedisConfig::from_url(url).unwrap();
        config.prefix.clone_from(&self.prefix);
        // A busy machine is not a Redis that is away.
        config.patience = Duration::from_secs(5);
        config
    }

    /// A connection through a network that may fail.
    pub(crate) async fn through_a_proxy(&self) -> (Proxy, Redis) {
        let proxy = proxied(&self.server).await;
        let redis = self.by(proxy.url());
        redis.ping().await.unwrap();
        (proxy, redis)
    }
}

/// Waits until something is so.
pub(crate) async fn until(what: &str, is_so: impl AsyncFn() -> bool) {
    let waiting = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    assert!(tokio::time::timeout(WHILE, waiting).await.is_ok(), "waited in vain until {what}");
}

/// What comes within a while.
pub(crate) async fn soon<T>(what: &str, coming: impl Future<Output = T>) -> T {
    tokio::time::timeout(WHILE, coming).await.unwrap_or_else(|_| panic!("waited in vain for {what}"))
}
