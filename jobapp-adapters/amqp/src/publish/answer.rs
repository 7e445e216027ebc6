//! What became of a letter.

use std::sync::Arc;

use crate::AmqpError;

/// What became of a letter that is not safe with the broker.
#[derive(Debug, Clone)]
pub(crate) enum NotTaken {
    /// No queue is bound for it: it is stored nowhere.
    Unroutable,
    /// It is unknown whether it is stored.
    Unknown(Arc<AmqpError>),
}

impl From<AmqpError> for NotTaken {
    fn from(error: AmqpError) -> Self {
        Self::Unknown(Arc::new(error))
    }
}

/// What became of a letter.
pub(crate) type Answer = Result<(), NotTaken>;
