//! Who is online.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use async_trait::async_trait;
use fred::types::{FromValue, Value};
use futures::StreamExt;
use jobapp_realtime_core::{Change, Presence, Unavailable, Watch};

use crate::records::milliseconds;
use crate::script::Script;
use crate::tail::{Entry, Place, follow};
use crate::{Redis, RedisError};

macro_rules! script {
    ($attempt:literal, $file:literal) => {
        LazyLock::new(|| {
            Script::new(
                $attempt,
                concat!(include_str!("scripts/stream.lua"), include_str!("scripts/presence.lua"), include_str!($file)),
            )
        })
    };
}

static ENTER: LazyLock<Script> = script!("say who came", "scripts/enter.lua");
static LEAVE: LazyLock<Script> = script!("say who went", "scripts/leave.lua");
static RENEW: LazyLock<Script> = script!("say who is there", "scripts/renew.lua");
static RETIRE: LazyLock<Script> = script!("let a gateway go", "scripts/retire.lua");
static WATCH: LazyLock<Script> = script!("tell who is online", "scripts/watch.lua");

/// For how long a gateway is taken for alive.
const LEASE: Duration = Duration::from_secs(15);

/// Presence that all gateways share.
#[derive(Debug, Clone)]
pub struct RedisPresence {
    redis: Redis,
    lease: Duration,
}

impl RedisPresence {
    pub(crate) fn new(redis: Redis) -> Self {
        Self { redis, lease: LEASE }
    }

    /// The same, where a gateway that did not renew for this long is taken for dead. The others notice when they renew theirs.
    #[must_use]
    pub fn with_lease(self, lease: Duration) -> Self {
        Self { lease, ..self }
    }

    fn key(&self, name: &str) -> String {
        self.redis.key("{presence}", name)
    }

    async fn run<T: FromValue>(&self, script: &Script, arguments: Vec<Value>) -> Result<T, RedisError> {
        let names = ["online", "counts", "gateways", "changes", "meta", "at:"];
        script.run(&self.redis, names.map(|name| self.key(name)).to_vec(), arguments).await
    }

    async fn changes(&self) -> Result<Watch, RedisError> {
        let (online, id, count, origin): (Vec<String>, String, i64, String) = self.run(&WATCH, Vec::new()).await?;
        let entries = follow(&self.redis, self.key("changes"), Place { id, count, origin }).await?;
        Ok(Watch { online, changes: entries.map(change).boxed() })
    }
}

fn change(entry: Entry) -> Change {
    let user = entry.body.into();
    if entry.kind == "came" { Change::Came(user) } else { Change::Went(user) }
}

fn unavailable(error: RedisError) -> Unavailable {
    Unavailable { what: "presence", source: error.into() }
}

#[async_trait]
impl Presence for RedisPresence {
    async fn enter(&self, gateway: &str, user: &str) -> Result<bool, Unavailable> {
        let arguments = vec![Value::from(gateway), Value::from(user), Value::from(milliseconds(self.lease))];
        self.run(&ENTER, arguments).await.map_err(unavailable)
    }

    async fn leave(&self, gateway: &str, user: &str) -> Result<bool, Unavailable> {
        self.run(&LEAVE, vec![Value::from(gateway), Value::from(user)]).await.map_err(unavailable)
    }

    async fn renew(&self, gateway: &str, users: &[Arc<str>]) -> Result<(), Unavailable> {
        let first = [Value::from(gateway), Value::from(milliseconds(self.lease))];
        let arguments = first.into_iter().chain(users.iter().map(|user| Value::from(&**user))).collect();
        self.run(&RENEW, arguments).await.map_err(unavailable)
    }

    async fn retire(&self, gateway: &str) -> Result<(), Unavailable> {
        self.run(&RETIRE, vec![Value::from(gateway)]).await.map_err(unavailable)
    }

    async fn watch(&self) -> Result<Watch, Unavailable> {
        self.changes().await.map_err(unavailable)
    }
}
