//! Where a database is.

use std::fmt;

use crate::Namespace;

/// How many connections a store opens at most, unless it is told otherwise. Eight services with a few processes each stay below what
/// servers allow by default.
const CONNECTIONS: u32 = 10;

/// A database on a server or a replica set. Neither text form shows the password.
#[derive(Clone, PartialEq, Eq)]
pub struct MongoAddress {
    /// As the driver takes it, with its password.
    for_driver: String,
    /// As it is shown.
    shown: String,
    database: String,
    connections: u32,
}

/// A text that is no address of a database.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAddress {
    /// It does not begin with what is known.
    #[error("an address of a database begins with mongodb:// or mongodb+srv://")]
    Scheme,
    /// It names no host.
    #[error("it names no host: mongodb://user:password@host/database")]
    Host,
    /// It names no database, or one that cannot be.
    #[error("it names no database: mongodb://user:password@host/database")]
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

impl MongoAddress {
    /// Reads an address; what it says about the store is taken out of what the driver gets. It is no URL: it may name several hosts.
    pub(crate) fn parse(text: &str) -> Result<(Self, Namespace), InvalidAddress> {
        let (scheme, rest) = text.split_once("://").ok_or(InvalidAddress::Scheme)?;
        let scheme = scheme.to_ascii_lowercase();
        if !matches!(scheme.as_str(), "mongodb" | "mongodb+srv") {
            return Err(InvalidAddress::Scheme);
        }
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, database) = place.split_once('/').unwrap_or((place, ""));
        let hosts = authority.rsplit_once('@').map_or(authority, |(_, hosts)| hosts);
        if hosts.is_empty() {
            return Err(InvalidAddress::Host);
        }
        let is_fit = |name: &str| !name.is_empty() && !name.contains(['/', '\\', '.', '"', '$', ' ', '%']);
        if !is_fit(database) {
            return Err(InvalidAddress::Database);
        }
        let (mut connections, mut namespace) = (CONNECTIONS, Namespace::default());
        let mut for_driver = Vec::new();
        for setting in query.split('&').filter(|setting| !setting.is_empty()) {
            let (name, value) = setting.split_once('=').unwrap_or((setting, ""));
            let wrong = |name, expected: String| InvalidAddress::Setting { name, value: value.to_owned(), expected };
            match name {
                "namespace" => {
                    namespace = Namespace::new(value).map_err(|error| wrong("namespace", error.to_string()))?;
                }
                "connections" => {
                    let known = value.parse().ok().filter(|number| (1..=1000).contains(number));
                    connections = known.ok_or_else(|| wrong("connections", "a number from 1 to 1000".to_owned()))?;
                }
                _ => for_driver.push(setting),
            }
        }
        let mark = if for_driver.is_empty() { "" } else { "?" };
        let address = Self {
            for_driver: format!("{scheme}://{authority}/{database}{mark}{}", for_driver.join("&")),
            shown: format!("{scheme}://{hosts}/{database}"),
            database: database.to_owned(),
            connections,
        };
        Ok((address, namespace))
    }

    /// The address as the driver takes it, with its password.
    pub(crate) fn for_driver(&self) -> &str {
        &self.for_driver
    }

    /// The name of the database.
    pub(crate) fn database(&self) -> &str {
        &self.database
    }

    /// How many connections a store may have open.
    pub(crate) fn connections(&self) -> u32 {
        self.connections
    }
}

impl fmt::Display for MongoAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for MongoAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_for_the_store_does_not_go_to_the_driver() {
        let text = "MONGODB://jobapp:p%40ss@a.test:27017,b.test/market?namespace=order&connections=3&replicaSet=rs0";
        let (address, namespace) = MongoAddress::parse(text).unwrap();
        assert_eq!(address.for_driver(), "mongodb://jobapp:p%40ss@a.test:27017,b.test/market?replicaSet=rs0");
        assert_eq!((address.database(), address.connections()), ("market", 3));
        assert_eq!(namespace, Namespace::new("order").unwrap());
        let (address, namespace) = MongoAddress::parse("mongodb+srv://cluster.test/market").unwrap();
        assert_eq!(address.for_driver(), "mongodb+srv://cluster.test/market");
        assert_eq!((address.connections(), namespace), (CONNECTIONS, Namespace::default()));
    }

    #[test]
    fn no_text_of_an_address_has_its_password() {
        let (address, _) = MongoAddress::parse("mongodb://jobapp:hush@db.test:27018/market?authSource=admin").unwrap();
        assert_eq!(format!("{address} {address:?}"), "mongodb://db.test:27018/market mongodb://db.test:27018/market");
    }

    #[test]
    fn what_is_no_address_is_told() {
        for (text, told) in [
            ("sqlite:market.db", "begins with mongodb://"),
            ("postgres://db.test/market", "begins with mongodb://"),
            ("mongodb:///market", "names no host"),
            ("mongodb://jobapp:hush@/market", "names no host"),
            ("mongodb://db.test", "names no database"),
            ("mongodb://db.test/?replicaSet=rs0", "names no database"),
            ("mongodb://db.test/a.b", "names no database"),
            ("mongodb://db.test/market?namespace=Order", "namespace=Order is wrong"),
            ("mongodb://db.test/market?connections=0", "connections=0 is wrong: a number from 1 to 1000"),
        ] {
            let error = MongoAddress::parse(text).unwrap_err().to_string();
            assert!(error.contains(told), "{text}: {error}");
            assert!(!error.contains("hush"), "{error}");
        }
    }
}
