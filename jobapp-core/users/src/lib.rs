//! Buyers and sellers: who they are, what they bought, how much they worked and how they were rated.
//!
//! A [`Buyer`] is made when an account is, a [`Seller`] when a buyer says so. The profile is theirs to write; counters,
//! earnings and ratings are not: they follow from orders, gigs and reviews, each counted once whatever order they arrive in.
//! [`Users`] joins the decisions with the store. What other services keep of both is in `jobapp-directory`.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::sync::Arc;
//! use jobapp_kernel::{Cause, FixedClock, SequenceIds, Timestamp};
//! use jobapp_memory::MemoryStore;
//! use jobapp_users::{Dice, NewBuyer, Profile, Tally, Users, Ports};
//!
//! struct Loaded;
//! impl Dice for Loaded {
//!     fn below(&self, _sides: u64) -> u64 { 0 }
//! }
//!
//! let store = MemoryStore::new();
//! let users = Users::new(Ports {
//!     buyers: store.repository(),
//!     sellers: store.repository(),
//!     numbers: store.sequence(),
//!     clock: Arc::new(FixedClock::at(Timestamp::EPOCH)),
//!     ids: Arc::new(SequenceIds::default()),
//!     dice: Arc::new(Loaded),
//! });
//! users.create_buyer(NewBuyer {
//!     username: "Marta".into(),
//!     email: "marta@example.org".into(),
//!     picture: "https://img.example.org/p/1.png".into(),
//!     country: "Portugal".into(),
//!     created_at: Timestamp::EPOCH,
//! }).await?;
//!
//! let seller = users.create_seller("Marta", "marta@example.org", Profile::default(), None).await?;
//! let placed = || Some(Cause::message("user-seller-queue", "create-order JO1"));
//! users.tally(*seller.seller_id(), Tally::OrderPlaced, placed()).await?;
//! users.tally(*seller.seller_id(), Tally::OrderPlaced, placed()).await?; // delivered twice, counted once
//! let seller = users.seller(*seller.seller_id()).await?.unwrap();
//! assert_eq!(seller.work().ongoing(), 1);
//! assert!(users.buyer_of("Marta").await?.unwrap().is_seller());
//! # Ok(()) }
//! ```

mod buyer;
mod error;
mod pick;
mod ports;
mod profile;
mod samples;
mod seller;
mod service;
mod work;

pub use buyer::{Buyer, BuyerEvent, BuyerState, BuyerV1, NewBuyer, Purchase};
pub use error::UsersError;
pub use jobapp_directory::{BuyerId, SellerId, Username};
pub use ports::{Dice, Ports};
pub use profile::{Certificate, Education, Experience, Item, Language, Profile};
pub use seller::{Seller, SellerEvent, SellerState, SellerV1};
pub use service::Users;
pub use work::{InvalidTally, Tally, Work};
