//! What became of a message while it waited, in headers of ours.

use std::time::Duration;

use lapin::types::{AMQPValue, FieldTable, LongString, ShortString};

/// How the names of our headers begin.
pub(crate) const OURS: &str = "x-jobapp-";
/// The time of a message to the millisecond, under the name that the broker's own stamps have: the property knows seconds.
pub(super) const TIMESTAMP: &str = "timestamp_in_ms";

const EXCHANGE: &str = "x-jobapp-exchange";
const ROUTING_KEY: &str = "x-jobapp-routing-key";
const ATTEMPT: &str = "x-jobapp-attempt";
const LOSSES: &str = "x-jobapp-losses";
const REDELIVERED: &str = "x-jobapp-redelivered";
const WAIT: &str = "x-jobapp-wait-ms";
const ID: &str = "x-jobapp-dead-id";
const REASON: &str = "x-jobapp-reason";
const DIED_AT: &str = "x-jobapp-died-at-us";

/// What the broker writes about a message that moves. A copy that keeps it may be taken for one that goes in circles and be dropped.
const OF_THE_BROKER: [&str; 5] = ["x-death", "x-first-death-", "x-last-death-", "x-delivery-count", "x-acquired-count"];
/// Headers that make the broker send a copy to further queues.
const FURTHER_COPIES: [&str; 2] = ["CC", "BCC"];

/// What became of a message while it waited.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Marks {
    /// Where it was published, if it has been moved since.
    pub(crate) origin: Option<(String, String)>,
    /// How often a handler has failed with it.
    pub(crate) attempt: u32,
    /// How many consumers were lost that had it, before it was moved.
    pub(crate) losses: u32,
    /// Whether it may have been handled before it was moved.
    pub(crate) redelivered: bool,
    /// How long it still has to wait.
    pub(crate) wait: Duration,
    /// What became of it when it died.
    pub(crate) death: Option<Death>,
}

/// How a message died.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Death {
    pub(crate) id: String,
    pub(crate) reason: String,
    /// When, in microseconds since 1970.
    pub(crate) micros: i64,
}

impl Marks {
    /// Reads them.
    pub(super) fn read(headers: Option<&FieldTable>) -> Self {
        let Some(headers) = headers else { return Self::default() };
        let find = |name: &str| headers.inner().get(name);
        let text_of = |name: &str| find(name).and_then(text);
        let number_of = |name: &str| find(name).and_then(number);
        let count = |name: &str| number_of(name).and_then(|number| u32::try_from(number).ok()).unwrap_or_default();
        let death = || {
            let (id, reason) = (text_of(ID)?, text_of(REASON)?);
            Some(Death { id, reason, micros: number_of(DIED_AT)? })
        };
        Self {
            origin: text_of(EXCHANGE).zip(text_of(ROUTING_KEY)),
            attempt: count(ATTEMPT),
            losses: count(LOSSES),
            redelivered: matches!(find(REDELIVERED), Some(AMQPValue::Boolean(true))),
            wait: Duration::from_millis(number_of(WAIT).and_then(|wait| u64::try_from(wait).ok()).unwrap_or_default()),
            death: death(),
        }
    }

    /// Writes them into headers that have none.
    pub(super) fn write(&self, headers: &mut FieldTable) {
        let mut put = |name: &'static str, value: AMQPValue| {
            headers.insert(ShortString::from(name), value);
        };
        if let Some((exchange, routing_key)) = &self.origin {
            put(EXCHANGE, long(exchange));
            put(ROUTING_KEY, long(routing_key));
        }
        for (name, count) in [(ATTEMPT, self.attempt), (LOSSES, self.losses)] {
            if count > 0 {
                put(name, AMQPValue::LongLongInt(count.into()));
            }
        }
        if self.redelivered {
            put(REDELIVERED, AMQPValue::Boolean(true));
        }
        if !self.wait.is_zero() {
            put(WAIT, AMQPValue::LongLongInt(i64::try_from(self.wait.as_millis()).unwrap_or(i64::MAX)));
        }
        if let Some(death) = &self.death {
            put(ID, long(&death.id));
            put(REASON, long(&death.reason));
            put(DIED_AT, AMQPValue::LongLongInt(death.micros));
        }
    }
}

/// Whether a header is ours or the broker's: no part of the message.
pub(super) fn is_mark(name: &str) -> bool {
    name.starts_with(OURS) || OF_THE_BROKER.iter().any(|prefix| name.starts_with(prefix))
}

/// Whether a header would make a copy go elsewhere too.
pub(super) fn is_for_further_copies(name: &str) -> bool {
    FURTHER_COPIES.contains(&name)
}

/// A text as a header.
pub(super) fn long(text: &str) -> AMQPValue {
    AMQPValue::LongString(LongString::from(text.as_bytes().to_vec()))
}

/// A header as a number.
pub(super) fn number(value: &AMQPValue) -> Option<i64> {
    Some(match value {
        AMQPValue::ShortShortInt(number) => i64::from(*number),
        AMQPValue::ShortShortUInt(number) => i64::from(*number),
        AMQPValue::ShortInt(number) => i64::from(*number),
        AMQPValue::ShortUInt(number) => i64::from(*number),
        AMQPValue::LongInt(number) => i64::from(*number),
        AMQPValue::LongUInt(number) => i64::from(*number),
        AMQPValue::LongLongInt(number) => *number,
        _ => return None,
    })
}

/// A header as a text; `None` for what is none, such as a table.
pub(super) fn text(value: &AMQPValue) -> Option<String> {
    match value {
        AMQPValue::LongString(text) => Some(String::from_utf8_lossy(text.as_bytes()).into_owned()),
        AMQPValue::ShortString(text) => Some(text.as_str().to_owned()),
        AMQPValue::Boolean(flag) => Some(flag.to_string()),
        AMQPValue::Float(number) => Some(number.to_string()),
        AMQPValue::Double(number) => Some(number.to_string()),
        AMQPValue::Timestamp(seconds) => Some(seconds.to_string()),
        other => number(other).map(|number| number.to_string()),
    }
}
