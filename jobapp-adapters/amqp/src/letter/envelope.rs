//! A message to send, and the room its texts have.

use lapin::BasicProperties;
use lapin::types::ShortString;

use crate::AmqpError;

/// A message to send.
#[derive(Debug, Clone)]
pub(crate) struct Letter {
    pub(crate) exchange: ShortString,
    pub(crate) routing_key: ShortString,
    pub(crate) properties: BasicProperties,
    pub(crate) body: Vec<u8>,
}

impl Letter {
    /// To a queue itself, whatever is bound to it.
    pub(crate) fn to_queue(queue: &str, properties: BasicProperties, body: Vec<u8>) -> Result<Self, AmqpError> {
        let routing_key = short("the name of the queue", queue)?;
        Ok(Self { exchange: ShortString::default(), routing_key, properties, body })
    }
}

/// A text the protocol has little room for. The client's own conversion panics.
pub(crate) fn short(what: &'static str, text: &str) -> Result<ShortString, AmqpError> {
    ShortString::try_new(text).map_err(|_| AmqpError::TooLong { what, length: text.len() })
}
