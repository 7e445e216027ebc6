//! The store on SQL databases.
//!
//! [`SqlStore`] is the store of one service in one database. Each kind of aggregate that is
//! [registered](SqlStore::register) has a table: id, version, the state as JSON, and for each declared key a column for its
//! value, one for what its lists are sorted by, and an index over both; a key of many values has a table of its own.
//! Uniqueness is a constraint of the database. The outbox, the inbox and the sequences are tables beside them, so a change,
//! its events and its cause are one transaction.
//!
//! Several services may share a database: each store has a [namespace](SqlConfig::namespace) of its own then, outbox and inbox
//! included.
//!
//! A store may be [sealed](SqlConfig::sealed): then the events in its outbox are of no use to who has the file without the key.
//!
//! On PostgreSQL and MySQL (or MariaDB) several processes write at once. A transaction that a deadlock or another's lock has ended
//! is begun anew; of changes that meet, constraints and versions decide. When a connection is lost while a change is stored,
//! it is not known whether it was: the same change under the same cause, again, has its effect once.
//!
//! A service of reviews may keep its [analytics](SqlStore::analytics) here, in tables that are truly relational, beside its store or
//! in a database of their own.
//!
//! SQLite files are written ahead (WAL) and flushed at every commit; one connection writes and two read. Several processes
//! may have a file open. A new file is for its owner only, whatever the process's mask.
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
//! use jobapp_sql::{SqlConfig, SqlStore};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let store = SqlStore::open(SqlConfig::memory()).await?; // or SqlConfig::file("data/kettles.db")
//! let kettles = store.register::<Kettle>().await?;
//! let id = ObjectId::from_bytes([7; 12]);
//! let saved = kettles.save(Change::insert(Kettle(id), vec!["bought".to_owned()])).await?;
//! assert_eq!(saved.version(), Some(1));
//! assert_eq!(store.outbox().waiting().await?, 1);
//! # Ok(()) }
//! ```
//!
//! What differs between databases is in one folder, `dialect`; every statement is built from a description that sea-query
//! writes for the connection's database. A marketplace on one machine takes `jobapp-sqlite`, which reads and writes the same files
//! several times as fast.

//! The database of another system is read as a [`ForeignDatabase`].

// The futures of the driver are deep.
#![recursion_limit = "256"]

mod address;
mod analytics;
mod condition;
mod config;
mod connections;
mod dialect;
mod error;
mod fault;
mod flags;
mod foreign;
mod inner;
mod inventory;
mod leases;
mod migration;
mod outbox;
mod patience;
mod queries;
mod repository;
mod row;
mod save;
mod sealing;
mod sequence;
mod statement;
mod store;
mod tables;
mod task;

pub use address::{InvalidAddress, ServerAddress};
pub use config::{Headers, Location, SqlConfig};
pub use connections::Pool;
pub use error::SqlStoreError;
pub use fault::Fault;
pub use foreign::{ForeignColumn, ForeignDatabase, ForeignError, ForeignTable, ForeignType};
pub use jobapp_kernel::{InvalidNamespace, Namespace};
pub use jobapp_seal::Seal;
pub use store::SqlStore;
