//! Sending each mail once.

use std::sync::Arc;

use jobapp_kernel::{ErrorKind, Kinded, Timestamp};

use crate::{Mail, MailError, MailId, Mailer, Refused, SentRecords, SentRecordsError};

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
}

impl Kinded for NotifyError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Refused(_) => ErrorKind::Invalid,
            Self::Mail(error) => error.kind(),
            Self::Records(_) => ErrorKind::Unavailable,
        }
    }
}

/// Sends the mails of messages, each once.
///
/// The bound: between the mailer's answer and the record there is a moment. A process that is killed in it sends that one
/// mail again when the message is delivered again; a mailer that replaces a mail by its id leaves no trace of that.
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
        if !request.certainly_new && self.records.was_sent(&id).await? {
            return Ok(());
        }
        self.mailer.send(&id, mail).await?;
        self.records.record(&id).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{MemoryMailer, MemorySentRecords, Template};
    use std::collections::BTreeMap;

    fn a_mail(template: Template) -> Mail {
        Mail { to: "marta@example.org".into(), template, variables: BTreeMap::new() }
    }

    fn request(message: &str) -> Request {
        Request { message: message.into(), at: Timestamp::EPOCH, certainly_new: false }
    }

    fn notifier() -> (Arc<MemoryMailer>, Notifier) {
        let mailer = Arc::new(MemoryMailer::default());
        (mailer.clone(), Notifier::new(mailer, Arc::new(MemorySentRecords::default())))
    }

    fn templates(mailer: &MemoryMailer) -> Vec<Template> {
        mailer.sent().iter().map(|sent| sent.mail.template).collect()
    }

    #[tokio::test]
    async fn a_message_that_comes_again_mails_nobody_twice() {
        let (mailer, notifier) = notifier();
        for _ in 0..3 {
            notifier.notify(&request("a"), vec![Ok(a_mail(Template::VerifyEmail))]).await.unwrap();
        }
        notifier.notify(&request("b"), vec![Ok(a_mail(Template::VerifyEmail))]).await.unwrap();
        assert_eq!(mailer.sent().len(), 2);
    }

    #[tokio::test]
    async fn only_the_mail_that_failed_is_sent_again() {
        let (mailer, notifier) = notifier();
        let both = || vec![Ok(a_mail(Template::OrderPlaced)), Ok(a_mail(Template::OrderReceipt))];
        notifier.notify(&request("a"), both()[..1].to_vec()).await.unwrap();
        mailer.go_away();
        let error = notifier.notify(&request("a"), both()).await.unwrap_err();
        assert!(error.kind().retryable());
        mailer.come_back();
        notifier.notify(&request("a"), both()).await.unwrap();
        assert_eq!(templates(&mailer), [Template::OrderPlaced, Template::OrderReceipt]);
    }

    #[tokio::test]
    async fn a_refused_mail_does_not_keep_the_other_back() {
        let (mailer, notifier) = notifier();
        let refused = Refused::NoReceiver { template: Template::OrderPlaced };
        let mails = vec![Err(refused.clone()), Ok(a_mail(Template::OrderReceipt))];
        let error = notifier.notify(&request("a"), mails).await.unwrap_err();
        assert!(matches!(error, NotifyError::Refused(reason) if reason == refused));
        assert_eq!(templates(&mailer), [Template::OrderReceipt]);
    }

    #[tokio::test]
    async fn a_failure_that_may_pass_counts_more_than_one_that_will_not() {
        let (mailer, notifier) = notifier();
        mailer.go_away();
        let mails =
            vec![Err(Refused::NoReceiver { template: Template::OrderPlaced }), Ok(a_mail(Template::OrderReceipt))];
        assert!(notifier.notify(&request("a"), mails).await.unwrap_err().kind().retryable());
    }

    #[tokio::test]
    async fn equal_messages_without_an_id_are_two_messages() {
        let (mailer, notifier) = notifier();
        let request = Request { certainly_new: true, ..request("body") };
        for _ in 0..2 {
            notifier.notify(&request, vec![Ok(a_mail(Template::ResetPasswordSuccess))]).await.unwrap();
        }
        assert_eq!(mailer.sent().len(), 2);
    }

    #[tokio::test]
    async fn a_rejected_mail_is_not_worth_another_try() {
        let (mailer, notifier) = notifier();
        mailer.reject();
        let error = notifier.notify(&request("a"), vec![Ok(a_mail(Template::Offer))]).await.unwrap_err();
        assert!(!error.kind().retryable());
    }
}
