//! Every port in memory: for tests, examples and trying things out.
//!
//! [`MemoryStore`] is the store of one service: the repositories of all its aggregates, their outbox and the sequences. It
//! passes the suite every store passes, and it stores states as JSON text, so a conversion that loses something is
//! noticed here and not in production.
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
//! use jobapp_memory::MemoryStore;
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), jobapp_kernel::RepositoryError> {
//! let store = MemoryStore::new();
//! let kettles = store.repository::<Kettle>();
//! let id = ObjectId::from_bytes([7; 12]);
//! let saved = kettles.save(Change::insert(Kettle(id), vec!["bought".to_owned()])).await?;
//! assert_eq!(saved.version(), Some(1));
//! assert_eq!(store.events()[0].event, "bought");
//! # Ok(()) }
//! ```

mod bus;
mod cache;
mod data;
mod fanout;
mod inventory;
mod leases;
mod limits;
mod mail;
mod outbox;
mod presence;
mod repository;
mod search;
mod store;
mod table;
mod waiting;

pub use bus::MemoryBus;
pub use cache::MemoryCache;
pub use data::Headers;
pub use fanout::MemoryFanout;
pub use jobapp_pump::QueueDepth;
pub use limits::MemoryLimiter;
pub use mail::{Claims, MemoryMailer, MemorySentRecords, SentMail};
pub use presence::MemoryPresence;
pub use search::{MemoryCategories, MemorySearch};
pub use store::MemoryStore;
