//! Where a database server is.

use std::fmt;

use sea_orm::DbBackend;
use url::Url;

use crate::Namespace;

/// How many connections a store opens at most, unless it is told otherwise. Eight services with a few processes each stay below what
/// servers allow by default.
const CONNECTIONS: u32 = 10;

/// A database on a server. Neither text form shows the password.
#[derive(Clone, PartialEq, Eq)]
pub struct ServerAddress {
    url: Url,
    connections: u32,
}

/// A text that is no address of a database on a server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAddress {
    /// It does not begin with what is known.
    #[error("an address of a database server begins with postgres:// or mysql://")]
    Scheme,
    /// Its form is not that of an address.
    #[error("it is no address: {0}")]
    Form(String),
    /// It names no database.
    #[error("it names no database: postgres://user:password@host/database")]
    Database,
    /// One of its own settings is wrong.
    #[error("{name}={value} is wrong: {expected}")]
    Setting {
        /// The setting.
        name: &'static str,
        /// What it says.
        value: String,
        /// What it should say.
        expected: String,
    },
}

impl ServerAddress {
    /// Reads an address; what it says about the store is taken out of what the driver gets.
    pub(crate) fn parse(text: &str) -> Result<(Self, Namespace), InvalidAddress> {
        let url = Url::parse(text).map_err(|error| InvalidAddress::Form(error.to_string()))?;
        if !matches!(url.scheme(), "postgres" | "postgresql" | "mysql" | "mariadb") {
            return Err(InvalidAddress::Scheme);
        }
        if url.path().trim_matches('/').is_empty() {
            return Err(InvalidAddress::Database);
        }
        let (mut connections, mut namespace) = (CONNECTIONS, Namespace::default());
        let mut rest = Vec::new();
        for (name, value) in url.query_pairs() {
            let wrong =
                |name, expected: String| InvalidAddress::Setting { name, value: value.clone().into_owned(), expected };
            match &*name {
                "namespace" => {
                    namespace = Namespace::new(&value).map_err(|error| wrong("namespace", error.to_string()))?
                }
                "connections" => {
                    let known = value.parse().ok().filter(|number| (1..=1000).contains(number));
                    connections = known.ok_or_else(|| wrong("connections", "a number from 1 to 1000".to_owned()))?;
                }
                _ => rest.push((name.into_owned(), value.into_owned())),
            }
        }
        let mut url = url;
        url.set_query(None);
        if !rest.is_empty() {
            url.query_pairs_mut().extend_pairs(rest);
        }
        Ok((Self { url, connections }, namespace))
    }

    /// What speaks at this address.
    pub(crate) fn backend(&self) -> DbBackend {
        if matches!(self.url.scheme(), "mysql" | "mariadb") { DbBackend::MySql } else { DbBackend::Postgres }
    }

    /// The address as the driver takes it, with its password.
    pub(crate) fn for_driver(&self) -> String {
        // It knows one name of each.
        let (_, rest) = self.url.as_str().split_once(':').unwrap_or_default();
        match self.backend() {
            DbBackend::MySql => format!("mysql:{rest}"),
            _ => format!("postgres:{rest}"),
        }
    }

    /// How many connections a store may have open.
    pub(crate) fn connections(&self) -> u32 {
        self.connections
    }

    /// Whether the server is on this machine.
    pub(crate) fn is_local(&self) -> bool {
        let host = self.url.host_str().unwrap_or_default().trim_matches(['[', ']']);
        host.is_empty()
            || host == "localhost"
            || host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
    }
}

impl fmt::Display for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.url.scheme(), self.url.host_str().unwrap_or_default())?;
        if let Some(port) = self.url.port() {
            write!(f, ":{port}")?;
        }
        f.write_str(self.url.path())
    }
}

impl fmt::Debug for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_for_the_store_does_not_go_to_the_driver() {
        let text = "postgresql://jobapp:p%40ss@db.test:6432/market?namespace=order&connections=3&sslmode=require";
        let (address, namespace) = ServerAddress::parse(text).unwrap();
        assert_eq!(address.for_driver(), "postgres://jobapp:p%40ss@db.test:6432/market?sslmode=require");
        assert_eq!((namespace, address.connections()), (Namespace::new("order").unwrap(), 3));
        let (address, namespace) = ServerAddress::parse("mariadb://jobapp@db.test/market").unwrap();
        assert_eq!(
            (address.for_driver().as_str(), address.connections()),
            ("mysql://jobapp@db.test/market", CONNECTIONS)
        );
        assert_eq!(namespace, Namespace::default());
    }

    #[test]
    fn no_text_of_an_address_has_its_password() {
        let (address, _) = ServerAddress::parse("mysql://jobapp:hush@db.test:3307/market?ssl-mode=required").unwrap();
        assert_eq!(format!("{address} {address:?}"), "mysql://db.test:3307/market mysql://db.test:3307/market");
    }

    #[test]
    fn what_is_no_address_is_told() {
        for (text, told) in [
            ("sqlite:market.db", "begins with postgres:// or mysql://"),
            ("market", "it is no address"),
            ("postgres://db.test", "names no database"),
            ("mysql://db.test/", "names no database"),
            ("mysql://db.test/market?namespace=Order", "namespace=Order is wrong"),
            ("mysql://db.test/market?connections=0", "connections=0 is wrong: a number from 1 to 1000"),
        ] {
            let error = ServerAddress::parse(text).unwrap_err().to_string();
            assert!(error.contains(told), "{text}: {error}");
        }
    }

    #[test]
    fn a_server_of_this_machine_is_known() {
        for (host, is_local) in
            [("localhost", true), ("127.0.0.1:5432", true), ("[::1]", true), ("db.test", false), ("10.0.0.1", false)]
        {
            let (address, _) = ServerAddress::parse(&format!("postgres://jobapp@{host}/market")).unwrap();
            assert_eq!(address.is_local(), is_local, "{host}");
        }
    }
}
