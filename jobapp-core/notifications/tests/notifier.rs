//! Each mail once, on a mailer and records in memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use jobapp_memory::{MemoryMailer, MemorySentRecords};

use jobapp_kernel::{ErrorKind, Kinded as _, Timestamp};
use jobapp_notifications::{Mail, MailError, MailId, Mailer, Notifier, NotifyError, Refused, Request, Template};

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
    let mails = vec![Err(Refused::NoReceiver { template: Template::OrderPlaced }), Ok(a_mail(Template::OrderReceipt))];
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

/// A mail host that takes the mail and says so only when it is told to.
struct Slow {
    inner: Arc<MemoryMailer>,
    taken: tokio::sync::Semaphore,
    go_on: tokio::sync::Semaphore,
}

#[async_trait]
impl Mailer for Slow {
    async fn send(&self, id: &MailId, mail: &Mail) -> Result<(), MailError> {
        self.inner.send(id, mail).await?;
        self.taken.add_permits(1);
        self.go_on.acquire().await.unwrap().forget();
        Ok(())
    }
}

#[tokio::test]
async fn two_processes_that_are_given_a_message_at_once_send_one_mail() {
    let inner = Arc::new(MemoryMailer::default());
    let closed = || tokio::sync::Semaphore::new(0);
    let slow = Arc::new(Slow { inner: inner.clone(), taken: closed(), go_on: closed() });
    let records = Arc::new(MemorySentRecords::default());
    let one = Notifier::new(slow.clone(), records.clone());
    let other = Notifier::new(inner.clone(), records);
    let mails = || vec![Ok(a_mail(Template::OtpEmail))];

    let sending = tokio::spawn(async move { one.notify(&request("a"), mails()).await });
    slow.taken.acquire().await.unwrap().forget();
    // The broker lost its connection to the first and gives the message to the second.
    let error = other.notify(&request("a"), mails()).await.unwrap_err();
    assert!(matches!(error, NotifyError::Busy(_)) && error.kind() == ErrorKind::Unavailable);
    slow.go_on.add_permits(1);
    sending.await.unwrap().unwrap();
    other.notify(&request("a"), mails()).await.unwrap();
    assert_eq!(inner.sent().len(), 1);
}
