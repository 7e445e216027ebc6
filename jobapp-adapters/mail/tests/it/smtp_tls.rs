//! Handing over mails that nobody reads on the way.

use std::collections::BTreeMap;
use std::time::Duration;

use jobapp_kernel::Timestamp;
use jobapp_mail::SmtpConfig;
use jobapp_notifications::{Mail, MailError, MailId, Mailer, Template};

use crate::host::{Does, Heard, Host, mailer};

async fn send(url: &str) -> Result<(), MailError> {
    let mut config = SmtpConfig::from_url(url).unwrap();
    config.patience = Duration::from_secs(20);
    let mailer = mailer(config);
    let variables = BTreeMap::from([("username", "Marta".to_owned()), ("otp", "408152".to_owned())]);
    let mail = Mail { to: "marta@example.org".into(), template: Template::OtpEmail, variables };
    let id = MailId { message: "a".into(), template: Template::OtpEmail, at: Timestamp::EPOCH };
    mailer.send(&id, &mail).await
}

fn is_away(sent: Result<(), MailError>) -> bool {
    matches!(sent, Err(MailError::Unavailable(_)))
}

#[tokio::test]
async fn nothing_of_a_mail_is_said_before_it_is_encrypted() {
    let host = Host::polite().await;
    send(&host.url("smtp://me:hush@", &host.trusted())).await.unwrap();
    let plain: Vec<String> =
        host.heard().into_iter().filter(|heard| !heard.encrypted).map(|heard| heard.line).collect();
    assert_eq!(plain, ["hello", "EHLO jobapp.example", "STARTTLS"]);
    assert!(host.heard_a("AUTH PLAIN"));
    assert_eq!(host.texts().len(), 1);
}

#[tokio::test]
async fn a_host_may_encrypt_from_the_first_byte_on() {
    let host = Host::encrypted().await;
    send(&host.url("smtps://me:hush@", &host.trusted())).await.unwrap();
    assert!(host.heard().iter().all(|heard| heard.encrypted));
    assert_eq!(host.texts().len(), 1);
}

#[tokio::test]
async fn a_host_that_does_not_encrypt_is_told_nothing() {
    for (line, does) in [
        ("EHLO", Does::Says("250-host.test\r\n250 AUTH PLAIN")),
        ("STARTTLS", Does::Says("454 not now")),
        ("STARTTLS", Does::Says("502 no")),
    ] {
        let manners = move |heard: &Heard| heard.line.starts_with(line).then(|| does.clone());
        let host = Host::with(manners).await;
        assert!(is_away(send(&host.url("smtp://me:hush@", &host.trusted())).await));
        assert!(!host.heard_a("AUTH") && !host.heard_a("MAIL"), "{:?}", host.heard());
    }
}

#[tokio::test]
async fn a_host_that_cannot_show_who_it_is_is_told_nothing() {
    let (plain, encrypted, other) = (Host::polite().await, Host::encrypted().await, Host::polite().await);
    assert!(is_away(send(&plain.url("smtp://me:hush@", &other.trusted())).await));
    assert!(is_away(send(&encrypted.url("smtps://me:hush@", &other.trusted())).await));
    for host in [plain, encrypted] {
        assert!(!host.heard_a("AUTH") && !host.heard_a("MAIL"));
    }
}

#[tokio::test]
async fn a_host_that_does_not_know_us_is_in_the_way_of_all_mails_and_rejects_none() {
    let stranger = |heard: &Heard| heard.line.starts_with("AUTH").then_some(Does::Says("535 wrong"));
    let host = Host::with(stranger).await;
    assert!(is_away(send(&host.url("smtp://me:hush@", &host.trusted())).await));
    assert!(!host.heard_a("MAIL"));
}

#[tokio::test]
async fn words_put_in_before_it_is_encrypted_make_no_mail_a_sent_one() {
    let injected = |heard: &Heard| {
        // What somebody on the way adds is taken for the answers to what is asked later.
        let words = "220 go on\r\n250-host.test\r\n250 AUTH PLAIN\r\n235 welcome\r\n250 fine\r\n250 fine";
        match heard.line.as_str() {
            "STARTTLS" => Some(Does::Says(words)),
            "." => Some(Does::Says("554 not this one")),
            _ => None,
        }
    };
    let host = Host::with(injected).await;
    assert!(send(&host.url("smtp://me:hush@", &host.trusted())).await.is_err());
    assert!(host.texts().is_empty());
}
