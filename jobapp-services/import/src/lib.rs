//! Takes over what the existing system keeps.
//!
//! [`import`] reads the [`OldSystem`] a page of rows at a time, translates each row, and stores what comes of it in the stores of
//! [ours](Ours). A row that breaks a rule is left out, and the report says why. It may be ended at any moment and goes on where it ended;
//! what is here already stays as it is; services may run on both sides meanwhile.
//!
//! What the other services keep of people, gigs and orders they hear from the same events as ever; those are raised that mail nobody and
//! count nothing.
//!
//! ```
//! use async_trait::async_trait;
//! use jobapp_import::{Kind, OldRow, OldSystem, OldSystemError, Options, Ours, Silent, import};
//! use jobapp_platform::Store;
//!
//! /// A system that one account was made in.
//! struct Old;
//!
//! #[async_trait]
//! impl OldSystem for Old {
//!     async fn page(&self, kind: Kind, after: Option<&str>, _: usize) -> Result<Vec<OldRow>, OldSystemError> {
//!         if kind != Kind::Accounts || after.is_some() {
//!             return Ok(Vec::new());
//!         }
//!         let row = serde_json::json!({"id": 1, "username": "Marta", "email": "marta@example.org", "country": "Portugal",
//!             "password": "$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy", "createdAt": "2024-05-01T10:00:00.000Z"});
//!         Ok(vec![OldRow { id: "1".to_owned(), fields: row.as_object().cloned().unwrap_or_default() }])
//!     }
//!
//!     async fn count(&self, kind: Kind) -> Result<u64, OldSystemError> {
//!         Ok(u64::from(kind == Kind::Accounts))
//!     }
//!
//!     async fn highest(&self, kind: Kind) -> Result<Option<i64>, OldSystemError> {
//!         Ok((kind == Kind::Accounts).then_some(1))
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), jobapp_import::ImportError> {
//! let [auth, users, gig, chat, order, review] = [(); 6].map(|()| Store::in_memory());
//! let ours = Ours { auth, users, gig, chat, order, review, analytics: None };
//! let summary = import(Options::new("example"), &Old, &ours, &Silent).await?;
//! assert_eq!(summary.total().taken, 1);
//! let again = import(Options { again: true, ..Options::new("example") }, &Old, &ours, &Silent).await?;
//! assert_eq!((again.total().taken, again.total().there), (0, 1));
//! # Ok(()) }
//! ```

mod fields;
mod kind;
#[cfg(feature = "legacy")]
mod legacy;
mod old;
mod ours;
mod position;
mod progress;
mod report;
mod run;
mod target;
mod targets;
mod translate;

pub use kind::Kind;
#[cfg(feature = "legacy")]
pub use legacy::{InvalidPlace, Legacy, Places};
pub use old::{OldRow, OldSystem, OldSystemError};
pub use ours::Ours;
pub use position::{Position, PositionState, PositionV1};
pub use progress::{Progress, Silent};
pub use report::{Counts, Outcome, Summary};
pub use run::{ImportError, Options, PAGE, import, position_of};
