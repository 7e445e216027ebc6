//! Why the broker did not do what it was asked for.

use std::time::Duration;

use lapin::ErrorKind;
use lapin::protocol::{AMQPErrorKind, AMQPHardError, AMQPSoftError};

/// Why the broker did not do what it was asked for.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AmqpError {
    /// The address cannot be read.
    #[error("the address of the broker cannot be read: {0}")]
    Address(String),
    /// The broker does not let us in: a wrong name, password or virtual host.
    #[error("the broker lets nobody in with this name, password and virtual host")]
    Refused(#[source] lapin::Error),
    /// A queue or an exchange is there and is another one than is declared.
    #[error("{what} is there and is another one than is declared; {remedy}")]
    Mismatch {
        /// The queue or the exchange.
        what: String,
        /// What helps.
        remedy: &'static str,
        /// What the broker says.
        source: lapin::Error,
    },
    /// The broker refused something, or the connection broke.
    #[error("the broker refused it, or is away")]
    Broken(#[from] lapin::Error),
    /// There was no answer in time.
    #[error("no answer from the broker within {} ms while {doing}", within.as_millis())]
    Late {
        /// What it was asked for.
        doing: &'static str,
        /// How long it had.
        within: Duration,
    },
    /// There is no connection.
    #[error("there is no connection to the broker ({0})")]
    Away(String),
    /// An alarm of the broker keeps it from taking messages.
    #[error("the broker takes no messages: {0}")]
    Blocked(String),
    /// A name or an id is longer than the protocol has room for.
    #[error("{what} has {length} bytes, and the protocol has room for 255")]
    TooLong {
        /// What it is.
        what: &'static str,
        /// How long it is.
        length: usize,
    },
    /// A body is larger than brokers take.
    #[error("the body has {length} bytes, and the broker takes {limit}")]
    TooLarge {
        /// How long it is.
        length: usize,
        /// How long it may be.
        limit: usize,
    },
    /// The bus is closed.
    #[error("the message bus is closed")]
    Closed,
}

impl AmqpError {
    /// Whether trying again may help without anybody changing a setting, a queue or a right.
    pub const fn may_pass(&self) -> bool {
        !matches!(self, Self::Address(_) | Self::Refused(_) | Self::Mismatch { .. } | Self::TooLong { .. })
    }

    /// Of what a queue or an exchange was declared with.
    pub(crate) fn of_declaring(what: String, remedy: &'static str, source: lapin::Error) -> Self {
        if is_soft(&source, &AMQPSoftError::PRECONDITIONFAILED) {
            return Self::Mismatch { what, remedy, source };
        }
        Self::Broken(source)
    }

    /// Of an attempt to connect.
    pub(crate) fn of_connecting(source: lapin::Error) -> Self {
        match source.kind() {
            ErrorKind::ProtocolError(error)
                if matches!(
                    error.kind(),
                    AMQPErrorKind::Soft(AMQPSoftError::ACCESSREFUSED) | AMQPErrorKind::Hard(AMQPHardError::NOTALLOWED)
                ) =>
            {
                Self::Refused(source)
            }
            ErrorKind::AuthProviderError(_) => Self::Refused(source),
            _ => Self::Broken(source),
        }
    }
}

/// Whether the broker closed a channel for this reason.
pub(crate) fn is_soft(error: &lapin::Error, reason: &AMQPSoftError) -> bool {
    matches!(error.kind(), ErrorKind::ProtocolError(error)
        if matches!(error.kind(), AMQPErrorKind::Soft(soft) if soft == reason))
}

/// Waits for an answer, and not for ever: while it is blocked the broker answers nothing, and a dead one says nothing.
pub(crate) async fn within<T, E: Into<AmqpError>>(
    within: Duration,
    doing: &'static str,
    asking: impl Future<Output = Result<T, E>>,
) -> Result<T, AmqpError> {
    match tokio::time::timeout(within, asking).await {
        Ok(answer) => answer.map_err(Into::into),
        Err(_) => Err(AmqpError::Late { doing, within }),
    }
}
