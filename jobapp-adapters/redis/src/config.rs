//! Where Redis is, and how it is used.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use fred::types::config::Config;
use url::Url;

use crate::tls;

/// What keys begin with where nothing else is said.
const PREFIX: &str = "jobapp";
/// How long a command may take where nothing else is said.
const PATIENCE: Duration = Duration::from_secs(2);

/// Where Redis is, and how it is used.
#[derive(Clone)]
pub struct RedisConfig {
    pub(crate) server: Config,
    /// What the names of all keys begin with: marketplaces that share a Redis have different ones.
    pub prefix: String,
    /// How long connecting, or a command, may take.
    pub patience: Duration,
}

/// An address that is none of a Redis.
#[derive(Debug, thiserror::Error)]
pub enum RedisConfigError {
    /// It cannot be read as an address.
    #[error("it is no address such as redis://user:password@host:6379/0?prefix=jobapp: {0}")]
    Address(String),
    /// What verifies the server's certificate cannot be read.
    #[error("the certificates to trust cannot be read: {0}")]
    Certificates(String),
}

impl RedisConfig {
    /// From an address: `redis://[user[:password]@]host[:port][/database]`, or `rediss://…` over TLS. It may end in
    /// `?prefix=…` for [`RedisConfig::prefix`], and `ca=<file>` names a PEM file with the certificates to trust in the place of
    /// those of the system.
    ///
    /// # Errors
    /// [`RedisConfigError`]; it does not tell the password.
    pub fn from_url(text: &str) -> Result<Self, RedisConfigError> {
        let wrong = |what: &dyn fmt::Display| RedisConfigError::Address(what.to_string());
        let mut url = Url::parse(text).map_err(|error| wrong(&error))?;
        let over_tls = match url.scheme() {
            "redis" => false,
            "rediss" => true,
            other => return Err(wrong(&format_args!("the scheme {other} is not known"))),
        };
        let mut prefix = PREFIX.to_owned();
        let mut ca: Option<PathBuf> = None;
        for (name, value) in url.query_pairs() {
            match &*name {
                "prefix" if is_prefix(&value) => prefix = value.into_owned(),
                "prefix" => return Err(wrong(&"a prefix is 1 to 64 letters, digits, and . _ - :")),
                "ca" if over_tls => ca = Some(value.into_owned().into()),
                other => return Err(wrong(&format_args!("{other} says nothing here"))),
            }
        }
        url.set_query(None);
        // The driver would read the system's certificates with whatever cryptography is the default of the process.
        let plain = url.as_str().replacen("rediss:", "redis:", 1);
        let mut server = Config::from_url_centralized(&plain).map_err(|error| wrong(&error.details()))?;
        // What is there when a process starts makes no difference: it comes, or comes back.
        server.fail_fast = false;
        if over_tls {
            server.tls = Some(tls::connector(ca.as_deref())?.into());
        }
        Ok(Self { server, prefix, patience: PATIENCE })
    }
}

/// Braces would choose the slot of a cluster.
fn is_prefix(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | ':');
    (1..=64).contains(&text.len()) && text.chars().all(fits)
}

/// Without a password.
impl fmt::Debug for RedisConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisConfig")
            .field("hosts", &self.server.server.hosts())
            .field("database", &self.server.database)
            .field("is_over_tls", &self.server.tls.is_some())
            .field("prefix", &self.prefix)
            .field("patience", &self.patience)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_says_where_and_with_what_prefix() {
        let config = RedisConfig::from_url("redis://jobapp:hu%40sh@redis.test:7000/3?prefix=shop:eu").unwrap();
        assert_eq!(config.server.username.as_deref(), Some("jobapp"));
        assert_eq!(config.server.password.as_deref(), Some("hu@sh"));
        assert_eq!(config.server.database, Some(3));
        assert_eq!(config.prefix, "shop:eu");
        let shown = format!("{config:?}");
        assert!(shown.contains("redis.test") && shown.contains("7000") && !shown.contains("hu@sh"), "{shown}");
        let config = RedisConfig::from_url("redis://redis.test").unwrap();
        assert_eq!((config.prefix.as_str(), config.server.tls.is_some()), ("jobapp", false));
    }

    #[test]
    fn what_is_no_address_is_refused_without_its_password() {
        for text in [
            "redis.test:6379",
            "http://redis.test",
            "redis-cluster://redis.test",
            "redis://:hush@redis.test?prefix=",
            "redis://:hush@redis.test?prefix={a}",
            "redis://:hush@redis.test?prefx=a",
            "redis://:hush@redis.test?ca=/x.pem",
            "redis://:hush@redis.test/zero",
            "rediss://:hush@redis.test?ca=/no/such/file.pem",
        ] {
            let error = RedisConfig::from_url(text).unwrap_err().to_string();
            assert!(!error.contains("hush"), "{text}: {error}");
        }
    }
}
