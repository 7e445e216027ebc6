//! Where a store lives and what it needs from outside.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use jobapp_kernel::{Clock, Timestamp};

use crate::{InvalidAddress, MongoAddress, Namespace, Seal};

/// Gives what a change came with, such as `x-request-id` and `traceparent`: asked when its events are stored.
pub type Headers = Arc<dyn Fn() -> BTreeMap<String, String> + Send + Sync>;

/// What a [`MongoStore`](crate::MongoStore) is opened with.
#[derive(Clone)]
pub struct MongoConfig {
    /// Where the database is.
    pub address: MongoAddress,
    /// Dates outbox and inbox entries. Leases end by the database's own clock.
    pub clock: Arc<dyn Clock>,
    /// What outbox entries carry besides the event.
    pub headers: Option<Headers>,
    /// Which collections are its own, in a database that several services share.
    pub namespace: Namespace,
    /// Seals the events in the outbox, so that what they carry for somebody's mailbox is in no file as it is.
    pub seal: Option<Seal>,
}

impl MongoConfig {
    /// A store in a database of a server, on the system's clock: `mongodb://jobapp@db/market?namespace=order`.
    ///
    /// `namespace` says which collections are its own, `connections` how many it opens at most (10); everything else is for the driver:
    /// `replicaSet`, `authSource`, `tls`, `tlsCAFile`. What a store promises is not among it: it writes with the acknowledgement of a
    /// majority and of its journals, and asks the primary, whatever the address says.
    ///
    /// # Errors
    /// [`InvalidAddress`] when that is none.
    pub fn server(address: &str) -> Result<Self, InvalidAddress> {
        let (address, namespace) = MongoAddress::parse(address)?;
        Ok(Self { address, clock: Arc::new(SystemClock), headers: None, namespace, seal: None })
    }

    /// The same with collections of its own in a database that other services use too.
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
