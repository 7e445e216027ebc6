//! Where something is.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::Path;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

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

    /// The same with a user and his password, unless it names a user itself.
    #[must_use]
    pub fn of_user(self, user: &str, password: &str) -> Self {
        let rest = self.rest.to_string_lossy().into_owned();
        let host = rest.strip_prefix("//").unwrap_or(&rest);
        if host.split(['/', '?']).next().is_some_and(|authority| authority.contains('@')) {
            return self;
        }
        let [user, password] = [user, password].map(|part| utf8_percent_encode(part, NON_ALPHANUMERIC));
        Self { rest: format!("//{user}:{password}@{host}").into(), ..self }
    }

    /// The same with tables or collections of this name's own, if it is a database on a server and does not say another name itself.
    #[must_use]
    pub fn in_namespace(self, name: &str) -> Self {
        let is_on_a_server =
            ["postgres", "postgresql", "mysql", "mariadb", "mongodb", "mongodb+srv"].contains(&self.scheme());
        let parameters = self.rest.to_string_lossy().split_once('?').map(|(_, parameters)| parameters.to_owned());
        let is_said = parameters.is_some_and(|all| all.split('&').any(|one| one.starts_with("namespace=")));
        if is_on_a_server && !is_said { self.with_parameter("namespace", name) } else { self }
    }

    /// The rest as a path: of `file:/data/mail`, `file:///data/mail` and `file:mail`.
    pub fn path(&self) -> &Path {
        let local = self.rest.to_str().and_then(|text| text.strip_prefix("//")).map(OsStr::new);
        Path::new(local.unwrap_or(&self.rest))
    }
}

/// Without passwords and keys: it is shown where something is wrong with it.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rest = without_keys(&self.rest.to_string_lossy());
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

/// The same without what follows `api-key=` among the parameters.
fn without_keys(rest: &str) -> String {
    let Some((place, parameters)) = rest.split_once('?') else { return rest.to_owned() };
    let hidden = parameters.split('&').map(|one| match one.split_once('=') {
        Some((name, _)) if name.eq_ignore_ascii_case("api-key") => format!("{name}=***"),
        _ => one.to_owned(),
    });
    format!("{place}?{}", hidden.collect::<Vec<_>>().join("&"))
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
    fn a_database_that_is_shared_has_a_namespace_for_each_service() {
        let of = |text| Address::parse("DATABASE_URL", text).in_namespace("order").url();
        assert_eq!(of("postgres://db/market"), "postgres://db/market?namespace=order");
        assert_eq!(of("mysql://db/market?ssl-mode=disabled"), "mysql://db/market?ssl-mode=disabled&namespace=order");
        assert_eq!(of("mysql://db/market?namespace=mine"), "mysql://db/market?namespace=mine");
        assert_eq!(of("mongodb://a,b/market?replicaSet=rs0"), "mongodb://a,b/market?replicaSet=rs0&namespace=order");
        assert_eq!(of("mongodb+srv://db/market"), "mongodb+srv://db/market?namespace=order");
        assert_eq!(of("sqlite:data/order.db"), "sqlite:data/order.db");
    }

    #[test]
    fn a_password_is_not_shown() {
        let shown = |text| Address::parse("MYSQL_DB", text).to_string();
        assert_eq!(shown("mysql://jobapp:hush@db.test/auth"), "mysql://jobapp:***@db.test/auth");
        assert_eq!(shown("sqlite:data/auth.db"), "sqlite:data/auth.db");
        assert_eq!(shown("data"), "data");
        assert_eq!(shown("https://es.test?index=a&api-key=aHVzaA=="), "https://es.test?index=a&api-key=***");
        assert_eq!(Address::parse("REDIS_HOST", "REDIS://:hush@redis.test").url(), "redis://:hush@redis.test");
    }
}
