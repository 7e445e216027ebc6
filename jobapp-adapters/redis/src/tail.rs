//! Reading a counted stream as it grows.

use std::collections::VecDeque;

use fred::error::Error;
use fred::interfaces::StreamsInterface;
use fred::types::Value;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use jobapp_kernel::error_text;

use crate::connection::Connected;
use crate::{Redis, RedisError};

/// How long Redis waits for an entry before it answers that there is none, in milliseconds. Not without end: a connection that is lost
/// without a word must be noticed.
const BLOCK: u64 = 2_000;
/// How many entries are read at once.
const AT_ONCE: u64 = 256;

/// Where in a stream one is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// The last entry that is known.
    pub(crate) id: String,
    /// Its count.
    pub(crate) count: i64,
    /// Where the count began.
    pub(crate) origin: String,
}

/// An entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Its place.
    pub(crate) id: String,
    /// What it is, or whose.
    pub(crate) kind: String,
    /// What it says.
    pub(crate) body: String,
}

/// The entries of `key` after this place. Ends when some are missing or may be, for whatever reason: one that reads on begins anew.
pub(crate) async fn follow(redis: &Redis, key: String, place: Place) -> Result<BoxStream<'static, Entry>, RedisError> {
    let tail = Tail { reader: redis.another().await?, key, place, read: VecDeque::new(), redis: redis.clone() };
    let entries = stream::unfold(tail, |mut tail| async move {
        match tail.next().await {
            Ok(entry) => Some((entry, tail)),
            Err(error) => {
                tracing::info!(stream = tail.key, error = error_text(&error), "reading a stream ends");
                None
            }
        }
    });
    Ok(entries.boxed())
}

struct Tail {
    /// Its own: whatever else were asked would wait behind it.
    reader: Connected,
    key: String,
    place: Place,
    read: VecDeque<Entry>,
    /// Keeps the connection open that the stream was asked for by.
    redis: Redis,
}

impl Tail {
    async fn next(&mut self) -> Result<Entry, RedisError> {
        loop {
            if let Some(entry) = self.read.pop_front() {
                return Ok(entry);
            }
            let patience = self.redis.config().patience + std::time::Duration::from_millis(BLOCK);
            let reading =
                self.reader.client.xread(Some(AT_ONCE), Some(BLOCK), self.key.as_str(), self.place.id.as_str());
            let failed = |source| RedisError::Failed { attempt: "tell what is new", source };
            let silent = |_| failed(Error::new(fred::error::ErrorKind::Timeout, "it does not answer"));
            let answer: Value = tokio::time::timeout(patience, reading).await.map_err(silent)?.map_err(failed)?;
            for (id, fields) in entries(answer)? {
                self.take(id, fields)?;
            }
        }
    }

    /// The next entry, if it is that.
    fn take(&mut self, id: String, fields: Vec<String>) -> Result<(), RedisError> {
        let [_, origin, _, count, _, kind, _, body]: [String; 8] =
            fields.try_into().map_err(|f| RedisError::strange(&f))?;
        let count: i64 = count.parse().map_err(|_| RedisError::strange(&count))?;
        if origin != self.place.origin || count != self.place.count + 1 {
            return Err(RedisError::Missed);
        }
        self.place = Place { id: id.clone(), count, origin };
        self.read.push_back(Entry { id, kind, body });
        Ok(())
    }
}

/// What `XREAD` of one stream answers: nothing, or `[[key, [[id, [field, value, ...]], ...]]]`.
fn entries(answer: Value) -> Result<Vec<(String, Vec<String>)>, RedisError> {
    if answer.is_null() {
        return Ok(Vec::new());
    }
    let of_key = array(answer)?.pop().ok_or_else(|| RedisError::strange(&"no stream"))?;
    let entries = array(array(of_key)?.pop().ok_or_else(|| RedisError::strange(&"no entries"))?)?;
    entries
        .into_iter()
        .map(|entry| {
            let [id, fields]: [Value; 2] = array(entry)?.try_into().map_err(|entry| RedisError::strange(&entry))?;
            let fields = array(fields)?.into_iter().map(text).collect::<Result<_, _>>()?;
            Ok((text(id)?, fields))
        })
        .collect()
}

fn array(value: Value) -> Result<Vec<Value>, RedisError> {
    match value {
        Value::Array(values) => Ok(values),
        other => Err(RedisError::strange(&other)),
    }
}

fn text(value: Value) -> Result<String, RedisError> {
    value.as_string().ok_or_else(|| RedisError::strange(&value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_stream_is_told_and_nothing_is_nothing() {
        assert_eq!(entries(Value::Null).unwrap(), []);
        for strange in [Value::from("text"), Value::Array(vec![]), Value::Array(vec![Value::Array(vec![])])] {
            assert!(matches!(entries(strange), Err(RedisError::Strange(_))));
        }
    }
}
