//! Where a store lives and what it needs from outside.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use jobapp_kernel::{Clock, Timestamp};
use jobapp_seal::Seal;

/// Gives what a change came with, such as `x-request-id` and `traceparent`: asked when its events are stored.
pub type Headers = Arc<dyn Fn() -> BTreeMap<String, String> + Send + Sync>;

/// Where a database lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// In a file, made when it is missing, and its folder with it.
    File(PathBuf),
    /// In memory, gone when the store goes.
    Memory,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Memory => f.write_str("in memory"),
        }
    }
}

/// Tells whether whoever writes, on this very thread, is in no hurry: nobody waits for the answer. Such writes are gathered for
/// some milliseconds, so that they share a commit.
pub type Patience = fn() -> bool;

/// What a [`SqliteStore`](crate::SqliteStore) is opened with.
#[derive(Clone)]
pub struct SqliteConfig {
    /// Where the database lives.
    pub location: Location,
    /// Dates outbox and inbox entries. Leases end by the machine's clock, which all who have the file open share.
    pub clock: Arc<dyn Clock>,
    /// What outbox entries carry besides the event.
    pub headers: Option<Headers>,
    /// Seals the events in the outbox, so that what they carry for somebody's mailbox is in no file as it is.
    pub seal: Option<Seal>,
    /// Who is in no hurry. Without it everybody is.
    pub patience: Option<Patience>,
}

impl SqliteConfig {
    /// A store in this file, on the system's clock.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self::at(Location::File(path.into()))
    }

    /// A store in memory, on the system's clock.
    pub fn memory() -> Self {
        Self::at(Location::Memory)
    }

    fn at(location: Location) -> Self {
        Self { location, clock: Arc::new(SystemClock), headers: None, seal: None, patience: None }
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

    /// The same, where writes of these are gathered.
    #[must_use]
    pub fn patient(self, patience: Patience) -> Self {
        Self { patience: Some(patience), ..self }
    }
}

/// The machine's time, which all who have a file open share: a lease ends for all of them at once.
pub(crate) fn now() -> Timestamp {
    Timestamp::EPOCH.plus(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
}

struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        now()
    }
}
