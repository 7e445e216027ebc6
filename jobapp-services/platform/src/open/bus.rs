//! The message bus, whatever carries it.

use std::sync::Arc;

use async_trait::async_trait;
#[cfg(feature = "amqp")]
use jobapp_amqp::{AmqpBus, AmqpConfig, AmqpError};
use jobapp_kernel::{DeadLetters, Publisher, Queues, Subscriber};
use jobapp_memory::MemoryBus;
#[cfg(feature = "sqlite")]
use jobapp_sqlite::{Seal, SqliteBus, SqliteBusConfig};

use super::{Address, OpenError, SealingKey};
use crate::{Part, Vitals};

/// How its addresses look.
const KNOWN: &[&str] = &[
    "memory:",
    #[cfg(feature = "amqp")]
    "amqp://<broker>/<virtual host>",
    #[cfg(feature = "sqlite")]
    "sqlite:<file>",
];

/// The message bus. A clone is another handle.
#[derive(Clone)]
pub struct Bus(Technology);

#[derive(Clone)]
enum Technology {
    Memory(MemoryBus),
    #[cfg(feature = "amqp")]
    Amqp(AmqpBus),
    #[cfg(feature = "sqlite")]
    Sqlite(SqliteBus),
}

impl From<MemoryBus> for Bus {
    fn from(bus: MemoryBus) -> Self {
        Self(Technology::Memory(bus))
    }
}

#[cfg(feature = "amqp")]
impl From<AmqpBus> for Bus {
    fn from(bus: AmqpBus) -> Self {
        Self(Technology::Amqp(bus))
    }
}

#[cfg(feature = "sqlite")]
impl From<SqliteBus> for Bus {
    fn from(bus: SqliteBus) -> Self {
        Self(Technology::Sqlite(bus))
    }
}

/// All that is asked of a bus.
trait Carrier: Publisher + Subscriber + DeadLetters + Queues {}

impl<B: Publisher + Subscriber + DeadLetters + Queues> Carrier for B {}

impl Bus {
    /// Opens the bus at this address. With a key it is sealed, where it can be.
    ///
    /// # Errors
    /// [`OpenError`] when there is none, or nothing here opens such an address.
    pub async fn open(address: &Address, key: Option<SealingKey>) -> Result<Self, OpenError> {
        match address.scheme() {
            "memory" => Ok(MemoryBus::new().into()),
            #[cfg(feature = "amqp")]
            "amqp" | "amqps" => {
                let config = AmqpConfig::new(&address.url()).map_err(OpenError::of)?.named(program());
                AmqpBus::open(config).await.map(Self::from).map_err(refused)
            }
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

    /// Opens the bus at this address for whoever looks after it, beside the processes that use it: it is not made, and nothing of what
    /// they are about is taken from them.
    ///
    /// # Errors
    /// As [`Bus::open`], and when a file is not there.
    pub async fn open_beside(address: &Address, key: Option<SealingKey>) -> Result<Self, OpenError> {
        match address.scheme() {
            "memory" => Err(OpenError::of("a bus in memory is seen by its own process alone")),
            #[cfg(feature = "sqlite")]
            "sqlite" if !address.path().exists() => {
                Err(OpenError::of(format!("there is no message bus in {}", address.path().display())))
            }
            #[cfg(feature = "sqlite")]
            "sqlite" => {
                let config = SqliteBusConfig { seal: key.map(Seal::new), ..SqliteBusConfig::file(address.path()) };
                SqliteBus::open(config.beside_its_owner()).await.map(Self::from).map_err(super::store::refused)
            }
            _ => Self::open(address, key).await,
        }
    }

    fn carrier(&self) -> Arc<dyn Carrier> {
        match &self.0 {
            Technology::Memory(bus) => Arc::new(bus.clone()),
            #[cfg(feature = "amqp")]
            Technology::Amqp(bus) => Arc::new(bus.clone()),
            #[cfg(feature = "sqlite")]
            Technology::Sqlite(bus) => Arc::new(bus.clone()),
        }
    }

    /// What it is, in the words of OpenTelemetry where it has one.
    pub const fn system(&self) -> &'static str {
        match &self.0 {
            Technology::Memory(_) => "memory",
            #[cfg(feature = "amqp")]
            Technology::Amqp(_) => "rabbitmq",
            #[cfg(feature = "sqlite")]
            Technology::Sqlite(_) => "sqlite",
        }
    }

    /// Takes messages.
    pub fn publisher(&self) -> Arc<dyn Publisher> {
        self.carrier()
    }

    /// Gives messages.
    pub fn subscriber(&self) -> Arc<dyn Subscriber> {
        self.carrier()
    }

    /// Messages that could not be handled.
    pub fn dead_letters(&self) -> Arc<dyn DeadLetters> {
        self.carrier()
    }

    /// How long its queues are.
    pub fn queues(&self) -> Arc<dyn Queues> {
        self.carrier()
    }

    /// What is wrong with it, in words; `None` while all is well, which costs next to nothing to know.
    pub async fn trouble(&self) -> Option<String> {
        match &self.0 {
            Technology::Memory(_) => None,
            #[cfg(feature = "amqp")]
            Technology::Amqp(bus) => bus.trouble(),
            #[cfg(feature = "sqlite")]
            Technology::Sqlite(bus) => bus.fault().await.map(|fault| fault.to_string()),
        }
    }

    /// Closes it, once nobody uses it any more.
    pub async fn close(&self) {
        match &self.0 {
            Technology::Memory(_) => {}
            #[cfg(feature = "amqp")]
            Technology::Amqp(bus) => bus.close().await,
            #[cfg(feature = "sqlite")]
            Technology::Sqlite(bus) => bus.close().await,
        }
    }
}

/// Requests may come while it is in trouble: what they store waits in the outboxes.
#[async_trait]
impl Vitals for Bus {
    async fn parts(&self) -> Vec<Part> {
        let trouble = self.trouble().await;
        vec![Part { is_vital: false, ..Part::vital("the message bus", trouble) }]
    }
}

/// A broker that is away may come back; one that lets nobody in needs somebody who sees to it.
#[cfg(feature = "amqp")]
fn refused(error: AmqpError) -> OpenError {
    if error.may_pass() { OpenError::away(error) } else { OpenError::of(error) }
}

/// What an operator of the broker sees as the name of a connection.
#[cfg(feature = "amqp")]
fn program() -> String {
    let path = std::env::current_exe().ok();
    let name = path.as_deref().and_then(|path| path.file_stem());
    name.map_or_else(|| "jobapp".to_owned(), |name| name.to_string_lossy().into_owned())
}

#[cfg(all(test, feature = "amqp"))]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    async fn why(text: &str) -> OpenError {
        Bus::open(&Address::parse("RABBITMQ_ENDPOINT in the environment", text), None).await.err().unwrap()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_broker_that_is_away_is_waited_for_and_an_address_that_is_none_is_not() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        assert!(why(&format!("amqp://jobapp:hush@127.0.0.1:{port}/jobapp")).await.may_pass());
        assert!(!why("amqp://127.0.0.1/jobapp?queue_type=round").await.may_pass());
        assert!(!why("amqp:nonsense").await.may_pass());
    }
}
