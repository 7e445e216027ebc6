//! What all gateways hear, in one order.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use async_trait::async_trait;
use fred::types::Value;
use futures::StreamExt;
use jobapp_realtime_core::{Envelope, Fanout, Feed, Position, Published, Since, Unavailable};
use jobapp_wire::messages::Realtime;
use serde::{Deserialize, Serialize};

use crate::script::Script;
use crate::tail::{Entry, Place, follow};
use crate::{Redis, RedisError};

static PUBLISH: LazyLock<Script> = LazyLock::new(|| {
    Script::new("publish an event", concat!(include_str!("scripts/stream.lua"), include_str!("scripts/publish.lua")))
});
static SINCE: LazyLock<Script> = LazyLock::new(|| {
    Script::new("find a place", concat!(include_str!("scripts/stream.lua"), include_str!("scripts/since.lua")))
});

/// What is kept of the events for gateways that start, or were cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keeping {
    /// For how long.
    pub time: Duration,
    /// How many.
    pub events: u32,
}

impl Default for Keeping {
    /// The last 20,000 of the last two minutes.
    fn default() -> Self {
        Self { time: Duration::from_secs(120), events: 20_000 }
    }
}

/// Fan-out by a stream. An event's position is its id in the stream.
#[derive(Debug, Clone)]
pub struct RedisFanout {
    redis: Redis,
    keeping: Keeping,
}

impl RedisFanout {
    pub(crate) fn new(redis: Redis, keeping: Keeping) -> Self {
        Self { redis, keeping }
    }

    /// The same, which keeps this much.
    #[must_use]
    pub fn keeping(self, keeping: Keeping) -> Self {
        Self { keeping, ..self }
    }

    fn keys(&self) -> Vec<String> {
        ["stream", "meta"].map(|name| self.redis.key("{events}", name)).to_vec()
    }

    async fn feed(&self, since: Since) -> Result<Feed, RedisError> {
        let (how, what) = match since {
            Since::Ago(back) => ("ago", back.as_millis().to_string()),
            Since::After(position) => ("after", id(position)),
        };
        let (place, count, origin, last): (String, i64, String, String) =
            SINCE.run(&self.redis, self.keys(), vec![Value::from(how), Value::from(what)]).await?;
        let (from, head) = (position(&place)?, position(&last)?);
        let key = self.redis.key("{events}", "stream");
        let entries = follow(&self.redis, key, Place { id: place, count, origin }).await?;
        let events = entries.map(published).take_while(|read| {
            if let Err(error) = read {
                tracing::error!(error = %error, "an event cannot be read");
            }
            std::future::ready(read.is_ok())
        });
        Ok(Feed { from, head, events: events.filter_map(async |read| read.ok()).boxed() })
    }
}

/// An event as it is kept: with the trace beside its own members, where gateways of earlier versions pass it over.
#[derive(Serialize, Deserialize)]
struct Kept<'e> {
    #[serde(flatten)]
    event: Cow<'e, Realtime>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    traceparent: Option<String>,
}

fn id(Position { era, number }: Position) -> String {
    format!("{era}-{number}")
}

fn position(id: &str) -> Result<Position, RedisError> {
    let parts = id.split_once('-').and_then(|(era, number)| Some((era.parse().ok()?, number.parse().ok()?)));
    parts.map(|(era, number)| Position { era, number }).ok_or_else(|| RedisError::strange(&id))
}

fn published(entry: Entry) -> Result<Published, RedisError> {
    let position = position(&entry.id)?;
    let Kept { event, traceparent } = serde_json::from_str(&entry.body).map_err(|error| RedisError::strange(&error))?;
    Ok(Published { position, envelope: Arc::new(Envelope { id: entry.kind, event: event.into_owned(), traceparent }) })
}

fn unavailable(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Unavailable {
    Unavailable { what: "fan-out", source: source.into() }
}

#[async_trait]
impl Fanout for RedisFanout {
    async fn publish(&self, envelope: Envelope) -> Result<(), Unavailable> {
        let kept = Kept { event: Cow::Borrowed(&envelope.event), traceparent: envelope.traceparent };
        let event = serde_json::to_string(&kept).map_err(unavailable)?;
        let age = i64::try_from(self.keeping.time.as_millis()).unwrap_or(i64::MAX);
        let limits = [Value::from(age), Value::from(i64::from(self.keeping.events))];
        let arguments = [Value::from(envelope.id), Value::from(event)].into_iter().chain(limits).collect();
        PUBLISH.run(&self.redis, self.keys(), arguments).await.map_err(unavailable)
    }

    async fn subscribe(&self, since: Since) -> Result<Feed, Unavailable> {
        self.feed(since).await.map_err(unavailable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_an_id() {
        let place = Position { era: 1_795_515_342_123, number: 7 };
        assert_eq!(id(place), "1795515342123-7");
        assert_eq!(position("1795515342123-7").unwrap(), place);
        for strange in ["", "7", "-", "7-", "7-x", "-1-1"] {
            assert!(position(strange).is_err(), "{strange}");
        }
    }
}
