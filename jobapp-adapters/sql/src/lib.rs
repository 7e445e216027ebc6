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
//! What differs between databases is in one file, `dialect.rs`; every statement is built from a description that sea-query
//! writes for the connection's database. SQLite is the database that is wired up; a marketplace on one machine takes `jobapp-sqlite`,
//! which reads and writes the same files several times as fast.

mod condition;
mod config;
mod connections;
mod dialect;
mod error;
mod inner;
mod leases;
mod migration;
mod namespace;
mod outbox;
mod outbox_statements;
mod patience;
mod queries;
mod repository;
mod row;
mod save;
mod sequence;
mod statement;
mod store;
mod tables;

pub use config::{Headers, Location, SqlConfig};
pub use dialect::Fault;
pub use error::SqlStoreError;
pub use jobapp_seal::Seal;
pub use namespace::{InvalidNamespace, Namespace};
pub use store::SqlStore;
