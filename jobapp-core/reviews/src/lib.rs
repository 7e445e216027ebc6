//! Reviews and the totals they feed.
//!
//! When an order is completed, its buyer reviews the seller and its seller reviews the buyer, once each. The review
//! service knows orders from events only: an [`OrderFact`] says who the two are and whether the order is completed.
//! What clients say of themselves is ignored: a [`Review`]'s names, pictures and ids come from facts.
//!
//! Reviews feed [`ReviewAnalytics`]: how sellers and gigs were rated, in all and in each day, week or month of a [`Period`]. They are built
//! from the reviews, at any time anew, by [`Rebuild`].
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::sync::Arc;
//! use jobapp_kernel::{FixedClock, Stars, Timestamp};
//! use jobapp_reviews::{NewReview, OrderFact, OrderParties, ReviewError, ReviewSide, Reviews};
//! use jobapp_directory::{CardUpdate, Directory};
//!
//! let store = jobapp_memory::MemoryStore::new();
//! let reviews = Reviews {
//!     reviews: store.repository(),
//!     orders: store.repository(),
//!     directory: Directory::new(store.repository()),
//!     sequence: store.sequence(),
//!     clock: Arc::new(FixedClock::at(Timestamp::EPOCH)),
//! };
//!
//! // Events tell who the buyer is, and that the order is completed.
//! let buyer_id = "66f0c0ffee0000000000b001".parse()?;
//! let (email, picture, country) = ("marta@example.org".into(), "p.png".into(), "Portugal".into());
//! reviews.directory.apply("Marta", CardUpdate::Buyer { buyer_id, email, picture, country }, 1).await?;
//! let parties = OrderParties {
//!     gig_id: "66f0c0ffee00000000009001".into(),
//!     buyer_id: "66f0c0ffee0000000000b001".into(),
//!     buyer_username: "Marta".into(),
//!     seller_id: "66f0c0ffee0000000000a001".into(),
//!     seller_username: "Iria".into(),
//! };
//! reviews.order_changed(OrderFact::new("JO52310984761".parse()?, parties, true, 4)).await?;
//!
//! let new = NewReview {
//!     order: "JO52310984761".into(),
//!     side: ReviewSide::Buyer,
//!     rating: Stars::new(5)?,
//!     text: "Quick and tidy.".into(),
//! };
//! let review = reviews.write("Marta", new.clone(), None).await?;
//! assert_eq!(review.reviewer().country, "Portugal");
//! assert!(matches!(reviews.write("Marta", new.clone(), None).await, Err(ReviewError::Reviewed)));
//! assert!(matches!(reviews.write("Iria", new, None).await, Err(ReviewError::OtherSide)));
//! assert_eq!(reviews.about_seller("66f0c0ffee0000000000a001").await?.len(), 1);
//! # Ok(()) }
//! ```

mod analytics;
mod calendar;
mod error;
mod order_fact;
mod rebuild;
mod review;
mod service;
mod stored;
mod subject;

pub use analytics::{Edition, RatedReview, RatingCounts, ReviewAnalytics};
pub use calendar::{Day, InvalidPeriod, InvalidUnit, Period, Unit};
pub use error::ReviewError;
pub use order_fact::{OrderFact, OrderFactState, OrderFactV1, OrderNumber, OrderParties};
pub use rebuild::{Rebuild, RebuildError};
pub use review::{FormerReview, Review, ReviewEvent, ReviewId, ReviewSide, ReviewState, ReviewV1, Reviewer};
pub use service::{MAX_REVIEWS, NewReview, Reviews};
pub use stored::{
    Editions, EditionsId, EditionsState, EditionsV1, RatingMonth, RatingMonthId, RatingMonthState, RatingMonthV1,
    StoredAnalytics,
};
pub use subject::{Subject, SubjectKind};
