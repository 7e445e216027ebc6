//! One test suite for each port, run by every implementation: a promise that is not in a suite does not exist.
//!
//! A suite is a set of async functions, one per promise, and a macro that makes a test of each:
//!
//! ```ignore
//! // tests/it/main.rs of an implementation
//! async fn fresh() -> jobapp_contracts::Harness { /* a new, empty store */ }
//!
//! jobapp_contracts::repository!(fresh()); // every store
//! jobapp_contracts::durability!(fresh()); // a store that outlives its process
//! ```
//!
//! Which suite is whose, as `cargo xtask layers` reads it: an asynchronous port of the core that is missing here, and an
//! implementation whose crate does not run the suite, are refused.
//!
//! | port | suite |
//! |---|---|
//! | `Repository` | `repository!` |
//! | `Outbox` | `repository!` |
//! | `Sequence` | `repository!` |
//! | `Leases` | `leases!` |
//! | `Inventory` | `inventory!` |
//! | `Publisher` | `bus!` |
//! | `Subscriber` | `bus!` |
//! | `DeadLetters` | `bus!` |
//! | `Queues` | `bus!` |
//! | `GigSearch` | `search!` |
//! | `SearchIndex` | `search!` |
//! | `SelectedCategories` | `categories!` |
//! | `ReviewAnalytics` | `analytics!` |
//! | `MediaStore` | `media!` |
//! | `MediaSink` | `media!` |
//! | `Mailer` | `mailer!` |
//! | `SentRecords` | `sent_records!` |
//! | `PaymentProvider` | `payments!` |
//! | `PasswordHasher` | `hasher!` |
//! | `Fanout` | `fanout!` |
//! | `Presence` | `presence!` |
//! | `RateLimiter` | `limits!` |
//! | `SharedCache` | `cache!` |
//! | `Handler` | none: services implement it, not technologies |
//! | `Webhook` | none: services implement it, not technologies |
//! | `EveryGig` | none: a cursor over the gigs of a store |
//!
//! The argument is an expression that makes a future of a fresh store; it is evaluated once for each test, so no test sees
//! what another left. The crate that runs a suite needs `tokio` with `macros` and `rt-multi-thread`.

pub mod analytics;
pub mod bus;
pub mod cache;
mod cases;
pub mod categories;
pub mod durability;
pub mod fanout;
pub mod fixture;
pub mod hasher;
pub mod inventory;
pub mod leases;
pub mod limits;
pub mod mail;
pub mod media;
pub mod outbox;
pub mod payments;
pub mod presence;
pub mod rekeyed;
pub mod repository;
pub mod search;
pub mod sequence;
mod suite;

pub use fixture::{Corrupt, Harness, Reopen};
