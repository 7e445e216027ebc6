//! What every mailer and every record of sent mails promises.
//!
//! ```ignore
//! jobapp_contracts::sent_records!(super::fresh_records()); // a future of `jobapp_contracts::mail::Records`
//! jobapp_contracts::mailer!(super::a_fresh_mailer()); // a future of `jobapp_contracts::mail::Post`
//! ```

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::future::{BoxFuture, join_all};
use jobapp_kernel::Timestamp;
use jobapp_notifications::{Claim, ClaimToken, Mail, MailId, Mailer, SentRecords, Template};

/// Longer than any test.
const LONG: Duration = Duration::from_secs(3600);

/// Records without any mail in them.
#[derive(Clone)]
pub struct Records {
    /// What is promised about.
    pub records: Arc<dyn SentRecords>,
    /// Another process's handle on the same records; the same one where only one process has them.
    pub elsewhere: Arc<dyn SentRecords>,
    /// What must live as long, such as a temporary folder.
    pub keep: Arc<dyn Any + Send + Sync>,
}

impl fmt::Debug for Records {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Records").finish_non_exhaustive()
    }
}

impl Records {
    /// Records that belong to one process.
    pub fn of_one_process(records: Arc<dyn SentRecords>) -> Self {
        Self { elsewhere: Arc::clone(&records), records, keep: Arc::new(()) }
    }

    /// The same, with something that must live as long.
    #[must_use]
    pub fn keeping(self, keep: impl Any + Send + Sync) -> Self {
        Self { keep: Arc::new(keep), ..self }
    }
}

fn id(message: &str) -> MailId {
    MailId { message: message.to_owned(), template: Template::OtpEmail, at: Timestamp::EPOCH }
}

async fn claimed(records: &dyn SentRecords, id: &MailId, time: Duration) -> ClaimToken {
    match records.claim(id, time).await.unwrap() {
        Claim::Free(claim) => claim,
        taken => panic!("{id} should be free and is {taken:?}"),
    }
}

/// A mail nobody claimed is free; while a claim lasts it is busy, for other processes too, and for the claimant.
pub async fn a_claimed_mail_is_busy(of: &Records) {
    claimed(&*of.records, &id("a"), LONG).await;
    assert_eq!(of.records.claim(&id("a"), LONG).await.unwrap(), Claim::Busy);
    assert_eq!(of.elsewhere.claim(&id("a"), LONG).await.unwrap(), Claim::Busy);
}

/// Another message, or another kind of mail of the same one, is another mail. Another time is not.
pub async fn a_mail_is_its_message_and_its_template(of: &Records) {
    claimed(&*of.records, &id("a"), LONG).await;
    claimed(&*of.records, &id("b"), LONG).await;
    claimed(&*of.records, &id("a\nb"), LONG).await;
    claimed(&*of.records, &MailId { template: Template::Offer, ..id("a") }, LONG).await;
    let later = MailId { at: Timestamp::EPOCH.plus(Duration::from_secs(1)), ..id("a") };
    assert_eq!(of.records.claim(&later, LONG).await.unwrap(), Claim::Busy);
}

/// Of many who claim a mail at once one gets it.
pub async fn one_of_many_claimants_gets_it(of: &Records) {
    let claiming = (0..32).map(|number| {
        let records = Arc::clone(if number % 2 == 0 { &of.records } else { &of.elsewhere });
        tokio::spawn(async move { records.claim(&id("a"), LONG).await })
    });
    let claims: Vec<Claim> = join_all(claiming).await.into_iter().map(|claim| claim.unwrap().unwrap()).collect();
    assert_eq!(claims.iter().filter(|claim| matches!(claim, Claim::Free(_))).count(), 1);
    assert_eq!(claims.iter().filter(|claim| **claim == Claim::Busy).count(), 31);
}

/// What was recorded was sent, for everybody, however often it is recorded and whatever becomes of the claim.
pub async fn a_recorded_mail_was_sent(of: &Records) {
    let claim = claimed(&*of.records, &id("a"), LONG).await;
    for _ in 0..2 {
        of.records.record(&id("a")).await.unwrap();
    }
    of.records.give_back(&id("a"), &claim).await.unwrap();
    for records in [&of.records, &of.elsewhere] {
        assert_eq!(records.claim(&id("a"), LONG).await.unwrap(), Claim::Sent);
    }
    assert!(matches!(of.records.claim(&id("b"), LONG).await.unwrap(), Claim::Free(_)));
}

/// A mail may be recorded without a claim.
pub async fn a_record_needs_no_claim(of: &Records) {
    of.records.record(&id("a")).await.unwrap();
    assert_eq!(of.elsewhere.claim(&id("a"), LONG).await.unwrap(), Claim::Sent);
}

/// A claim that is given back makes the mail free at once.
pub async fn a_claim_given_back_is_over(of: &Records) {
    let claim = claimed(&*of.records, &id("a"), LONG).await;
    of.elsewhere.give_back(&id("a"), &claim).await.unwrap();
    claimed(&*of.elsewhere, &id("a"), LONG).await;
}

/// The claim of a process that died ends with its time.
pub async fn a_claim_ends_with_its_time(of: &Records) {
    claimed(&*of.records, &id("a"), Duration::from_millis(50)).await;
    let freed = async {
        while of.elsewhere.claim(&id("a"), LONG).await.unwrap() == Claim::Busy {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), freed).await.expect("the claim ends");
    assert_eq!(of.records.claim(&id("a"), LONG).await.unwrap(), Claim::Busy, "the new claim lasts");
}

/// Whoever gives back a claim that is over takes nothing from the next claimant.
pub async fn a_late_return_ends_no_newer_claim(of: &Records) {
    let late = claimed(&*of.records, &id("a"), LONG).await;
    of.records.give_back(&id("a"), &late).await.unwrap();
    let newer = claimed(&*of.elsewhere, &id("a"), LONG).await;
    of.records.give_back(&id("a"), &late).await.unwrap();
    assert_eq!(of.records.claim(&id("a"), LONG).await.unwrap(), Claim::Busy);
    of.elsewhere.give_back(&id("a"), &newer).await.unwrap();
    claimed(&*of.records, &id("a"), LONG).await;
}

/// A mail whose sender's time was over and that was sent all the same was sent.
pub async fn a_late_record_counts(of: &Records) {
    let late = claimed(&*of.records, &id("a"), LONG).await;
    of.records.give_back(&id("a"), &late).await.unwrap();
    let newer = claimed(&*of.elsewhere, &id("a"), LONG).await;
    of.records.record(&id("a")).await.unwrap();
    of.elsewhere.give_back(&id("a"), &newer).await.unwrap();
    assert_eq!(of.elsewhere.claim(&id("a"), LONG).await.unwrap(), Claim::Sent);
}

/// Makes one test of each promise of `SentRecords`. The argument makes a future of fresh
/// [`Records`](crate::mail::Records).
#[macro_export]
macro_rules! sent_records {
    ($factory:expr) => {
        $crate::__suite! { $factory, $crate::mail::Records, [$crate::mail], sent_records:
            a_claimed_mail_is_busy
            a_mail_is_its_message_and_its_template
            one_of_many_claimants_gets_it
            a_recorded_mail_was_sent
            a_record_needs_no_claim
            a_claim_given_back_is_over
            a_claim_ends_with_its_time
            a_late_return_ends_no_newer_claim
            a_late_record_counts
        }
    };
}

/// Says which mails arrived: receiver and template, the oldest first.
pub type Arrived = Arc<dyn Fn() -> BoxFuture<'static, Vec<(String, Template)>> + Send + Sync>;

/// A mailer that sent nothing yet.
#[derive(Clone)]
pub struct Post {
    /// What is promised about.
    pub mailer: Arc<dyn Mailer>,
    /// What arrived where mails go.
    pub arrived: Arrived,
    /// Whether sending a mail again replaces it.
    pub replaces: bool,
    /// What must live as long, such as a temporary folder.
    pub keep: Arc<dyn Any + Send + Sync>,
}

impl fmt::Debug for Post {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Post").finish_non_exhaustive()
    }
}

fn code_for(receiver: &str, code: &str) -> Mail {
    let variables = [("username", "Marta"), ("otp", code)];
    let variables: BTreeMap<_, _> = variables.map(|(name, value)| (name, value.into())).into();
    Mail { to: receiver.to_owned(), template: Template::OtpEmail, variables }
}

/// A mail that was sent has arrived, at its receiver.
pub async fn a_mail_arrives(of: &Post) {
    of.mailer.send(&id("a"), &code_for("marta@example.org", "408152")).await.unwrap();
    of.mailer.send(&id("b"), &code_for("iria@example.org", "408153")).await.unwrap();
    let mut arrived = (of.arrived)().await;
    arrived.sort_by(|one, other| one.0.cmp(&other.0));
    let receivers: Vec<&str> = arrived.iter().map(|(receiver, _)| receiver.as_str()).collect();
    assert_eq!(receivers, ["iria@example.org", "marta@example.org"]);
    assert!(arrived.iter().all(|(_, template)| *template == Template::OtpEmail));
}

/// Sending a mail again replaces it where that is possible; elsewhere it arrives again, which is why it is recorded.
pub async fn a_mail_that_is_sent_again_is_the_same_mail(of: &Post) {
    for _ in 0..2 {
        of.mailer.send(&id("a"), &code_for("marta@example.org", "408152")).await.unwrap();
    }
    assert_eq!((of.arrived)().await.len(), if of.replaces { 1 } else { 2 });
}

/// Mails sent at once all arrive.
pub async fn mails_sent_at_once_all_arrive(of: &Post) {
    let sending = (0..16).map(|number| {
        let mailer = Arc::clone(&of.mailer);
        tokio::spawn(
            async move { mailer.send(&id(&number.to_string()), &code_for("marta@example.org", "408152")).await },
        )
    });
    for sent in join_all(sending).await {
        sent.unwrap().unwrap();
    }
    assert_eq!((of.arrived)().await.len(), 16);
}

/// Makes one test of each promise of `Mailer`. The argument makes a future of a fresh [`Post`](crate::mail::Post).
#[macro_export]
macro_rules! mailer {
    ($factory:expr) => {
        $crate::__suite! { $factory, $crate::mail::Post, [$crate::mail], mailer:
            a_mail_arrives
            a_mail_that_is_sent_again_is_the_same_mail
            mails_sent_at_once_all_arrive
        }
    };
}
