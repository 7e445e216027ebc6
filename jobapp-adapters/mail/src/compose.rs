//! A mail as RFC 5322 has it.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use jobapp_kernel::{Timestamp, ascii_domain};
use jobapp_notifications::{Mail, MailError, MailId};
use lettre::Address;
use lettre::message::header::{Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message, MultiPart};
use sha2::{Digest as _, Sha256};

use crate::templates::{Rendered, Templates};

/// Whom mails come from, such as `JobApp <no-reply@jobapp.example>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sender(Mailbox);

/// A text that is no sender.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no sender such as JobApp <no-reply@jobapp.example>")]
pub struct InvalidSender(String);

impl FromStr for Sender {
    type Err = InvalidSender;

    fn from_str(text: &str) -> Result<Self, InvalidSender> {
        let sender = text.parse().ok().and_then(in_ascii).filter(|sender| sender.email.user().is_ascii());
        sender.map(Self).ok_or_else(|| InvalidSender(text.chars().take(128).collect()))
    }
}

impl Sender {
    /// The domain of its address.
    #[cfg(feature = "smtp")]
    pub(crate) fn domain(&self) -> &str {
        self.0.email.domain()
    }
}

impl fmt::Display for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Says which kind of mail it is, so that a mailbox need not guess.
#[derive(Debug, Clone)]
pub(crate) struct TemplateHeader(pub(crate) String);

impl TemplateHeader {
    pub(crate) const NAME: &'static str = "X-JobApp-Template";
}

impl Header for TemplateHeader {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str(Self::NAME)
    }

    fn parse(text: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self(text.to_owned()))
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), self.0.clone())
    }
}

/// A text of 32 hexadecimal characters that is the same for the same mail of the same message.
pub(crate) fn fingerprint(id: &MailId) -> String {
    hex::encode(&Sha256::digest(id.to_string().as_bytes())[..16])
}

/// Puts a mail into words and makes a message with an HTML and a plain text part of them.
pub(crate) fn compose(templates: &Templates, sender: &Sender, id: &MailId, mail: &Mail) -> Result<Message, MailError> {
    let receiver = mail.to.parse().ok().and_then(in_ascii);
    let receiver = receiver.ok_or_else(|| MailError::rejected("the receiver is no mail address"))?;
    let Rendered { subject, html, text } = templates.render(mail).map_err(|error| {
        tracing::error!(%error, cause = error_cause(&error), template = %mail.template, "a mail could not be put into words");
        MailError::rejected(error)
    })?;
    Message::builder()
        .from(sender.0.clone())
        .to(receiver)
        .date(to_system_time(id.at))
        // The same mail has the same id: where one is delivered twice after all, mail programs show it once.
        .message_id(Some(format!("<{}@{}>", fingerprint(id), sender.0.email.domain())))
        .subject(subject)
        .header(TemplateHeader(mail.template.name().to_owned()))
        .multipart(MultiPart::alternative_plain_html(text, html))
        .map_err(MailError::rejected)
}

/// The same mailbox with its domain in ASCII, as headers and envelopes have it. Names are encoded by the header. Only what
/// stands before the `@` of an address of an older account may have other letters; no other form of that leads anywhere.
fn in_ascii(mailbox: Mailbox) -> Option<Mailbox> {
    let domain = match mailbox.email.domain() {
        domain if domain.is_ascii() => domain.to_owned(),
        domain => ascii_domain(domain)?,
    };
    let email = Address::new(mailbox.email.user(), domain).ok()?;
    Some(Mailbox::new(mailbox.name, email))
}

fn error_cause(error: &dyn std::error::Error) -> String {
    error.source().map(ToString::to_string).unwrap_or_default()
}

/// Instants before 1970 are none at which a mail was sent.
fn to_system_time(at: Timestamp) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(u64::try_from(at.as_millis()).unwrap_or(0))
}
