//! What the review service knows of an order.

use jobapp_kernel::{Aggregate, InvalidId, InvalidState, Key, MAX_KEY_BYTES};
use serde::{Deserialize, Serialize};

use crate::{ReviewError, ReviewSide};

/// The public number of an order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OrderNumber(String);

impl OrderNumber {
    /// The longest number, in bytes: together with a side it must fit into an index.
    const MAX_BYTES: usize = MAX_KEY_BYTES - 16;

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for OrderNumber {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.0)
    }
}

impl std::str::FromStr for OrderNumber {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        if text.is_empty() || text.len() > Self::MAX_BYTES {
            return Err(InvalidId::new(text, "the number of an order"));
        }
        Ok(Self(text.to_owned()))
    }
}

/// Who ordered what of whom. It never changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderParties {
    /// The gig.
    pub gig_id: String,
    /// The buyer's document id.
    pub buyer_id: String,
    /// The buyer's user name.
    pub buyer_username: String,
    /// The seller's document id.
    pub seller_id: String,
    /// The seller's user name.
    pub seller_username: String,
}

/// An order, as far as reviews are concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderFact {
    number: OrderNumber,
    parties: OrderParties,
    is_completed: bool,
    version: u64,
}

impl OrderFact {
    /// What was told of an order at this version of it.
    pub const fn new(number: OrderNumber, parties: OrderParties, is_completed: bool, version: u64) -> Self {
        Self { number, parties, is_completed, version }
    }

    /// Who ordered what of whom.
    pub const fn parties(&self) -> &OrderParties {
        &self.parties
    }

    /// What is told, if it is newer.
    #[must_use]
    pub fn updated(self, told: Self) -> Option<Self> {
        (told.version > self.version).then_some(told)
    }

    /// Whether `caller` may review it from this side now.
    ///
    /// # Errors
    /// When the caller is a stranger or the other side, or the order is not completed.
    pub fn check_reviewer(&self, caller: &str, side: ReviewSide) -> Result<(), ReviewError> {
        let is = |name: &str| name.to_lowercase() == caller.to_lowercase();
        let (is_buyer, is_seller) = (is(&self.parties.buyer_username), is(&self.parties.seller_username));
        if !is_buyer && !is_seller {
            return Err(ReviewError::NoOrder);
        }
        let is_their_side = match side {
            ReviewSide::Buyer => is_buyer,
            ReviewSide::Seller => is_seller,
        };
        if !is_their_side {
            return Err(ReviewError::OtherSide);
        }
        if self.is_completed { Ok(()) } else { Err(ReviewError::NotCompleted) }
    }
}

/// What is stored of an order.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "v")]
pub enum OrderFactState {
    /// The first form.
    #[serde(rename = "1")]
    V1(Box<OrderFactV1>),
}
jobapp_kernel::forms!(OrderFactState { "1" => V1 });

/// The first stored form of an order.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OrderFactV1 {
    number: OrderNumber,
    parties: OrderParties,
    is_completed: bool,
    version: u64,
}

impl Aggregate for OrderFact {
    const NAME: &'static str = "order_fact";
    type Id = OrderNumber;
    type Event = ();
    type State = OrderFactState;

    fn id(&self) -> &OrderNumber {
        &self.number
    }

    fn keys() -> &'static [Key<Self>] {
        &[]
    }

    fn to_state(&self) -> OrderFactState {
        let Self { number, parties, is_completed, version } = self.clone();
        OrderFactState::V1(Box::new(OrderFactV1 { number, parties, is_completed, version }))
    }

    fn from_state(state: OrderFactState) -> Result<Self, InvalidState> {
        let OrderFactState::V1(state) = state;
        let OrderFactV1 { number, parties, is_completed, version } = *state;
        Ok(Self { number, parties, is_completed, version })
    }
}

#[cfg(test)]
mod tests {
    use jobapp_kernel::{ErrorKind, Kinded};

    use super::*;

    fn fact(is_completed: bool, version: u64) -> OrderFact {
        let parties = OrderParties {
            gig_id: "g".into(),
            buyer_id: "b".into(),
            buyer_username: "Marta".into(),
            seller_id: "s".into(),
            seller_username: "Iria".into(),
        };
        OrderFact::new("JO1".parse().unwrap(), parties, is_completed, version)
    }

    #[test]
    fn each_side_of_a_completed_order_reviews_the_other() {
        for (caller, side, is_completed, expected) in [
            ("Marta", ReviewSide::Buyer, true, Ok(())),
            ("iria", ReviewSide::Seller, true, Ok(())),
            ("Iria", ReviewSide::Buyer, true, Err(ErrorKind::Forbidden)),
            ("Marta", ReviewSide::Seller, true, Err(ErrorKind::Forbidden)),
            ("Ana", ReviewSide::Buyer, true, Err(ErrorKind::NotFound)),
            ("Ana", ReviewSide::Seller, false, Err(ErrorKind::NotFound)),
            ("Marta", ReviewSide::Buyer, false, Err(ErrorKind::Refused)),
        ] {
            let result = fact(is_completed, 1).check_reviewer(caller, side).map_err(|error| error.kind());
            assert_eq!(result, expected, "{caller} {side:?} {is_completed}");
        }
    }

    #[test]
    fn only_newer_tellings_count() {
        assert_eq!(fact(false, 2).updated(fact(true, 1)), None);
        assert_eq!(fact(false, 2).updated(fact(true, 2)), None);
        assert_eq!(fact(false, 2).updated(fact(true, 3)), Some(fact(true, 3)));
    }

    #[test]
    fn numbers_fit_into_an_index() {
        assert!("".parse::<OrderNumber>().is_err());
        assert!("J".repeat(176).parse::<OrderNumber>().is_err());
        assert!("J".repeat(175).parse::<OrderNumber>().is_ok());
    }
}
