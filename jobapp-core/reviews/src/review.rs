//! Reviews.

use jobapp_kernel::{Aggregate, InvalidId, InvalidState, Key, KeyValue, Stars, Timestamp, is_blank};
use serde::{Deserialize, Serialize};

use crate::{OrderFact, OrderNumber, OrderParties, ReviewError};

/// The number of a review: positive, given out in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ReviewId(pub i64);

impl std::fmt::Display for ReviewId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::str::FromStr for ReviewId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        match text.parse() {
            Ok(number) if number > 0 => Ok(Self(number)),
            _ => Err(InvalidId::new(text, "a positive whole number")),
        }
    }
}

/// Which side of an order writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ReviewSide {
    /// The buyer, about the seller.
    #[serde(rename = "buyer-review")]
    Buyer,
    /// The seller, about the buyer.
    #[serde(rename = "seller-review")]
    Seller,
}

impl ReviewSide {
    /// The wire's name: `buyer-review` or `seller-review`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Buyer => "buyer-review",
            Self::Seller => "seller-review",
        }
    }
}

/// Who wrote a review, as he was then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reviewer {
    /// The buyer's or the seller's document id.
    pub id: String,
    /// Stored form.
    pub username: String,
    /// URL of the picture.
    pub image: String,
    /// Free text.
    pub country: String,
}

/// What one side of an order says about the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Review {
    id: ReviewId,
    order: OrderNumber,
    side: ReviewSide,
    gig_id: String,
    seller_id: String,
    reviewer: Reviewer,
    rating: Stars,
    text: String,
    created_at: Timestamp,
}

/// What happened to a review.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum ReviewEvent {
    /// It was written.
    Written {
        /// The review.
        review: ReviewState,
    },
}

/// A review that another system kept until now.
#[derive(Debug, Clone)]
pub struct FormerReview {
    /// Its number there.
    pub id: ReviewId,
    /// The order.
    pub order: OrderNumber,
    /// Which side wrote it.
    pub side: ReviewSide,
    /// The gig that was ordered.
    pub gig_id: String,
    /// The seller of the order.
    pub seller_id: String,
    /// Who wrote it.
    pub reviewer: Reviewer,
    /// How many stars.
    pub rating: Stars,
    /// The words.
    pub text: String,
    /// When it was written.
    pub created_at: Timestamp,
}

impl Review {
    /// The sequence of review ids.
    pub const NUMBERS: &'static str = "reviews";

    /// The most characters of a review.
    pub const MAX_CHARACTERS: usize = 2000;

    /// By order and side: one each.
    pub const ORDER_SIDE: Key<Self> =
        Key::<Self>::text("order_side", |review| vec![Self::order_side(&review.order, review.side)]).unique();
    /// By gig, in the order they were written.
    pub const GIG: Key<Self> =
        Key::<Self>::text("gig", |review| vec![review.gig_id.as_str().into()]).sorted_by(|review| review.id.0.into());
    /// By the seller they are about, in the order they were written.
    pub const ABOUT_SELLER: Key<Self> = Key::<Self>::text("about_seller", |review| match review.side {
        ReviewSide::Buyer => vec![review.seller_id.as_str().into()],
        ReviewSide::Seller => Vec::new(),
    })
    .sorted_by(|review| review.id.0.into());

    /// The value of [`Review::ORDER_SIDE`].
    pub fn order_side(order: &OrderNumber, side: ReviewSide) -> KeyValue {
        format!("{order}/{}", side.name()).into()
    }

    /// What `reviewer`, the user of this side, says about the other side of a completed order.
    ///
    /// # Errors
    /// When it is not his to say, or there are no words, or too many.
    pub fn write(
        id: ReviewId,
        fact: &OrderFact,
        side: ReviewSide,
        reviewer: Reviewer,
        rating: Stars,
        text: String,
        now: Timestamp,
    ) -> Result<(Self, Vec<ReviewEvent>), ReviewError> {
        fact.check_reviewer(&reviewer.username, side)?;
        if is_blank(&text) || text.chars().count() > Self::MAX_CHARACTERS {
            return Err(ReviewError::Text);
        }
        let OrderParties { gig_id, seller_id, .. } = fact.parties().clone();
        let order = fact.id().clone();
        let review = Self { id, order, side, gig_id, seller_id, reviewer, rating, text, created_at: now };
        let written = ReviewEvent::Written { review: review.to_state() };
        Ok((review, vec![written]))
    }

    /// Takes over what another system kept. Nothing has happened: there is no event.
    pub fn taken_over(former: FormerReview) -> Self {
        let FormerReview { id, order, side, gig_id, seller_id, reviewer, rating, text, created_at } = former;
        Self { id, order, side, gig_id, seller_id, reviewer, rating, text, created_at }
    }

    /// The order.
    pub const fn order(&self) -> &OrderNumber {
        &self.order
    }

    /// Which side wrote it.
    pub const fn side(&self) -> ReviewSide {
        self.side
    }

    /// The gig that was ordered.
    pub fn gig_id(&self) -> &str {
        &self.gig_id
    }

    /// The seller of the order.
    pub fn seller_id(&self) -> &str {
        &self.seller_id
    }

    /// Who wrote it.
    pub const fn reviewer(&self) -> &Reviewer {
        &self.reviewer
    }

    /// How many stars.
    pub const fn rating(&self) -> Stars {
        self.rating
    }

    /// The words.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// When it was written.
    pub const fn created_at(&self) -> Timestamp {
        self.created_at
    }
}

/// What is stored of a review.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "v")]
pub enum ReviewState {
    /// The first form.
    #[serde(rename = "1")]
    V1(Box<ReviewV1>),
}
jobapp_kernel::forms!(ReviewState { "1" => V1 });

/// The first stored form of a review.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ReviewV1 {
    id: ReviewId,
    order: OrderNumber,
    side: ReviewSide,
    gig_id: String,
    seller_id: String,
    reviewer: Reviewer,
    rating: Stars,
    text: String,
    created_at: Timestamp,
}

impl Aggregate for Review {
    const NAME: &'static str = "review";
    type Id = ReviewId;
    type Event = ReviewEvent;
    type State = ReviewState;

    fn id(&self) -> &ReviewId {
        &self.id
    }

    fn keys() -> &'static [Key<Self>] {
        const { &[Self::ORDER_SIDE, Self::GIG, Self::ABOUT_SELLER] }
    }

    fn to_state(&self) -> ReviewState {
        let Self { id, order, side, gig_id, seller_id, reviewer, rating, text, created_at } = self.clone();
        let state = ReviewV1 { id, order, side, gig_id, seller_id, reviewer, rating, text, created_at };
        ReviewState::V1(Box::new(state))
    }

    fn from_state(state: ReviewState) -> Result<Self, InvalidState> {
        let ReviewState::V1(state) = state;
        let ReviewV1 { id, order, side, gig_id, seller_id, reviewer, rating, text, created_at } = *state;
        Ok(Self { id, order, side, gig_id, seller_id, reviewer, rating, text, created_at })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fact() -> OrderFact {
        let parties = OrderParties {
            gig_id: "g".into(),
            buyer_id: "b".into(),
            buyer_username: "Marta".into(),
            seller_id: "s".into(),
            seller_username: "Iria".into(),
        };
        OrderFact::new("JO1".parse().unwrap(), parties, true, 1)
    }

    fn write(username: &str, side: ReviewSide, text: &str) -> Result<(Review, Vec<ReviewEvent>), ReviewError> {
        let reviewer =
            Reviewer { id: "b".into(), username: username.into(), image: "p.png".into(), country: "Portugal".into() };
        Review::write(ReviewId(1), &fact(), side, reviewer, Stars::new(4).unwrap(), text.into(), Timestamp::EPOCH)
    }

    #[test]
    fn a_review_tells_all_of_itself() {
        let (review, events) = write("Marta", ReviewSide::Buyer, "Quick").unwrap();
        let json = serde_json::to_value(&events[0]).unwrap();
        assert_eq!(json["type"], "written");
        let ReviewEvent::Written { review: told } = serde_json::from_value(json).unwrap();
        assert_eq!(Review::from_state(told).unwrap(), review);
    }

    #[test]
    fn a_review_that_was_kept_elsewhere_is_the_same_here() {
        let (written, _) = write("Marta", ReviewSide::Buyer, "Quick").unwrap();
        let Review { id, order, side, gig_id, seller_id, reviewer, rating, text, created_at } = written.clone();
        let former = FormerReview { id, order, side, gig_id, seller_id, reviewer, rating, text, created_at };
        assert_eq!(Review::taken_over(former), written);
    }

    #[test]
    fn only_the_buyers_reviews_are_about_the_seller() {
        let (by_buyer, _) = write("Marta", ReviewSide::Buyer, "Quick").unwrap();
        let (by_seller, _) = write("Iria", ReviewSide::Seller, "Polite").unwrap();
        assert_eq!((Review::ABOUT_SELLER.read)(&by_buyer), [KeyValue::from("s")]);
        assert!((Review::ABOUT_SELLER.read)(&by_seller).is_empty());
        assert_ne!((Review::ORDER_SIDE.read)(&by_buyer), (Review::ORDER_SIDE.read)(&by_seller));
    }

    #[test]
    fn a_review_needs_words_and_the_right_to_speak() {
        for text in ["", " \n ", &"a".repeat(2001)] {
            assert!(matches!(write("Marta", ReviewSide::Buyer, text), Err(ReviewError::Text)));
        }
        assert!(write("Marta", ReviewSide::Buyer, &"a".repeat(2000)).is_ok());
        assert!(matches!(write("Iria", ReviewSide::Buyer, "Me!"), Err(ReviewError::OtherSide)));
    }
}
