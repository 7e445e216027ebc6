//! Handing over mails to hosts with all kinds of manners.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jobapp_contracts::mail::Post;
use jobapp_kernel::Timestamp;
use jobapp_mail::{SmtpConfig, SmtpMailer};
use jobapp_notifications::{Mail, MailError, MailId, Mailer, Template};

use crate::host::{Does, Heard, Host, mailer};

/// Longer than any test.
const LONG: Duration = Duration::from_secs(60);
/// Over soon.
const SHORT: Duration = Duration::from_millis(500);

fn id(message: &str) -> MailId {
    MailId { message: message.into(), template: Template::OtpEmail, at: Timestamp::EPOCH }
}

fn to(receiver: &str) -> Mail {
    let variables = BTreeMap::from([("username", "Márta".to_owned()), ("otp", "408152".to_owned())]);
    Mail { to: receiver.into(), template: Template::OtpEmail, variables }
}

async fn send(mailer: &SmtpMailer, message: &str) -> Result<(), MailError> {
    mailer.send(&id(message), &to("marta@example.org")).await
}

/// What the host does at this line of its first connection.
fn first(line: &'static str, does: Does) -> impl Fn(&Heard) -> Option<Does> + Send + Sync + 'static {
    move |heard: &Heard| (heard.connection == 0 && heard.line.starts_with(line)).then(|| does.clone())
}

async fn until(what: &str, is_so: impl Fn() -> bool) {
    let waiting = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(tokio::time::timeout(LONG, waiting).await.is_ok(), "waited in vain until {what}");
}

async fn post() -> Post {
    let host = Arc::new(Host::polite().await);
    let took = Arc::clone(&host);
    Post {
        mailer: Arc::new(host.mailer(LONG)),
        arrived: Arc::new(move || {
            let arrived = took.texts().iter().map(|text| arrived(text)).collect();
            Box::pin(async move { arrived })
        }),
        replaces: false,
        keep: host,
    }
}

fn header<'a>(text: &'a str, name: &str) -> &'a str {
    let found = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    found.unwrap_or_else(|| panic!("there is no {name} in {text}"))
}

fn arrived(text: &str) -> (String, Template) {
    (header(text, "To").to_owned(), header(text, "X-JobApp-Template").parse().unwrap())
}

jobapp_contracts::mailer!(post());

#[tokio::test]
async fn a_connection_is_used_for_many_mails_and_the_same_mail_has_the_same_id() {
    let host = Host::polite().await;
    let mailer = host.mailer(LONG);
    for message in ["a", "b", "a"] {
        send(&mailer, message).await.unwrap();
    }
    assert_eq!(host.connections(), 1);
    let ids: Vec<String> = host.texts().iter().map(|text| header(text, "Message-ID").to_owned()).collect();
    assert!(ids[0] == ids[2] && ids[0] != ids[1], "{ids:?}");
    assert!(host.heard_a("EHLO jobapp.example"));
    assert!(host.heard_a("MAIL FROM:<no-reply@jobapp.example>") && host.heard_a("RCPT TO:<marta@example.org>"));
}

#[tokio::test]
async fn many_mails_at_once_share_few_connections() {
    let host = Host::polite().await;
    let mailer = host.mailer(LONG);
    let sending = (0..32).map(|number| {
        let mailer = mailer.clone();
        tokio::spawn(async move { send(&mailer, &number.to_string()).await })
    });
    for sent in futures::future::join_all(sending).await {
        sent.unwrap().unwrap();
    }
    assert_eq!(host.texts().len(), 32);
    assert!(host.connections() <= 4, "{}", host.connections());
}

#[tokio::test]
async fn a_no_to_this_mail_is_for_good_and_any_other_may_pass() {
    for (line, answer, for_good) in [
        ("hello", "554 no", false),
        ("hello", "421 later", false),
        ("EHLO", "550 no", false),
        ("MAIL", "550 not you", false),
        ("MAIL", "451 later", false),
        ("RCPT", "550 nobody", true),
        ("RCPT", "553-no such\r\n553 mailbox", true),
        ("RCPT", "450 greylisted", false),
        ("RCPT", "530 who are you", false),
        ("RCPT", "503 not now", false),
        ("DATA", "554 nobody", true),
        ("DATA", "451 later", false),
        (".", "554 spam", true),
        (".", "452 full", false),
        (".", "421 closing", false),
    ] {
        let host = Host::with(first(line, Does::Says(answer))).await;
        let mailer = host.mailer(LONG);
        let error = send(&mailer, "a").await.unwrap_err();
        assert_eq!(matches!(error, MailError::Rejected { .. }), for_good, "{line} {answer}: {error:?}");
        assert!(host.texts().is_empty());
    }
}

#[tokio::test]
async fn a_clear_no_to_one_mail_leaves_the_connection_for_the_next() {
    let refuses = |heard: &Heard| heard.line.contains("<wrong@").then_some(Does::Says("550 nobody"));
    let host = Host::with(refuses).await;
    let mailer = host.mailer(LONG);
    assert!(mailer.send(&id("a"), &to("wrong@example.org")).await.is_err());
    send(&mailer, "b").await.unwrap();
    assert_eq!((host.connections(), host.texts().len()), (1, 1));
}

#[tokio::test]
async fn an_answer_that_does_not_belong_to_the_question_sends_nothing() {
    for (line, answer) in [
        ("MAIL", "354 go on"),
        ("MAIL", "221 goodbye"),
        ("RCPT", "354 go on"),
        ("DATA", "250 fine"),
        (".", "354 go on"),
        (".", "221 goodbye"),
        (".", "what?"),
        (".", ""),
    ] {
        let host = Host::with(first(line, Does::Says(answer))).await;
        let mailer = host.mailer(SHORT);
        let error = send(&mailer, "a").await.unwrap_err();
        assert!(matches!(error, MailError::Unavailable(_)), "{line} {answer}: {error:?}");
        send(&mailer, "b").await.unwrap();
        assert_eq!(host.connections(), 2, "{line} {answer}: nobody knows what comes next on the first");
    }
}

#[tokio::test]
async fn a_host_that_says_nothing_or_hangs_up_is_left() {
    for line in ["hello", "EHLO", "MAIL", "RCPT", "DATA", "."] {
        for does in [Does::Nothing, Does::Leaves] {
            let host = Host::with(first(line, does.clone())).await;
            let mailer = host.mailer(SHORT);
            let error = send(&mailer, "a").await.unwrap_err();
            assert!(matches!(error, MailError::Unavailable(_)), "{line} {does:?}: {error:?}");
            send(&mailer, "b").await.unwrap();
            assert_eq!((host.connections(), host.texts().len()), (2, 1), "{line} {does:?}");
        }
    }
}

#[tokio::test]
async fn a_late_answer_is_not_taken_for_that_to_the_next_mail() {
    let late = |heard: &Heard| match (heard.connection, heard.line.as_str()) {
        (0, ".") => Some(Does::SaysLate("250 the first", SHORT * 2)),
        (_, ".") => Some(Does::Says("554 not the second")),
        _ => None,
    };
    let host = Host::with(late).await;
    let mailer = host.mailer(SHORT);
    assert!(matches!(send(&mailer, "first").await, Err(MailError::Unavailable(_))));
    until("the late answer is given", || host.texts().len() == 1).await;
    let error = send(&mailer, "second").await.unwrap_err();
    assert!(matches!(error, MailError::Rejected { .. }), "{error:?}");
}

#[tokio::test]
async fn a_mail_whose_caller_gave_up_is_handed_over_to_its_end() {
    let slow = first(".", Does::SaysLate("250 fine", SHORT));
    let refuses_the_second = move |heard: &Heard| {
        if heard.line.contains("<second@") { Some(Does::Says("550 nobody")) } else { slow(heard) }
    };
    let host = Host::with(refuses_the_second).await;
    let mailer = host.mailer(LONG);
    let giving_up = async {
        until("the text is told", || host.heard_a(".")).await;
    };
    tokio::select! {
        sent = send(&mailer, "first") => panic!("it was not given up: {sent:?}"),
        () = giving_up => {}
    }
    until("it is taken all the same", || host.texts().len() == 1).await;
    let error = mailer.send(&id("second"), &to("second@example.org")).await.unwrap_err();
    assert!(matches!(error, MailError::Rejected { .. }), "{error:?}");
    assert_eq!(host.texts().len(), 1);
}

#[tokio::test]
async fn a_goodbye_to_a_connection_that_rests_costs_no_mail() {
    for goodbye in ["221 goodbye", "421 closing", "250 never asked"] {
        let host = Host::with(first(".", Does::SaysAndLeavesLater("250 fine", goodbye))).await;
        let mailer = host.mailer(LONG);
        send(&mailer, "a").await.unwrap();
        send(&mailer, "b").await.unwrap();
        assert_eq!(host.texts().len(), 2, "{goodbye}");
    }
}

#[tokio::test]
async fn a_connection_that_rested_for_long_is_closed() {
    let host = Host::polite().await;
    let mut config = SmtpConfig::from_url(&host.url("smtp://", "?tls=none")).unwrap();
    config.rest = Duration::from_millis(50);
    let mailer = mailer(config);
    send(&mailer, "a").await.unwrap();
    until("it said goodbye", || host.heard_a("QUIT")).await;
    send(&mailer, "b").await.unwrap();
    assert_eq!((host.connections(), host.texts().len()), (2, 2));
}

#[tokio::test]
async fn addresses_with_other_letters_need_a_host_that_takes_them() {
    let host = Host::polite().await;
    let mailer = host.mailer(LONG);
    mailer.send(&id("a"), &to("jörg@bücher.example")).await.unwrap();
    let mail = host.heard().into_iter().find(|heard| heard.line.starts_with("MAIL")).unwrap();
    assert!(mail.line.contains("SMTPUTF8"), "{}", mail.line);
    assert!(host.heard_a("RCPT TO:<jörg@xn--bcher-kva.example>"));

    let old = |heard: &Heard| heard.line.starts_with("EHLO").then_some(Does::Says("250 host.test"));
    let host = Host::with(old).await;
    let mailer = host.mailer(LONG);
    let error = mailer.send(&id("a"), &to("jörg@bücher.example")).await.unwrap_err();
    assert!(matches!(error, MailError::Rejected { .. }), "{error:?}");
    mailer.send(&id("b"), &to("marta@bücher.example")).await.unwrap();
    assert!(host.heard_a("RCPT TO:<marta@xn--bcher-kva.example>"), "a domain has a form in ASCII");
    assert_eq!((host.connections(), host.texts().len()), (1, 1));
}
