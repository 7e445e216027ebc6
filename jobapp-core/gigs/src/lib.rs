//! Gigs and what a search asks for.
//!
//! A [`Gig`] is what a seller offers. Only its seller changes it, its number ([`Listing::sort_id`]) is given out once and
//! never again, its ratings come from reviews. [`Gigs`] has the use cases, [`Finder`] finds gigs, and [`Indexer`] keeps the
//! index like the store.
//!
//! A search means the same in every index, because what it means is decided here: [`words()`] makes words of texts,
//! [`SearchQuery`] reads what a client asks for, [`SearchDocument`] is what an index holds of a gig, and [`SearchQuery::matches`]
//! and [`SearchQuery::page`] say which gigs are meant. A gig must have all words asked for; if no gig has all of them, any of
//! them will do. Results come in the order of sort ids, always, so that pages are stable. Implementations of the
//! ports [`GigSearch`] and [`SearchIndex`] pass one suite, and an index that is away is no outage: the store answers then.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::sync::Arc;
//! use jobapp_gigs::{Content, Finder, Gigs, Indexer, SearchQuery, Seller};
//! use jobapp_kernel::{FixedClock, Money, SequenceIds, Timestamp};
//! use jobapp_memory::{MemorySearch, MemoryStore};
//!
//! let store = MemoryStore::new();
//! let index = Arc::new(MemorySearch::new());
//! let clock = Arc::new(FixedClock::at(Timestamp::EPOCH));
//! let gigs = Gigs::new(store.repository(), store.sequence(), clock, Arc::new(SequenceIds::default()));
//!
//! let seller = Seller {
//!     id: "66f0c0ffee0000000000a001".parse()?,
//!     username: "Iria".into(),
//!     email: "iria@example.org".into(),
//!     picture: "https://img.example.org/p/2.png".into(),
//! };
//! let content = Content {
//!     title: "I will draw your logo".into(),
//!     description: "A logo for your shop, drawn by hand.".into(),
//!     category: "Graphics & Design".into(),
//!     sub_categories: vec!["Logo Design".into()],
//!     tags: vec!["logo".into()],
//!     price: Money::from_cents(2000),
//!     cover_image: "https://img.example.org/c/1.png".into(),
//!     expected_delivery: "3 Days Delivery".into(),
//!     basic_title: "One logo".into(),
//!     basic_description: "One draft, two revisions".into(),
//! };
//! let gig = gigs.create(seller, content, None).await?;
//! assert_eq!(gig.sort_id, 1_000_000_001);
//!
//! Indexer::new(store.repository(), index.clone()).changed(&[(gig.id, 1)]).await?;
//! let query = SearchQuery::parse("0", "10", "forward", [("query", "logos for a shop"), ("delivery_time", "3")]);
//! let page = Finder::new(store.repository(), index).search(&query).await?;
//! assert_eq!((page.total, page.gigs[0].id), (1, gig.id));
//! # Ok(()) }
//! ```

mod choices;
mod error;
mod finder;
mod gig;
mod indexing;
mod ports;
mod query;
mod service;
#[cfg(test)]
mod testing;
mod text;

pub use choices::{Chooser, ChosenCategory, ChosenCategoryState, LONGEST_CATEGORY, StoredCategories};
pub use error::GigError;
pub use finder::{Finder, MOST_OF_A_CATEGORY, MOST_SIMILAR, SearchPage};
pub use gig::{Content, FIRST_SORT_ID, Gig, GigEvent, GigId, GigState, Listing, PRICE_FLOOR, Seller};
pub use indexing::{Indexer, StoredGigs};
pub use ports::{EveryGig, Extent, GigSearch, Hits, IndexChange, SearchError, SearchIndex, SelectedCategories};
pub use query::{MOST_HITS, MOST_ON_A_PAGE, Match, SearchDocument, SearchQuery, Start, USUAL_PAGE};
pub use service::{Gigs, MOST_OF_A_SELLER};
pub use text::{days_in, words};
