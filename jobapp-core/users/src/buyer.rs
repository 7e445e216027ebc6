//! Buyers.

use jobapp_kernel::{Aggregate, InvalidState, Key, ObjectId, Timestamp, folded_key};
use serde::{Deserialize, Serialize};

use crate::{BuyerId, UsersError};

/// What an account becomes a buyer from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewBuyer {
    /// Stored form.
    pub username: String,
    /// Lower case.
    pub email: String,
    /// URL.
    pub picture: String,
    /// Free text.
    pub country: String,
    /// When the account was made.
    pub created_at: Timestamp,
}

/// A gig's work a buyer owns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Purchase {
    /// The gig.
    pub gig_id: ObjectId,
    /// The order it was bought with; `None` when a foreign producer did not say.
    pub order_id: Option<String>,
}

/// Somebody who can buy: everybody with an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Buyer {
    id: BuyerId,
    username: String,
    email: String,
    picture: String,
    country: String,
    is_seller: bool,
    purchases: Vec<Purchase>,
    /// Orders that were cancelled: a purchase that is told of later counts no more.
    cancelled_orders: Vec<String>,
    created_at: Timestamp,
}

/// What happened to a buyer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum BuyerEvent {
    /// The buyer was made.
    BuyerCreated {
        /// The buyer.
        buyer_id: BuyerId,
        /// Stored form.
        username: String,
        /// Lower case.
        email: String,
        /// URL.
        picture: String,
        /// Free text.
        country: String,
    },
}

impl Buyer {
    /// The buyer with this address.
    pub const EMAIL: Key<Self> = Key::<Self>::text("email", |buyer| vec![buyer.email.as_str().into()]).unique();
    /// The buyer with exactly this user name.
    pub const USERNAME: Key<Self> =
        Key::<Self>::text("username", |buyer| vec![buyer.username.as_str().into()]).unique();
    /// The user name, folded: names are looked up in any case and however they are typed.
    pub const NAME_IN_ANY_CASE: Key<Self> =
        Key::<Self>::text("folded_name", |buyer| vec![folded_key(&buyer.username).into()]);

    /// A new buyer.
    ///
    /// # Errors
    /// [`UsersError::IncompleteBuyer`] without a name or an address.
    pub fn create(id: BuyerId, new: NewBuyer) -> Result<(Self, Vec<BuyerEvent>), UsersError> {
        if new.username.is_empty() || new.email.is_empty() {
            return Err(UsersError::IncompleteBuyer);
        }
        let created = BuyerEvent::BuyerCreated {
            buyer_id: id,
            username: new.username.clone(),
            email: new.email.clone(),
            picture: new.picture.clone(),
            country: new.country.clone(),
        };
        let buyer = Self {
            id,
            username: new.username,
            email: new.email,
            picture: new.picture,
            country: new.country,
            is_seller: false,
            purchases: Vec::new(),
            cancelled_orders: Vec::new(),
            created_at: new.created_at,
        };
        Ok((buyer, vec![created]))
    }

    /// The buyer sells from now on.
    #[must_use]
    pub fn marked_as_seller(mut self) -> Self {
        self.is_seller = true;
        self
    }

    /// The buyer owns one more gig's work: once per order, and not if that order was cancelled.
    #[must_use]
    pub fn bought(mut self, purchase: Purchase) -> Self {
        let known = purchase.order_id.as_ref().is_some_and(|order| {
            self.cancelled_orders.contains(order)
                || self.purchases.iter().any(|earlier| earlier.order_id.as_ref() == Some(order))
        });
        if !known {
            self.purchases.push(purchase);
        }
        self
    }

    /// An order was cancelled: its purchase is taken back. When the order is not named, every purchase of the gig is.
    #[must_use]
    pub fn cancelled(mut self, purchase: &Purchase) -> Self {
        match &purchase.order_id {
            Some(order) => {
                self.purchases.retain(|earlier| earlier.order_id.as_ref() != Some(order));
                if !self.cancelled_orders.contains(order) {
                    self.cancelled_orders.push(order.clone());
                }
            }
            None => self.purchases.retain(|earlier| earlier.gig_id != purchase.gig_id),
        }
        self
    }

    /// The id.
    pub const fn buyer_id(&self) -> &BuyerId {
        &self.id
    }

    /// The user name, stored form.
    pub fn username(&self) -> &str {
        &self.username
    }

    /// The address, lower case.
    pub fn email(&self) -> &str {
        &self.email
    }

    /// URL of the picture.
    pub fn picture(&self) -> &str {
        &self.picture
    }

    /// The country.
    pub fn country(&self) -> &str {
        &self.country
    }

    /// Whether the user sells, too.
    pub const fn is_seller(&self) -> bool {
        self.is_seller
    }

    /// The gigs whose work the buyer owns, once per order, oldest first.
    pub fn purchased_gigs(&self) -> impl Iterator<Item = ObjectId> {
        self.purchases.iter().map(|purchase| purchase.gig_id)
    }

    /// When the account was made.
    pub const fn created_at(&self) -> Timestamp {
        self.created_at
    }
}

/// What is stored of a buyer.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "v")]
pub enum BuyerState {
    /// The first form.
    #[serde(rename = "1")]
    V1(Box<BuyerV1>),
}
jobapp_kernel::forms!(BuyerState { "1" => V1 });

/// The first stored form of a buyer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BuyerV1 {
    /// The document id.
    pub id: BuyerId,
    /// Stored form.
    pub username: String,
    /// Lower case.
    pub email: String,
    /// URL.
    pub picture: String,
    /// Free text.
    pub country: String,
    /// Whether the user sells, too.
    pub is_seller: bool,
    /// What the buyer owns.
    pub purchases: Vec<Purchase>,
    /// Orders whose purchases count no more.
    pub cancelled_orders: Vec<String>,
    /// When the account was made.
    pub created_at: Timestamp,
}

impl Aggregate for Buyer {
    const NAME: &'static str = "buyer";
    type Id = BuyerId;
    type Event = BuyerEvent;
    type State = BuyerState;

    fn id(&self) -> &BuyerId {
        &self.id
    }

    fn keys() -> &'static [Key<Self>] {
        const { &[Self::EMAIL, Self::USERNAME, Self::NAME_IN_ANY_CASE] }
    }

    fn to_state(&self) -> BuyerState {
        let buyer = self.clone();
        BuyerState::V1(Box::new(BuyerV1 {
            id: buyer.id,
            username: buyer.username,
            email: buyer.email,
            picture: buyer.picture,
            country: buyer.country,
            is_seller: buyer.is_seller,
            purchases: buyer.purchases,
            cancelled_orders: buyer.cancelled_orders,
            created_at: buyer.created_at,
        }))
    }

    fn from_state(state: BuyerState) -> Result<Self, InvalidState> {
        let BuyerState::V1(state) = state;
        if state.username.is_empty() || state.email.is_empty() {
            return Err(InvalidState::new("a buyer needs a user name and an address"));
        }
        Ok(Self {
            id: state.id,
            username: state.username,
            email: state.email,
            picture: state.picture,
            country: state.country,
            is_seller: state.is_seller,
            purchases: state.purchases,
            cancelled_orders: state.cancelled_orders,
            created_at: state.created_at,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn buyer() -> Buyer {
        let new = NewBuyer {
            username: "Marta".into(),
            email: "marta@example.org".into(),
            picture: "p.png".into(),
            country: "Portugal".into(),
            created_at: Timestamp::EPOCH,
        };
        Buyer::create("66f0c0ffee0000000000b001".parse().unwrap(), new).unwrap().0
    }

    fn purchase(gig: u8, order: Option<&str>) -> Purchase {
        Purchase { gig_id: ObjectId::from_bytes([gig; 12]), order_id: order.map(str::to_owned) }
    }

    fn gigs(buyer: &Buyer) -> Vec<u8> {
        buyer.purchased_gigs().map(|gig| gig.as_bytes()[0]).collect()
    }

    #[test]
    fn a_gig_is_owned_once_per_order() {
        let buyer =
            buyer().bought(purchase(1, Some("JO1"))).bought(purchase(1, Some("JO1"))).bought(purchase(1, Some("JO2")));
        assert_eq!(gigs(&buyer), [1, 1]);
    }

    #[test]
    fn a_cancelled_order_takes_back_its_own_purchase_only() {
        let buyer = buyer()
            .bought(purchase(1, Some("JO1")))
            .bought(purchase(1, Some("JO2")))
            .cancelled(&purchase(1, Some("JO1")));
        assert_eq!(gigs(&buyer), [1]);
    }

    #[test]
    fn cancelling_before_buying_is_the_same_as_after() {
        let (buy, cancel) = (purchase(1, Some("JO1")), purchase(1, Some("JO1")));
        assert_eq!(buyer().cancelled(&cancel).bought(buy.clone()), buyer().bought(buy).cancelled(&cancel));
    }

    #[test]
    fn an_unnamed_order_takes_back_every_purchase_of_the_gig() {
        let buyer = buyer().bought(purchase(1, None)).bought(purchase(2, None)).bought(purchase(1, Some("JO1")));
        assert_eq!(gigs(&buyer.cancelled(&purchase(1, None))), [2]);
    }

    #[test]
    fn a_buyer_without_a_name_is_refused() {
        let new = NewBuyer {
            username: String::new(),
            email: "a@b.com".into(),
            picture: String::new(),
            country: String::new(),
            created_at: Timestamp::EPOCH,
        };
        let refused = Buyer::create("66f0c0ffee0000000000b001".parse().unwrap(), new);
        assert!(matches!(refused, Err(UsersError::IncompleteBuyer)));
    }
}
