//! Messages as the broker carries them.
//!
//! What the port's [`Message`](jobapp_kernel::Message) has is in the properties every client knows. What became of a message while it
//! waited is in headers of ours, the marks; a handler sees none of them.

mod copying;
mod marks;
mod reading;
mod writing;

use lapin::BasicProperties;
use lapin::types::ShortString;

pub(crate) use copying::{buried, parked, replayed};
pub(crate) use marks::{Death, Marks};
pub(crate) use reading::{Received, dead_letter};

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
