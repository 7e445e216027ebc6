//! What sending a mail needs from outside.

use std::collections::BTreeSet;
use std::error::Error;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

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
    /// Returns once the mail is safe with whoever delivers it. Where that is possible, sending the same `id` again replaces
    /// the mail instead of adding one.
    async fn send(&self, id: &MailId, mail: &Mail) -> Result<(), MailError>;
}

/// The sent records could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("the records of sent mails are not available")]
pub struct SentRecordsError(#[source] pub Box<dyn Error + Send + Sync>);

/// Remembers which mails were sent, for at least as long as a message may be delivered again.
#[async_trait]
pub trait SentRecords: Send + Sync {
    /// Whether this mail was recorded.
    async fn was_sent(&self, id: &MailId) -> Result<bool, SentRecordsError>;

    /// Records that this mail was sent. Recording it again changes nothing.
    async fn record(&self, id: &MailId) -> Result<(), SentRecordsError>;
}

/// Sent records in memory.
#[derive(Debug, Default)]
pub struct MemorySentRecords(Mutex<BTreeSet<String>>);

#[async_trait]
impl SentRecords for MemorySentRecords {
    async fn was_sent(&self, id: &MailId) -> Result<bool, SentRecordsError> {
        Ok(lock(&self.0).contains(&id.to_string()))
    }

    async fn record(&self, id: &MailId) -> Result<(), SentRecordsError> {
        lock(&self.0).insert(id.to_string());
        Ok(())
    }
}

/// A mail that a [`MemoryMailer`] was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentMail {
    /// Which mail of which message it is.
    pub id: MailId,
    /// The mail.
    pub mail: Mail,
}

/// Keeps mails in memory, every one of them, and can be told to fail.
#[derive(Debug, Default)]
pub struct MemoryMailer {
    sent: Mutex<Vec<SentMail>>,
    attempts: AtomicUsize,
    failing: Mutex<Option<Failing>>,
}

#[derive(Debug, Clone, Copy)]
enum Failing {
    Away,
    Rejecting,
}

impl MemoryMailer {
    /// What was sent, in order.
    pub fn sent(&self) -> Vec<SentMail> {
        lock(&self.sent).clone()
    }

    /// How often it was asked to send a mail, whether it did or not.
    pub fn attempts(&self) -> usize {
        self.attempts.load(Ordering::SeqCst)
    }

    /// From now on every mail fails as [`MailError::Unavailable`].
    pub fn go_away(&self) {
        *lock(&self.failing) = Some(Failing::Away);
    }

    /// From now on every mail fails as [`MailError::Rejected`].
    pub fn reject(&self) {
        *lock(&self.failing) = Some(Failing::Rejecting);
    }

    /// From now on mails are taken again.
    pub fn come_back(&self) {
        *lock(&self.failing) = None;
    }
}

#[async_trait]
impl Mailer for MemoryMailer {
    async fn send(&self, id: &MailId, mail: &Mail) -> Result<(), MailError> {
        self.attempts.fetch_add(1, Ordering::SeqCst);
        match *lock(&self.failing) {
            Some(Failing::Away) => Err(MailError::unavailable("the mailer was told to be away")),
            Some(Failing::Rejecting) => Err(MailError::rejected("the mailer was told to reject")),
            None => {
                lock(&self.sent).push(SentMail { id: id.clone(), mail: mail.clone() });
                Ok(())
            }
        }
    }
}

/// A panic of another test thread leaves nothing half done here.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
