//! Where something is.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::Path;

/// Where something is: a scheme that chooses the technology, and what that makes of the rest. `sqlite:data/auth.db`, `memory:`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    setting: String,
    scheme: String,
    rest: OsString,
}

impl Address {
    /// What this text of a setting says. A text without a scheme has an empty one, which nothing opens.
    pub fn parse(setting: impl Into<String>, text: &str) -> Self {
        let (scheme, rest) = text.trim().split_once(':').unwrap_or(("", text));
        Self::new(setting, scheme, rest)
    }

    /// Of a scheme and the rest, which may be a path that is no text.
    pub fn new(setting: impl Into<String>, scheme: &str, rest: impl Into<OsString>) -> Self {
        Self { setting: setting.into(), scheme: scheme.to_ascii_lowercase(), rest: rest.into() }
    }

    /// The setting it comes from.
    pub fn setting(&self) -> &str {
        &self.setting
    }

    /// What chooses the technology, in lower case.
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    /// The whole, with its password, as a client of the technology takes it.
    pub fn url(&self) -> String {
        format!("{}:{}", self.scheme, self.rest.to_string_lossy())
    }

    /// The same with a parameter behind it: `?name=value`.
    #[must_use]
    pub fn with_parameter(self, name: &str, value: &str) -> Self {
        let mut rest = self.rest;
        let mark = if rest.to_string_lossy().contains('?') { '&' } else { '?' };
        rest.push(format!("{mark}{name}={value}"));
        Self { rest, ..self }
    }

    /// The rest as a path: of `file:/data/mail`, `file:///data/mail` and `file:mail`.
    pub fn path(&self) -> &Path {
        let local = self.rest.to_str().and_then(|text| text.strip_prefix("//")).map(OsStr::new);
        Path::new(local.unwrap_or(&self.rest))
    }
}

/// Without a password: it is shown where something is wrong with it.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rest = self.rest.to_string_lossy();
        let colon = if self.scheme.is_empty() { "" } else { ":" };
        match rest.strip_prefix("//").and_then(|rest| rest.rsplit_once('@')) {
            Some((user, host)) => {
                let user = user.split(':').next().unwrap_or_default();
                write!(f, "{}{colon}//{user}:***@{host}", self.scheme)
            }
            None => write!(f, "{}{colon}{rest}", self.scheme),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_a_path_however_it_is_written() {
        for (text, path) in
            [("file:mail", "mail"), ("FILE:/data/mail", "/data/mail"), ("file:///data/mail", "/data/mail")]
        {
            let address = Address::parse("JOBAPP_MAIL", text);
            assert_eq!((address.scheme(), address.path()), ("file", Path::new(path)), "{text}");
        }
    }

    #[test]
    fn parameters_come_behind_the_first_one() {
        let address = Address::parse("JOBAPP_BUS", "AMQP://a:b@mq.test/%2f").with_parameter("one", "1");
        assert_eq!(address.with_parameter("two", "2").url(), "amqp://a:b@mq.test/%2f?one=1&two=2");
    }

    #[test]
    fn a_password_is_not_shown() {
        let shown = |text| Address::parse("MYSQL_DB", text).to_string();
        assert_eq!(shown("mysql://jobapp:hush@db.test/auth"), "mysql://jobapp:***@db.test/auth");
        assert_eq!(shown("sqlite:data/auth.db"), "sqlite:data/auth.db");
        assert_eq!(shown("data"), "data");
        assert_eq!(Address::parse("REDIS_HOST", "REDIS://:hush@redis.test").url(), "redis://:hush@redis.test");
    }
}
