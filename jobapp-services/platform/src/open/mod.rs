//! What a process stands on, opened from addresses.
//!
//! The scheme of an [`Address`] chooses the technology. A new one is its crate, and one arm in the file of what it is for.

mod address;
mod analytics;
mod bus;
mod error;
mod logs;
#[cfg(feature = "mail")]
mod mail;
mod media;
#[cfg(feature = "payments")]
mod payments;
mod peers;
mod search;
mod store;

pub use self::address::Address;
pub use self::analytics::Analytics;
pub use self::bus::Bus;
pub use self::error::{OpenError, UnknownAddress};
pub use self::logs::{LineCounts, LogServer};
#[cfg(feature = "mail")]
pub use self::mail::Mail;
pub use self::media::{Media, MediaConfig};
#[cfg(feature = "payments")]
pub use self::payments::Payments;
pub use self::peers::Peers;
pub use self::search::Search;
pub use self::store::{Kept, KeptValue, Pool, Store};

/// What seals that which waits to be published, where the technology can: links and codes that open accounts are among it.
pub type SealingKey = [u8; 32];
