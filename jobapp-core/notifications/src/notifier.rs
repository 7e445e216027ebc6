//! Sending each mail once.

use std::sync::Arc;
use std::time::Duration;

use jobapp_kernel::{ErrorKind, Kinded, Timestamp};

use crate::{Claim, Mail, MailError, MailId, Mailer, Refused, SentRecords, SentRecordsError};

/// How long a mailer may take for one mail.
pub const SENDING_TAKES: Duration = Duration::from_secs(60);

/// How long a mail is claimed: long enough for a mailer that takes all its time, and for its record.
const CLAIMED_FOR: Duration = Duration::from_secs(120);

/// Which message asks for mails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The message's id, or, when a foreign producer sent none, a text that is the same for the same body.
    pub message: String,
    /// When what the message tells of happened.
    pub at: Timestamp,
    /// Whether it cannot have been handled before. Two messages without an id and with the same body are two messages, so
    /// the first attempt at one of them must not be taken for a repetition.
    pub certainly_new: bool,
}

/// Why not every mail of a message was sent. The ones that were sent are recorded and are not sent again with it.
#[derive(Debug, thiserror::Error)]
pub enum NotifyError {
    /// A mail cannot be made of the message.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The mailer did not take it.
    #[error(transparent)]
    Mail(#[from] MailError),
    /// Whether it was sent cannot be told, or not be remembered.
    #[error(transparent)]
    Records(#[from] SentRecordsError),
    /// Somebody else is about to send it. Whether that worked is seen when the message comes again.
    #[error("another process is about to send the mail {0}")]
    Busy(MailId),
}

impl Kinded for NotifyError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Refused(_) => ErrorKind::Invalid,
            Self::Mail(error) => error.kind(),
            Self::Records(_) | Self::Busy(_) => ErrorKind::Unavailable,
        }
    }
}

/// Sends the mails of messages, each once, however many processes do so.
///
/// The bound: between the mailer's answer and the record there is a moment. A process that is killed in it sends that one
/// mail again when the message is delivered again, once its claim is over; a mailer that replaces a mail by its id leaves no
/// trace of that.
#[derive(Clone)]
pub struct Notifier {
    mailer: Arc<dyn Mailer>,
    records: Arc<dyn SentRecords>,
}

impl Notifier {
    /// A notifier that sends through `mailer` and remembers in `records`.
    pub fn new(mailer: Arc<dyn Mailer>, records: Arc<dyn SentRecords>) -> Self {
        Self { mailer, records }
    }

    /// Sends the mails of one message that were not sent yet. One that fails does not keep the others back.
    ///
    /// # Errors
    /// The first failure that may pass, or else the first one: so a message comes again as long as that may help.
    pub async fn notify(&self, request: &Request, mails: Vec<Result<Mail, Refused>>) -> Result<(), NotifyError> {
        let mut failure: Option<NotifyError> = None;
        for mail in mails {
            let sent = match mail {
                Ok(mail) => self.send_once(request, &mail).await,
                Err(refused) => Err(refused.into()),
            };
            if let Err(error) = sent
                && failure.as_ref().is_none_or(|earlier| error.kind().retryable() && !earlier.kind().retryable())
            {
                failure = Some(error);
            }
        }
        failure.map_or(Ok(()), Err)
    }

    async fn send_once(&self, request: &Request, mail: &Mail) -> Result<(), NotifyError> {
        let id = MailId { message: request.message.clone(), template: mail.template, at: request.at };
        if request.certainly_new {
            self.mailer.send(&id, mail).await?;
            return Ok(self.records.record(&id).await?);
        }
        let claim = match self.records.claim(&id, CLAIMED_FOR).await? {
            Claim::Sent => return Ok(()),
            Claim::Busy => return Err(NotifyError::Busy(id)),
            Claim::Free(claim) => claim,
        };
        if let Err(error) = self.mailer.send(&id, mail).await {
            // Otherwise the next attempt would wait for the end of this one's claim.
            self.records.give_back(&id, &claim).await?;
            return Err(error.into());
        }
        Ok(self.records.record(&id).await?)
    }
}
