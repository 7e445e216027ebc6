//! Where a store lives and what it needs from outside.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use jobapp_kernel::{Clock, Timestamp};

use crate::{InvalidAddress, Namespace, Seal, ServerAddress};

/// Gives what a change came with, such as `x-request-id` and `traceparent`: asked when its events are stored.
pub type Headers = Arc<dyn Fn() -> BTreeMap<String, String> + Send + Sync>;

/// Where a database lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// In an SQLite file, made when it is missing, and its folder with it.
    File(PathBuf),
    /// In memory, gone when the store goes.
    Memory,
    /// On a server, in a database that is there.
    Server(ServerAddress),
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Memory => f.write_str("in memory"),
            Self::Server(address) => address.fmt(f),
        }
    }
}

/// What a [`SqlStore`](crate::SqlStore) is opened with.
#[derive(Clone)]
pub struct SqlConfig {
    /// Where the database lives.
    pub location: Location,
    /// Dates outbox and inbox entries. Leases end by the database's own clock.
    pub clock: Arc<dyn Clock>,
    /// What outbox entries carry besides the event.
    pub headers: Option<Headers>,
    /// Which tables are its own, in a database that several services share.
    pub namespace: Namespace,
    /// Seals the events in the outbox, so that what they carry for somebody's mailbox is in no file as it is.
    pub seal: Option<Seal>,
}

impl SqlConfig {
    /// A store in this SQLite file, on the system's clock.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self::at(Location::File(path.into()))
    }

    /// A store in memory, on the system's clock.
    pub fn memory() -> Self {
        Self::at(Location::Memory)
    }

    /// A store in a database of a server, on the system's clock: `postgres://jobapp@db/market?namespace=order`.
    ///
    /// `namespace` says which tables are its own, `connections` how many it opens at most (10); everything else is for the
    /// driver: `sslmode` and `sslrootcert`, `ssl-mode` and `ssl-ca` for MySQL.
    ///
    /// # Errors
    /// [`InvalidAddress`] when that is none.
    pub fn server(address: &str) -> Result<Self, InvalidAddress> {
        let (address, namespace) = ServerAddress::parse(address)?;
        Ok(Self::at(Location::Server(address)).namespace(namespace))
    }

    fn at(location: Location) -> Self {
        Self { location, clock: Arc::new(SystemClock), headers: None, namespace: Namespace::default(), seal: None }
    }

    /// The same with tables of its own in a database that other services use too.
    #[must_use]
    pub fn namespace(self, namespace: Namespace) -> Self {
        Self { namespace, ..self }
    }

    /// The same on this clock.
    #[must_use]
    pub fn clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    /// The same, whose outbox entries carry these headers.
    #[must_use]
    pub fn headers(self, headers: Headers) -> Self {
        Self { headers: Some(headers), ..self }
    }

    /// The same, whose outbox is sealed with this key. What an earlier program left there in clear is sealed at once.
    #[must_use]
    pub fn sealed(self, seal: Seal) -> Self {
        Self { seal: Some(seal), ..self }
    }
}

struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::EPOCH.plus(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
    }
}
