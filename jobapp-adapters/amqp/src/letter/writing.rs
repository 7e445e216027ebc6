//! From the port's message to the broker's.

use jobapp_kernel::Message;
use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable};

use super::envelope::{Letter, short};
use super::marks::{TIMESTAMP, long};
use crate::AmqpError;

/// Written to disk before it is confirmed.
pub(super) const PERSISTENT: u8 = 2;

impl Letter {
    /// Writes a message.
    pub(crate) fn of(message: &Message) -> Result<Self, AmqpError> {
        let mut headers = FieldTable::default();
        for (name, value) in &message.headers {
            headers.insert(short("the name of a header", name)?, long(value));
        }
        let millis = message.timestamp.as_millis();
        if millis % 1000 != 0 {
            headers.insert(TIMESTAMP.into(), AMQPValue::LongLongInt(millis));
        }
        let mut properties = BasicProperties::default()
            .with_delivery_mode(PERSISTENT)
            .with_timestamp(u64::try_from(millis.div_euclid(1000)).unwrap_or_default())
            .with_type(short("the kind of a message", &message.kind)?)
            .with_headers(headers);
        if let Some(id) = &message.id {
            properties = properties.with_message_id(short("the id of a message", &id.0)?);
        }
        Ok(Self {
            exchange: short("the name of an exchange", &message.exchange)?,
            routing_key: short("a routing key", &message.routing_key)?,
            properties,
            body: message.body.clone(),
        })
    }
}
