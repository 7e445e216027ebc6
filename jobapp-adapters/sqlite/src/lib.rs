//! The store and the message bus in SQLite files: what a marketplace on one machine needs, and nothing to install.
//!
//! [`SqliteStore`] is the store of one service in one file. Each kind of aggregate that is
//! [registered](SqliteStore::register) has a table: id, version, the state as JSON, and for each declared key a column for its
//! value, one for what its lists are sorted by, and an index over both; a key of many values has a table of its own.
//! Uniqueness is a constraint of the database. The outbox, the inbox and the sequences are tables beside them, so a change,
//! its events and its cause are one step.
//!
//! A thread writes each file. Writes that wait at the same time share one transaction and one
//! wait for the disk; nothing is answered before it. Reading is done where it is asked for, by one of two connections.
//!
//! What waits for the disk: every save and every message that is published, so that an event that has left its outbox is on the
//! bus. What does not: leases, clearing the outbox, taking and acknowledging messages. All of that is done again if a power cut
//! takes it back, and consumers expect it; the end of the process takes back nothing.
//!
//! A store may be [sealed](SqliteConfig::sealed): then the events in its outbox are of no use to who has the file without the key.
//! So may the [bus](SqliteBusConfig::sealed), whose messages carry links and codes to mailboxes.
//!
//! Several processes may have a file open. A new file is for its owner only, whatever the process's mask. The files are those that
//! `jobapp-sql` makes and reads on SQLite, too.
//!
//! ```
//! # use jobapp_kernel::{Aggregate, Change, InvalidState, Key, ObjectId};
//! # #[derive(Clone)] struct Kettle(ObjectId);
//! # impl Aggregate for Kettle {
//! #     const NAME: &'static str = "kettle"; type Id = ObjectId; type Event = String; type State = ObjectId;
//! #     fn id(&self) -> &ObjectId { &self.0 }
//! #     fn keys() -> &'static [Key<Self>] { &[] }
//! #     fn to_state(&self) -> ObjectId { self.0 }
//! #     fn from_state(id: ObjectId) -> Result<Self, InvalidState> { Ok(Kettle(id)) }
//! # }
//! use jobapp_sqlite::{SqliteConfig, SqliteStore};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let store = SqliteStore::open(SqliteConfig::memory()).await?; // or SqliteConfig::file("data/kettles.db")
//! let kettles = store.register::<Kettle>().await?;
//! let id = ObjectId::from_bytes([7; 12]);
//! let saved = kettles.save(Change::insert(Kettle(id), vec!["bought".to_owned()])).await?;
//! assert_eq!(saved.version(), Some(1));
//! assert_eq!(store.outbox().waiting().await?, 1);
//! # Ok(()) }
//! ```

mod backup;
pub mod bus;
mod config;
mod database;
mod error;
mod examine;
mod fault;
mod file;
mod inventory;
mod jobs;
mod leases;
mod migration;
mod outbox;
mod queries;
mod repository;
mod row;
mod save;
mod sequence;
mod store;
mod tables;
mod wanted;

pub use backup::{BackupError, copy_databases};
pub use bus::{QueueDepth, SqliteBus, SqliteBusCensus, SqliteBusConfig};
pub use config::{Headers, Location, Patience, SqliteConfig};
pub use error::{OpenError, SqliteError};
pub use examine::{Depth, examine};
pub use fault::Fault;
pub use jobapp_seal::Seal;
pub use store::SqliteStore;
