//! What is said to hand over one mail.

use std::fmt;
use std::time::Duration;

use jobapp_notifications::MailError;
use lettre::Message;
use lettre::address::Envelope;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::commands::{Data, Mail, Rcpt, Rset};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};
use lettre::transport::smtp::response::Response;

use super::config::{Security, SmtpConfig};

/// How long each address of the host may take to be connected to.
const CONNECTING: Duration = Duration::from_secs(10);
/// How long a host may take to be told goodbye.
const GOODBYE: Duration = Duration::from_secs(5);

/// How passwords are told, what is preferred first.
const MECHANISMS: &[Mechanism] = &[Mechanism::Plain, Mechanism::Login];

/// The host closes the connection, whatever it was asked.
const CLOSING: [u16; 2] = [221, 421];
/// It wants to know, or does not know, who we are.
const STRANGER: [u16; 4] = [503, 530, 535, 538];

/// A mail as it goes over the wire.
pub(super) struct Letter {
    envelope: Envelope,
    text: Vec<u8>,
}

impl Letter {
    pub(super) fn of(message: &Message) -> Self {
        Self { envelope: message.envelope().clone(), text: message.formatted() }
    }
}

/// A connection to the host on which nothing is half said.
pub(super) struct Connection(AsyncSmtpConnection);

/// What became of a mail, and the connection if it is still good.
pub(super) struct Handed {
    pub(super) result: Result<(), MailError>,
    pub(super) connection: Option<Connection>,
    /// Whether the connection was lost before anything of the mail was taken.
    pub(super) is_untouched: bool,
}

impl Handed {
    fn so(result: Result<(), MailError>, connection: Option<Connection>) -> Self {
        Self { result, connection, is_untouched: false }
    }
}

/// Why a mail was not taken.
#[derive(Debug, thiserror::Error)]
#[error("the mail host did not take {what}")]
struct NotTaken {
    what: &'static str,
    source: Box<dyn std::error::Error + Send + Sync>,
}

/// An answer that is none to what was asked.
#[derive(Debug, thiserror::Error)]
#[error("it answered {0}")]
struct Unexpected(String);

/// What the host answered.
enum Answer {
    Yes,
    /// No, with this code and these words.
    No(u16, lettre::transport::smtp::Error),
    /// Nothing that belongs to the question. Nobody knows what comes next on this connection.
    Lost(Box<dyn std::error::Error + Send + Sync>),
}

impl Connection {
    /// A new one, as far as mails can be handed over. Everything that is in the way of that is in the way of all mails.
    pub(super) async fn open(config: &SmtpConfig, name: &str) -> Result<Self, MailError> {
        let opening = async {
            let name = ClientId::Domain(config.name.as_deref().unwrap_or(name).to_owned());
            let place = (config.host.as_str(), config.port);
            let implicit = match &config.security {
                Security::Implicit(tls) => Some(tls.clone()),
                Security::StartTls(_) | Security::None => None,
            };
            let connecting = AsyncSmtpConnection::connect_tokio1(place, Some(CONNECTING), &name, implicit, None);
            let mut connection = connecting.await?;
            if let Security::StartTls(tls) = &config.security {
                connection.starttls(tls.clone(), &name).await?;
            }
            if let Some(credentials) = &config.credentials {
                sign_in(&mut connection, credentials).await?;
            }
            Ok::<_, lettre::transport::smtp::Error>(Self(connection))
        };
        opening.await.map_err(|error| away("a connection", error))
    }

    /// Whether the host still listens to a connection that rested. What it said meanwhile, such as goodbye, is no answer.
    pub(super) async fn if_good(mut self) -> Option<Self> {
        matches!(self.ask(Rset, &[250]).await, Answer::Yes).then_some(self)
    }

    /// Hands over a mail.
    pub(super) async fn hand_over(mut self, letter: &Letter) -> Handed {
        let parameters = match self.parameters(letter) {
            Ok(parameters) => parameters,
            Err(error) => return Handed::so(Err(error), Some(self)),
        };
        let from = Mail::new(letter.envelope.from().cloned(), parameters);
        match self.ask(from, &[250]).await {
            Answer::Yes => {}
            // We are who is refused, and not this mail.
            Answer::No(code, error) => return self.refused(code, away("its sender", error)),
            Answer::Lost(error) => return Handed { is_untouched: true, ..lost("its sender", error) },
        }
        for receiver in letter.envelope.to() {
            match self.ask(Rcpt::new(receiver.clone(), Vec::new()), &[250, 251, 252]).await {
                Answer::Yes => {}
                Answer::No(code, error) => return self.refused(code, verdict("its receiver", code, error)),
                Answer::Lost(error) => return lost("its receiver", error),
            }
        }
        match self.ask(Data, &[354]).await {
            Answer::Yes => {}
            Answer::No(code, error) => return self.refused(code, verdict("its beginning", code, error)),
            Answer::Lost(error) => return lost("its beginning", error),
        }
        // From here on it may have been sent, whatever is not answered.
        match understood(self.0.message(&letter.text).await, |code| (200..300).contains(&code)) {
            Answer::Yes => Handed::so(Ok(()), Some(self)),
            Answer::No(code, error) => self.refused(code, verdict("its text", code, error)),
            Answer::Lost(error) => lost("its text", error),
        }
    }

    /// Says goodbye.
    pub(super) async fn close(mut self) {
        // Who does not answer that is gone, too.
        if tokio::time::timeout(GOODBYE, self.0.quit()).await.is_err() {
            tracing::debug!("the mail host did not say goodbye");
        }
    }

    fn parameters(&self, letter: &Letter) -> Result<Vec<MailParameter>, MailError> {
        let Letter { envelope, text } = letter;
        let host = self.0.server_info();
        let mut parameters = Vec::new();
        if envelope.to().iter().chain(envelope.from()).any(|address| !AsRef::<str>::as_ref(address).is_ascii()) {
            if !host.supports_feature(Extension::SmtpUtfEight) {
                return Err(MailError::rejected("the mail host takes no addresses with such letters"));
            }
            parameters.push(MailParameter::SmtpUtfEight);
        }
        if !text.is_ascii() {
            if !host.supports_feature(Extension::EightBitMime) {
                return Err(MailError::rejected("the mail host takes no mails with such letters"));
            }
            parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
        }
        Ok(parameters)
    }

    async fn ask(&mut self, command: impl fmt::Display, expected: &[u16]) -> Answer {
        understood(self.0.command(command).await, |code| expected.contains(&code))
    }

    /// After a clear no the connection is as good as before, unless the host closes it.
    fn refused(self, code: u16, error: MailError) -> Handed {
        Handed::so(Err(error), (!CLOSING.contains(&code)).then_some(self))
    }
}

/// Says who we are.
async fn sign_in(
    connection: &mut AsyncSmtpConnection,
    credentials: &Credentials,
) -> Result<Response, lettre::transport::smtp::Error> {
    connection.auth(MECHANISMS, credentials).await
}

fn understood(answer: Result<Response, lettre::transport::smtp::Error>, is_yes: impl Fn(u16) -> bool) -> Answer {
    match answer {
        Ok(answer) => {
            let code = u16::from(answer.code());
            if is_yes(code) && !CLOSING.contains(&code) {
                Answer::Yes
            } else {
                let words: Vec<&str> = answer.message().collect();
                Answer::Lost(Unexpected(format!("{code} {}", words.join(" "))).into())
            }
        }
        Err(error) => match error.status().map(u16::from) {
            Some(code) => Answer::No(code, error),
            None => Answer::Lost(error.into()),
        },
    }
}

/// What a no to this mail means: 5xx is for good, unless it is meant for us.
fn verdict(what: &'static str, code: u16, error: lettre::transport::smtp::Error) -> MailError {
    if (500..600).contains(&code) && !STRANGER.contains(&code) {
        let words = error.to_string();
        return MailError::rejected(format_args!("the mail host did not take {what}: {words}"));
    }
    away(what, error)
}

fn away(what: &'static str, error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> MailError {
    MailError::unavailable(NotTaken { what, source: error.into() })
}

fn lost(what: &'static str, error: Box<dyn std::error::Error + Send + Sync>) -> Handed {
    Handed::so(Err(away(what, error)), None)
}
