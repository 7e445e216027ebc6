//! One port replaced by your own: mails go where you want them to go.
//!
//! ```text
//! cargo run --example own_port
//! ```
//!
//! In your own `Cargo.toml`: `jobapp = { …, features = ["services"] }`, and `async-trait` for the trait.
//!
//! A port is a trait that the core asks for and you may implement. Here it is [`Mailer`], and the notification service is
//! given ours. The service neither knows nor cares; what we owe it is an honest answer. This mailer is down the first time
//! it is asked, says so, and is asked again. Then the same message arrives a second time, as messages do, and the mailer
//! is not asked at all.
#![expect(clippy::print_stdout, reason = "an example speaks to its reader")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, ensure};
use async_trait::async_trait;
use jobapp::adapters::memory::{MemoryBus, MemorySentRecords};
use jobapp::kernel::{Message, MessageId, Publisher, Subscriber, Timestamp};
use jobapp::notifications::{Mail, MailError, MailId, Mailer};
use jobapp::platform::Service;
use jobapp::runtime::{STOP_LIMIT, Shutdown, spawn_consumers};
use jobapp::services::notification::NotificationService;
use jobapp::wire::messages::AccountMail;
use jobapp::wire::queues::{AUTH_EMAIL, EMAIL_NOTIFICATION};
use tokio::sync::mpsc;

/// Hands mails to the program it runs in. Yours may call a web API, or write them on postcards.
struct OwnMailer {
    sent: mpsc::UnboundedSender<Mail>,
    asked: AtomicUsize,
}

#[async_trait]
impl Mailer for OwnMailer {
    async fn send(&self, id: &MailId, mail: &Mail) -> Result<(), MailError> {
        if self.asked.fetch_add(1, Ordering::SeqCst) == 0 {
            println!("OwnMailer: asked for \"{id}\", but my line is down.");
            // Unavailable is worth another try; MailError::rejected would make the message a dead letter.
            return Err(MailError::unavailable("the line is down"));
        }
        println!("OwnMailer: asked for \"{id}\", done.");
        self.sent.send(mail.clone()).map_err(MailError::unavailable)
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    run().await
}

/// The whole example.
///
/// # Errors
/// The first thing that is not as it says.
pub async fn run() -> anyhow::Result<()> {
    let (sent, mut mails) = mpsc::unbounded_channel();
    let mailer = Arc::new(OwnMailer { sent, asked: AtomicUsize::new(0) });

    // The one line that matters: the service takes any Mailer. Every service takes all its ports so.
    let service = NotificationService::new(mailer.clone(), Arc::new(MemorySentRecords::default()));

    // Its consumers on a bus in memory. Usually a message waits a second before it comes again; we have no patience.
    let bus = MemoryBus::new().with_longest_retry(Duration::from_millis(50));
    let shutdown = Shutdown::new();
    let subscriber: Arc<dyn Subscriber> = Arc::new(bus.clone());
    spawn_consumers(&subscriber, service.consumers(), shutdown.token(), shutdown.tracker()).await?;

    println!("Somebody forgot a password: a message for the notification service.");
    let message = forgot_password()?;
    bus.publish_one(&message).await?;
    let mail = tokio::time::timeout(Duration::from_secs(30), mails.recv()).await?.context("no mail")?;
    println!("The mail: {} to {}, with {:?}", mail.template, mail.to, mail.variables);
    ensure!(mail.to == "marta@example.org", "it goes to {}", mail.to);
    ensure!(mailer.asked.load(Ordering::SeqCst) == 2, "once in vain, once not");

    println!("The same message comes a second time.");
    until_idle(&bus).await?;
    bus.publish_one(&message).await?;
    until_idle(&bus).await?;
    ensure!(mailer.asked.load(Ordering::SeqCst) == 2 && mails.is_empty(), "nobody is mailed twice");
    println!("Nobody was asked: it was sent.");

    ensure!(shutdown.stop(STOP_LIMIT).await, "the consumers end by themselves");
    ensure!(bus.depths()[AUTH_EMAIL.name].dead == 0, "no message was given up");
    Ok(())
}

/// What the auth service publishes when somebody asks for a new password.
fn forgot_password() -> anyhow::Result<Message> {
    let body = AccountMail {
        template: "forgotPassword".into(),
        receiver_email: Some("marta@example.org".into()),
        username: Some("Marta".into()),
        reset_link: Some("https://app.example.org/reset_password?token=0a1b".into()),
        ..AccountMail::default()
    };
    Ok(Message {
        // By its id a message is known when it comes again.
        id: Some(MessageId("account/1/7/0#0".into())),
        kind: body.template.clone(),
        exchange: EMAIL_NOTIFICATION.name.into(),
        routing_key: AUTH_EMAIL.routing_key.into(),
        timestamp: "2026-11-24T10:00:00Z".parse::<Timestamp>()?,
        headers: BTreeMap::new(),
        body: serde_json::to_vec(&body)?,
    })
}

/// Waits until every message was handled.
async fn until_idle(bus: &MemoryBus) -> anyhow::Result<()> {
    let idle = async {
        while !bus.is_idle() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), idle).await.context("the bus is still busy")
}
