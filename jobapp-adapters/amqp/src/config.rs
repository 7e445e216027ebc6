//! What a bus is opened with.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use lapin::uri::AMQPUri;

use crate::AmqpError;

/// How often each side says that it is there, unless the address says otherwise; a dead peer is noticed after twice that.
const HEARTBEAT_SECONDS: u16 = 10;
/// What a broker takes when nobody has told it otherwise, from its version 4 on. Earlier ones take more.
const LARGEST_BODY: usize = 16 * 1024 * 1024;

/// The parameter of an address that says what queues are declared as.
const QUEUE_TYPE: &str = "queue_type";

/// The parameter of an address that names a file of certificates, as other clients of the broker call it.
const ROOTS: &str = "cacertfile";

/// What queues are declared as.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum QueueType {
    /// Replicated, counting how often a message was delivered.
    #[default]
    Quorum,
    /// Without any argument, as programs of existing deployments declare them.
    Classic,
}

impl FromStr for QueueType {
    type Err = UnknownQueueType;

    fn from_str(text: &str) -> Result<Self, UnknownQueueType> {
        match text {
            "quorum" => Ok(Self::Quorum),
            "classic" => Ok(Self::Classic),
            _ => Err(UnknownQueueType),
        }
    }
}

/// It is neither `quorum` nor `classic`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is neither quorum nor classic")]
pub struct UnknownQueueType;

/// What an [`AmqpBus`](crate::AmqpBus) is opened with.
#[derive(Clone)]
pub struct AmqpConfig {
    pub(crate) uri: AMQPUri,
    /// Certificates that vouch for the broker's, beside those the system knows. PEM.
    pub roots: Option<String>,
    /// What the broker's operator sees as the connections' name.
    pub name: String,
    /// What queues are declared as.
    pub queue_type: QueueType,
    /// How long connecting may take, with all that belongs to it.
    pub connect_within: Duration,
    /// How long the broker may take to confirm a message.
    pub confirm_within: Duration,
    /// How long the broker may take for any other answer.
    pub answer_within: Duration,
    /// The pauses between two attempts to connect: the first one and the longest one.
    pub pauses: (Duration, Duration),
    /// Larger bodies are refused before they are sent, since a broker that gets one closes the channel.
    pub largest_body: usize,
}

impl AmqpConfig {
    /// The broker at this address: `amqp://name:password@host:port/virtual-host`, with `?queue_type=classic`, `?heartbeat=20`
    /// or `?cacertfile=roots.pem` behind it if need be.
    ///
    /// # Errors
    /// [`AmqpError::Address`], also when the file cannot be read.
    pub fn new(address: &str) -> Result<Self, AmqpError> {
        let mut uri: AMQPUri = address.parse().map_err(AmqpError::Address)?;
        if uri.vhost.is_empty() {
            // `amqp://host/` means the one without a name to the protocol, and the one that is always there to everybody else.
            "/".clone_into(&mut uri.vhost);
        }
        uri.query.heartbeat.get_or_insert(HEARTBEAT_SECONDS);
        let queue_type = match parameter(address, QUEUE_TYPE) {
            None => QueueType::default(),
            Some(text) => text.parse().map_err(|why| AmqpError::Address(format!("{QUEUE_TYPE}: {why}")))?,
        };
        let roots = match parameter(address, ROOTS) {
            None => None,
            Some(file) => Some(
                std::fs::read_to_string(file)
                    .map_err(|why| AmqpError::Address(format!("{ROOTS}: {file} cannot be read: {why}")))?,
            ),
        };
        Ok(Self {
            uri,
            roots,
            name: "jobapp".to_owned(),
            queue_type,
            connect_within: Duration::from_secs(10),
            confirm_within: Duration::from_secs(8),
            answer_within: Duration::from_secs(10),
            pauses: (Duration::from_millis(100), Duration::from_secs(5)),
            largest_body: LARGEST_BODY,
        })
    }

    /// The same, under this name.
    #[must_use]
    pub fn named(self, name: impl Into<String>) -> Self {
        Self { name: name.into(), ..self }
    }

    /// The same, whose queues are of this type.
    #[must_use]
    pub fn of_type(self, queue_type: QueueType) -> Self {
        Self { queue_type, ..self }
    }
}

/// A parameter of an address; the client drops those that it does not know.
fn parameter<'a>(address: &'a str, name: &str) -> Option<&'a str> {
    let (_, parameters) = address.split_once('?')?;
    parameters
        .split('&')
        .filter_map(|one| one.split_once('='))
        .find(|(known, _)| *known == name)
        .map(|(_, value)| value)
}

/// Without the password.
impl fmt::Debug for AmqpConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let authority = &self.uri.authority;
        let place = format!("{}://{}:{}/{}", self.uri.scheme, authority.host, authority.port, self.uri.vhost);
        f.debug_struct("AmqpConfig")
            .field("place", &place)
            .field("name", &self.name)
            .field("queue_type", &self.queue_type)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_says_all_that_has_to_be_known() {
        let config = AmqpConfig::new("amqp://mq.test").unwrap();
        assert_eq!((config.uri.vhost.as_str(), config.uri.query.heartbeat), ("/", Some(10)));
        assert_eq!(config.queue_type, QueueType::Quorum);
        let config = AmqpConfig::new("amqps://a:b@mq.test:5/here?heartbeat=20&queue_type=classic").unwrap();
        assert_eq!((config.uri.vhost.as_str(), config.uri.query.heartbeat), ("here", Some(20)));
        assert_eq!(config.queue_type, QueueType::Classic);
        AmqpConfig::new("amqp://mq.test/?queue_type=round").unwrap_err();
        let error = AmqpConfig::new("amqps://mq.test/?cacertfile=/not/there.pem").unwrap_err();
        assert!(error.to_string().contains("/not/there.pem"), "{error}");
    }
}
