//! What translators of outbox entries have in common.

use std::collections::BTreeMap;

use jobapp_kernel::{Exchange, Message, MessageId, OutboxEntry, Queue, Timestamp};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::relay::TranslateError;

/// The event of an entry.
///
/// # Errors
/// When it has another shape.
pub fn event_of<E: DeserializeOwned>(entry: &OutboxEntry) -> Result<E, TranslateError> {
    Ok(serde_json::from_value(entry.event.clone())?)
}

/// A message that tells of an entry. The relay adds its id and headers.
///
/// # Errors
/// When the body cannot be written as JSON.
pub fn message_of(
    entry: &OutboxEntry,
    exchange: Exchange,
    routing_key: &str,
    kind: &str,
    body: &impl Serialize,
) -> Result<Message, TranslateError> {
    Ok(Message {
        id: None,
        kind: kind.to_owned(),
        exchange: exchange.name.to_owned(),
        routing_key: routing_key.to_owned(),
        timestamp: entry.recorded_at,
        headers: BTreeMap::new(),
        body: serde_json::to_vec(body)?,
    })
}

/// A message that no event stands behind, such as an answer. The same id again is the same message.
///
/// # Errors
/// When the body has no form in JSON.
pub fn note(
    id: String,
    queue: Queue,
    kind: &str,
    body: &impl Serialize,
    at: Timestamp,
) -> Result<Message, TranslateError> {
    Ok(Message {
        id: Some(MessageId(id)),
        kind: kind.to_owned(),
        exchange: queue.exchange.name.to_owned(),
        routing_key: queue.routing_key.to_owned(),
        timestamp: at,
        headers: BTreeMap::new(),
        body: serde_json::to_vec(body)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use jobapp_kernel::{ExchangeKind, Timestamp};
    use serde_json::json;

    #[test]
    fn an_entry_becomes_a_message_of_its_time() {
        let entry = OutboxEntry {
            id: OutboxEntry::id_of("kettle", "1", 2, 0),
            aggregate: "kettle".to_owned(),
            aggregate_id: "1".to_owned(),
            version: 2,
            event: json!({"type": "boiled", "litres": 2}),
            headers: BTreeMap::new(),
            recorded_at: Timestamp::from_millis(7).unwrap(),
        };
        let event: serde_json::Value = event_of(&entry).unwrap();
        assert_eq!(event["litres"], 2);
        assert!(event_of::<Vec<u8>>(&entry).is_err());
        let exchange = Exchange { name: "kettles", kind: ExchangeKind::Direct };
        let message = message_of(&entry, exchange, "hot", "boiled", &event).unwrap();
        assert_eq!((message.exchange.as_str(), message.routing_key.as_str()), ("kettles", "hot"));
        assert_eq!((message.kind.as_str(), message.timestamp), ("boiled", entry.recorded_at));
        assert_eq!((message.id.is_none(), message.json::<serde_json::Value>().unwrap()), (true, event));
    }
}
