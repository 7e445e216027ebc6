//! From the broker's message to the port's.

use std::collections::BTreeMap;

use jobapp_kernel::{DeadLetter, Message, MessageId, Timestamp};
use lapin::BasicProperties;
use lapin::message::Delivery as FromBroker;
use lapin::types::{AMQPValue, FieldTable, ShortString};
use uuid::Uuid;

use super::marks::{Marks, TIMESTAMP, is_mark, number, text};

/// What the broker counts, where its queues do: how often a message came back because its consumer was lost.
const DELIVERY_COUNT: &str = "x-delivery-count";
/// What the broker writes about a message it moves.
const DEATHS: &str = "x-death";

/// A message that came, with what is known about it.
pub(crate) struct Received {
    pub(crate) message: Message,
    pub(crate) marks: Marks,
    /// How many consumers were lost that had it.
    pub(crate) losses: u32,
    /// Whether it may have been handled before.
    pub(crate) redelivered: bool,
}

impl Received {
    /// Reads a message, whoever sent it.
    pub(crate) fn read(from: &FromBroker) -> Self {
        let properties = &from.properties;
        let headers = properties.headers().as_ref();
        let marks = Marks::read(headers);
        let counted = headers.and_then(|headers| headers.inner().get(DELIVERY_COUNT)).and_then(number);
        let counted = counted.and_then(|count| u32::try_from(count).ok()).unwrap_or_default();
        let moved = headers.and_then(Moved::first).map(|moved| (moved.exchange, moved.routing_key));
        let (exchange, routing_key) =
            marks.origin.clone().or(moved).unwrap_or_else(|| (from.exchange.to_string(), from.routing_key.to_string()));
        let message = Message {
            // An empty one would make all who send it the same message.
            id: given(properties.message_id()).map(MessageId),
            kind: given(properties.kind()).unwrap_or_default(),
            exchange,
            routing_key,
            timestamp: timestamp(properties),
            headers: headers.map(texts).unwrap_or_default(),
            body: from.data.clone(),
        };
        let losses = marks.losses.saturating_add(counted);
        Self { message, losses, redelivered: from.redelivered || marks.redelivered, marks }
    }
}

fn given(text: &Option<ShortString>) -> Option<String> {
    text.as_ref().map(ToString::to_string).filter(|text| !text.is_empty())
}

/// All headers that are texts or can be, without marks.
fn texts(headers: &FieldTable) -> BTreeMap<String, String> {
    let ours = headers.inner().iter().filter(|(name, _)| !is_mark(name.as_str()) && name.as_str() != TIMESTAMP);
    ours.filter_map(|(name, value)| Some((name.to_string(), text(value)?))).collect()
}

/// To the millisecond, if the header that says so speaks of the same second; a foreign producer may say nothing.
fn timestamp(properties: &BasicProperties) -> Timestamp {
    let Some(seconds) = properties.timestamp().and_then(|seconds| i64::try_from(seconds).ok()) else {
        return Timestamp::EPOCH;
    };
    let precise = properties.headers().as_ref().and_then(|headers| headers.inner().get(TIMESTAMP)).and_then(number);
    let millis = precise.filter(|millis| millis.div_euclid(1000) == seconds);
    let millis = millis.unwrap_or_else(|| seconds.saturating_mul(1000));
    Timestamp::from_millis(millis).unwrap_or(Timestamp::EPOCH)
}

/// A dead letter of a queue, whether we buried it or the broker did, and when it died in microseconds since 1970.
pub(crate) fn dead_letter(queue: &str, from: &FromBroker) -> (DeadLetter, i64) {
    let received = Received::read(from);
    let moved = from.properties.headers().as_ref().and_then(Moved::first);
    let (id, reason, micros, attempts) = match (received.marks.death, moved) {
        (Some(death), _) => (death.id, death.reason, death.micros, received.marks.attempt),
        (None, Some(moved)) => {
            let reason = format!("the broker gave it up: {}", moved.reason);
            (derived_id(&received.message, moved.seconds), reason, moved.micros(), received.losses)
        }
        (None, None) => {
            let reason = "somebody put it here who does not say why".to_owned();
            (derived_id(&received.message, 0), reason, 0, received.marks.attempt)
        }
    };
    let died_at = Timestamp::from_millis(micros.div_euclid(1000)).unwrap_or(Timestamp::EPOCH);
    (DeadLetter { id, queue: queue.to_owned(), reason, attempts, died_at, message: received.message }, micros)
}

/// The same for the same letter, however often it is read.
fn derived_id(message: &Message, seconds: u64) -> String {
    let id = message.id.as_ref().map(|id| id.0.as_str()).unwrap_or_default();
    let named = [id.as_bytes(), &seconds.to_be_bytes(), &message.body].concat();
    Uuid::new_v5(&Uuid::NAMESPACE_OID, &named).to_string()
}

/// Where the broker took a message from, and why.
struct Moved {
    exchange: String,
    routing_key: String,
    reason: String,
    seconds: u64,
}

impl Moved {
    /// The newest of its notes.
    fn first(headers: &FieldTable) -> Option<Self> {
        let Some(AMQPValue::FieldArray(notes)) = headers.inner().get(DEATHS) else { return None };
        let Some(AMQPValue::FieldTable(note)) = notes.as_slice().first() else { return None };
        let find = |name: &str| note.inner().get(name);
        let keys = match find("routing-keys") {
            Some(AMQPValue::FieldArray(keys)) => keys.as_slice(),
            _ => &[],
        };
        Some(Self {
            exchange: find("exchange").and_then(text)?,
            routing_key: keys.first().and_then(text).unwrap_or_default(),
            reason: find("reason").and_then(text).unwrap_or_default(),
            seconds: match find("time") {
                Some(AMQPValue::Timestamp(seconds)) => *seconds,
                _ => 0,
            },
        })
    }

    fn micros(&self) -> i64 {
        i64::try_from(self.seconds).unwrap_or_default().saturating_mul(1_000_000)
    }
}
