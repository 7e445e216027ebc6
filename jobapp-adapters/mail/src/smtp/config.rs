//! Where the mail host is.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, TlsParameters};
use percent_encoding::percent_decode_str;
use url::Url;

/// How long handing over a mail may take, and waiting for a connection. Less than [`jobapp_notifications::SENDING_TAKES`].
const PATIENCE: Duration = Duration::from_secs(45);
/// How long a connection may rest. Hosts end those that rest for some minutes.
const REST: Duration = Duration::from_secs(30);
/// How many connections there are at most.
const CONNECTIONS: usize = 4;

/// Who can read along.
#[derive(Clone)]
pub(super) enum Security {
    /// Nobody: encrypted from the first byte on.
    Implicit(TlsParameters),
    /// Nobody: the host must offer to encrypt, and nothing but that is said before.
    StartTls(TlsParameters),
    /// Everybody on the way. For a host on the same machine.
    None,
}

/// Where the mail host is.
#[derive(Clone)]
pub struct SmtpConfig {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) security: Security,
    /// How it knows us.
    pub(super) credentials: Option<Credentials>,
    /// What we call ourselves there; by default the domain that mails come from.
    pub name: Option<String>,
    /// How many connections there are at most.
    pub connections: usize,
    /// How long handing over a mail may take, and waiting for a connection.
    pub patience: Duration,
    /// How long a connection may rest before it is closed.
    pub rest: Duration,
}

/// An address that is none of a mail host.
#[derive(Debug, thiserror::Error)]
#[error("it is no address such as smtp://user:password@host:587: {0}")]
pub struct SmtpConfigError(String);

impl SmtpConfig {
    /// From an address: `smtp://[user:password@]host[:port]` is encrypted by STARTTLS, on port 587, and `smtps://…` from the start, on port
    /// 465. It may end in `?tls=none`, which encrypts nothing and then takes no password; `ca=<file>` names a PEM file with the
    /// certificates to trust in the place of those of the system, and `name=…` is what we call ourselves.
    ///
    /// # Errors
    /// [`SmtpConfigError`]; it does not tell the password.
    pub fn from_url(text: &str) -> Result<Self, SmtpConfigError> {
        let url = Url::parse(text).map_err(wrong)?;
        let (is_implicit, port) = match url.scheme() {
            "smtp" => (false, 587),
            "smtps" => (true, 465),
            other => return Err(wrong(format_args!("the scheme {other} is not known"))),
        };
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        if host.is_empty() || !url.path().trim_matches('/').is_empty() {
            return Err(wrong("it is a host and nothing behind it"));
        }
        let (mut is_encrypted, mut ca, mut name) = (true, None, None);
        for (key, value) in url.query_pairs() {
            match (&*key, &*value) {
                ("tls", "none") if !is_implicit => is_encrypted = false,
                ("ca", file) => ca = Some(file.to_owned()),
                ("name", own) if is_name(own) => name = Some(own.to_owned()),
                (key, _) => return Err(wrong(format_args!("{key} says nothing here, or something else"))),
            }
        }
        let credentials = credentials(&url)?;
        if !is_encrypted && credentials.is_some() {
            return Err(wrong("a password is not sent where everybody on the way reads it"));
        }
        let security = match is_encrypted.then(|| tls(&host, ca.as_deref().map(Path::new))).transpose()? {
            Some(tls) if is_implicit => Security::Implicit(tls),
            Some(tls) => Security::StartTls(tls),
            None => Security::None,
        };
        let port = url.port().unwrap_or(port);
        Ok(Self { host, port, security, credentials, name, connections: CONNECTIONS, patience: PATIENCE, rest: REST })
    }
}

fn wrong(what: impl fmt::Display) -> SmtpConfigError {
    SmtpConfigError(what.to_string())
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-'))
}

fn credentials(url: &Url) -> Result<Option<Credentials>, SmtpConfigError> {
    let decoded = |text: &str| {
        let text = percent_decode_str(text).decode_utf8().map_err(|_| wrong("user and password are no text"))?;
        Ok(text.into_owned())
    };
    match (url.username(), url.password()) {
        ("", None) => Ok(None),
        ("", Some(_)) | (_, None) => Err(wrong("there are both a user and a password, or neither")),
        (user, Some(password)) => Ok(Some(Credentials::new(decoded(user)?, decoded(password)?))),
    }
}

fn tls(host: &str, ca: Option<&Path>) -> Result<TlsParameters, SmtpConfigError> {
    let mut builder = TlsParameters::builder(host.to_owned());
    if let Some(file) = ca {
        let named = |error: &dyn fmt::Display| wrong(format_args!("{}: {error}", file.display()));
        let text = std::fs::read(file).map_err(|error| named(&error))?;
        let certificate = Certificate::from_pem(&text).map_err(|error| named(&error))?;
        builder = builder.certificate_store(CertificateStore::None).add_root_certificate(certificate);
    }
    builder.build_rustls().map_err(wrong)
}

/// Without user and password.
impl fmt::Debug for SmtpConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let security = match self.security {
            Security::Implicit(_) => "implicit",
            Security::StartTls(_) => "STARTTLS",
            Security::None => "none",
        };
        f.debug_struct("SmtpConfig")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("security", &security)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mails_are_encrypted_unless_it_is_said_otherwise() {
        let config = SmtpConfig::from_url("smtp://me:hu%40sh@mail.test").unwrap();
        assert!(matches!(config.security, Security::StartTls(_)));
        assert_eq!((config.host.as_str(), config.port), ("mail.test", 587));
        assert_eq!(config.credentials, Some(Credentials::new("me".into(), "hu@sh".into())));
        let config = SmtpConfig::from_url("smtps://[::1]").unwrap();
        assert!(matches!(config.security, Security::Implicit(_)));
        assert_eq!((config.host.as_str(), config.port), ("::1", 465));
        let config = SmtpConfig::from_url("smtp://127.0.0.1:1025/?tls=none&name=shop.test").unwrap();
        assert!(matches!(config.security, Security::None));
        assert_eq!((config.port, config.name.as_deref()), (1025, Some("shop.test")));
    }

    #[test]
    fn what_is_no_address_is_refused_without_its_password() {
        for text in [
            "mail.test",
            "smtp:",
            "smtp://",
            "http://mail.test",
            "smtp://me@mail.test",
            "smtp://:hush@mail.test",
            "smtp://me:hush@mail.test/inbox",
            "smtp://me:hush@mail.test?tls=none",
            "smtps://me:hush@mail.test?tls=none",
            "smtp://me:hush@mail.test?tls=maybe",
            "smtp://me:hush@mail.test?name=a%0D%0Ab",
            "smtp://me:hush@mail.test?ca=/no/such/file.pem",
        ] {
            let error = SmtpConfig::from_url(text).unwrap_err().to_string();
            assert!(!error.contains("hush"), "{text}: {error}");
        }
        let config = SmtpConfig::from_url("smtp://me:hush@mail.test").unwrap();
        assert!(!format!("{config:?}").contains("hush"));
    }
}
