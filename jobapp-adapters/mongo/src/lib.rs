//! The store on MongoDB.
//!
//! [`MongoStore`] is the store of one service in one database. Each kind of aggregate that is [registered](MongoStore::register) has a
//! collection, and each aggregate is one document: its version, its state as JSON, the values of its keys, the events that wait to be
//! published and the causes it took. So a change, its events and its cause are one write of one document, and neither transactions
//! nor a replica set are needed.
//!
//! What must be unique is claimed in a collection of its own before the document is written, and given back after it no longer has it.
//! A claim says whose it is; whether it holds, the owner's document says. So a claim that a crash has left is in nobody's way, and
//! no clock decides about it: the module `claims` says how.
//!
//! Several services may share a database: each store has a [namespace](MongoConfig::namespace) of its own then.
//!
//! A store may be [sealed](MongoConfig::sealed): then the events in its outbox are of no use to who has the data without the key.
//!
//! It keeps within what FerretDB 1.24 does as well: no transactions, change streams, updates by pipeline, `$expr`, array filters or
//! partial indexes. FerretDB 1 loses changes when several processes change one document at once, and says nothing; a store that meets it
//! warns of that.
//!
//! ```no_run
//! # use jobapp_kernel::{Aggregate, Change, InvalidState, Key, ObjectId};
//! # #[derive(Clone)] struct Kettle(ObjectId);
//! # impl Aggregate for Kettle {
//! #     const NAME: &'static str = "kettle"; type Id = ObjectId; type Event = String; type State = ObjectId;
//! #     fn id(&self) -> &ObjectId { &self.0 }
//! #     fn keys() -> &'static [Key<Self>] { &[] }
//! #     fn to_state(&self) -> ObjectId { self.0 }
//! #     fn from_state(id: ObjectId) -> Result<Self, InvalidState> { Ok(Kettle(id)) }
//! # }
//! use jobapp_mongo::{MongoConfig, MongoStore};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let store = MongoStore::open(MongoConfig::server("mongodb://localhost/kettles")?).await?;
//! let kettles = store.register::<Kettle>().await?;
//! let saved = kettles.save(Change::insert(Kettle(ObjectId::from_bytes([7; 12])), vec!["bought".to_owned()])).await?;
//! assert_eq!(saved.version(), Some(1));
//! # Ok(()) }
//! ```

//! The database of another system is read as a [`ForeignDatabase`].

// The futures of the driver are deep.
#![recursion_limit = "256"]

mod address;
mod claims;
mod clock;
mod condition;
mod config;
mod connection;
mod entry;
mod error;
mod failure;
mod fault;
mod fields;
mod foreign;
mod inbox;
mod inner;
mod inventory;
mod leases;
mod migration;
mod outbox;
mod prepared;
mod pruning;
mod queries;
mod record;
mod repository;
mod save;
mod sealing;
mod sequence;
mod store;

pub use address::{InvalidAddress, MongoAddress};
pub use config::{Headers, MongoConfig};
pub use error::MongoStoreError;
pub use fault::Fault;
pub use foreign::{ForeignDatabase, ForeignDocument, ForeignError};
pub use jobapp_kernel::{InvalidNamespace, Namespace};
pub use jobapp_seal::Seal;
pub use store::MongoStore;
