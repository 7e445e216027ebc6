//! Lua scripts: what Redis does in one step.

use fred::error::Error;
use fred::interfaces::LuaInterface;
use fred::types::{FromValue, Value};
use sha1::{Digest, Sha1};

use crate::{Redis, RedisError};

/// A script. Redis knows it by its hash once it has run it.
pub(crate) struct Script {
    /// What it does: `take a try`.
    attempt: &'static str,
    source: &'static str,
    hash: String,
}

impl Script {
    pub(crate) fn new(attempt: &'static str, source: &'static str) -> Self {
        Self { attempt, source, hash: hex::encode(Sha1::digest(source.as_bytes())) }
    }

    /// Runs it, once at most. A Redis that does not know it, as after a restart, has not begun, and is sent the whole.
    ///
    /// In a task: what its caller gives up waiting for still runs out of time, and is not left in a queue to be done at some later time.
    pub(crate) async fn run<T: FromValue>(
        &self,
        redis: &Redis,
        keys: Vec<String>,
        arguments: Vec<Value>,
    ) -> Result<T, RedisError> {
        let client = redis.client().await?.clone();
        let (hash, source) = (self.hash.clone(), self.source);
        let running = tokio::spawn(async move {
            match client.evalsha::<Value, _, _, _>(hash, keys.clone(), arguments.clone()).await {
                Err(error) if error.details().starts_with("NOSCRIPT") => client.eval(source, keys, arguments).await,
                ran => ran,
            }
        });
        let ran = running.await.map_err(Error::from).flatten();
        ran.and_then(Value::convert).map_err(|source| RedisError::Failed { attempt: self.attempt, source })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_known_by_the_hash_of_its_source() {
        assert_eq!(Script::new("say something", "return ARGV[1]").hash, "098e0f0d1448c0a81dafe820f66d460eb09263da");
    }
}
