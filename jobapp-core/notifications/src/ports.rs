//! What sending a mail needs from outside.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use jobapp_kernel::{ErrorKind, Kinded, Timestamp};

use crate::{Mail, Template};

/// Which mail of which message: the same however often the message is delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailId {
    /// The id of the message that asked for it.
    pub message: String,
    /// The kind of mail. A message asks for each kind once at most.
    pub template: Template,
    /// When what the mail tells of happened.
    pub at: Timestamp,
}

impl fmt::Display for MailId {
    /// Prints what tells mails apart: the message and the template.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.template, self.message)
    }
}

/// Why a mail was not sent.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// Mails cannot be sent now; the same mail may be sent later.
    #[error("mails cannot be sent at the moment")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    /// This mail can never be sent: the address is wrong or was refused for good, or its template cannot be filled.
    #[error("the mail can never be sent: {reason}")]
    Rejected {
        /// Why.
        reason: String,
    },
}

impl MailError {
    /// Mails cannot be sent now because of `source`.
    pub fn unavailable(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Unavailable(source.into())
    }

    /// This mail can never be sent, for this `reason`.
    pub fn rejected(reason: impl fmt::Display) -> Self {
        Self::Rejected { reason: reason.to_string() }
    }
}

impl Kinded for MailError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Unavailable(_) => ErrorKind::Unavailable,
            Self::Rejected { .. } => ErrorKind::Invalid,
        }
    }
}

/// Puts a mail into words and sends it.
#[async_trait]
pub trait Mailer: Send + Sync {
    /// Returns once the mail is safe with whoever delivers it, and gives up within [`crate::SENDING_TAKES`]. Where that is possible, sending the same `id` again replaces
    /// the mail instead of adding one.
    async fn send(&self, id: &MailId, mail: &Mail) -> Result<(), MailError>;
}

/// The sent records could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("the records of sent mails are not available")]
pub struct SentRecordsError(#[source] pub Box<dyn Error + Send + Sync>);

/// What [`SentRecords::claim`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// Nobody sent it and nobody is about to: it is the claimant's to send, for the time it asked for.
    Free(ClaimToken),
    /// Somebody else is about to send it.
    Busy,
    /// It was sent.
    Sent,
}

/// What tells a claim apart from a later one of the same mail.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ClaimToken(pub String);

/// Remembers which mails were sent, for at least as long as a message may be delivered again, and who is about to send one:
/// of several processes that are given the same message at once, one sends its mail.
///
/// A claim is not a record. It ends by itself, so that a process that died in the middle keeps no mail back for ever; a
/// record stays. All of it is atomic: two claimants are never both told that a mail is free.
#[async_trait]
pub trait SentRecords: Send + Sync {
    /// Claims a mail for `time`. The same claimant that asks again finds it busy too.
    async fn claim(&self, id: &MailId, time: Duration) -> Result<Claim, SentRecordsError>;

    /// It was sent: whoever claims it from now on is told so, whatever became of the claim. Recording it again changes nothing.
    async fn record(&self, id: &MailId) -> Result<(), SentRecordsError>;

    /// It was not sent after all: free for the next claimant. Changes nothing when the claim is over, even if somebody else has
    /// claimed the mail since.
    async fn give_back(&self, id: &MailId, claim: &ClaimToken) -> Result<(), SentRecordsError>;
}
