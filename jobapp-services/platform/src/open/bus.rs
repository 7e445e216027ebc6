//! The message bus, whatever carries it.

use std::sync::Arc;

use jobapp_kernel::{DeadLetters, Publisher, Subscriber};
use jobapp_memory::MemoryBus;
#[cfg(feature = "sqlite")]
use jobapp_sqlite::{Seal, SqliteBus, SqliteBusConfig};

use super::{Address, OpenError, SealingKey};

/// How its addresses look.
const KNOWN: &[&str] = &[
    "memory:",
    #[cfg(feature = "sqlite")]
    "sqlite:<file>",
];

/// The message bus. A clone is another handle.
#[derive(Clone)]
pub struct Bus(Technology);

#[derive(Clone)]
enum Technology {
    Memory(MemoryBus),
    #[cfg(feature = "sqlite")]
    Sqlite(SqliteBus),
}

impl From<MemoryBus> for Bus {
    fn from(bus: MemoryBus) -> Self {
        Self(Technology::Memory(bus))
    }
}

#[cfg(feature = "sqlite")]
impl From<SqliteBus> for Bus {
    fn from(bus: SqliteBus) -> Self {
        Self(Technology::Sqlite(bus))
    }
}

impl Bus {
    /// Opens the bus at this address. With a key it is sealed, where it can be.
    ///
    /// # Errors
    /// [`OpenError`] when there is none, or nothing here opens such an address.
    pub async fn open(address: &Address, key: Option<SealingKey>) -> Result<Self, OpenError> {
        match address.scheme() {
            "memory" => Ok(MemoryBus::new().into()),
            #[cfg(feature = "sqlite")]
            "sqlite" => {
                let config = SqliteBusConfig { seal: key.map(Seal::new), ..SqliteBusConfig::file(address.path()) };
                SqliteBus::open(config).await.map(Self::from).map_err(super::store::refused)
            }
            _ => {
                let _ = key;
                Err(OpenError::unknown(address, "a message bus", KNOWN))
            }
        }
    }

    /// Takes messages.
    pub fn publisher(&self) -> Arc<dyn Publisher> {
        match &self.0 {
            Technology::Memory(bus) => Arc::new(bus.clone()),
            #[cfg(feature = "sqlite")]
            Technology::Sqlite(bus) => Arc::new(bus.clone()),
        }
    }

    /// Gives messages.
    pub fn subscriber(&self) -> Arc<dyn Subscriber> {
        match &self.0 {
            Technology::Memory(bus) => Arc::new(bus.clone()),
            #[cfg(feature = "sqlite")]
            Technology::Sqlite(bus) => Arc::new(bus.clone()),
        }
    }

    /// Messages that could not be handled.
    pub fn dead_letters(&self) -> Arc<dyn DeadLetters> {
        match &self.0 {
            Technology::Memory(bus) => Arc::new(bus.clone()),
            #[cfg(feature = "sqlite")]
            Technology::Sqlite(bus) => Arc::new(bus.clone()),
        }
    }

    /// What is wrong with it, in words; `None` while all is well, which costs next to nothing to know.
    pub async fn trouble(&self) -> Option<String> {
        match &self.0 {
            Technology::Memory(_) => None,
            #[cfg(feature = "sqlite")]
            Technology::Sqlite(bus) => bus.fault().await.map(|fault| fault.to_string()),
        }
    }

    /// Closes it, once nobody uses it any more.
    pub async fn close(&self) {
        match &self.0 {
            Technology::Memory(_) => {}
            #[cfg(feature = "sqlite")]
            Technology::Sqlite(bus) => bus.close().await,
        }
    }
}
