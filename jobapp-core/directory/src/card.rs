//! Cards: what other services keep of a user, in their own store, fed by events.

use jobapp_kernel::{Aggregate, InvalidId, InvalidState, Key, KeyValue, folded_key};
use serde::{Deserialize, Serialize};

use crate::ids::{BuyerId, SellerId, Username};

/// What the users service tells of one side of a user: everything, with every change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CardUpdate {
    /// The user as a buyer.
    Buyer {
        /// The buyer's id.
        buyer_id: BuyerId,
        /// The address.
        email: String,
        /// URL.
        picture: String,
        /// Free text.
        country: String,
    },
    /// The user as a seller.
    Seller {
        /// The seller's id.
        seller_id: SellerId,
        /// The address.
        email: String,
        /// URL.
        picture: String,
        /// Free text.
        country: String,
        /// The name shown.
        full_name: String,
        /// One line about the seller.
        oneliner: String,
    },
}

/// The copy of a user that a service keeps for itself: who he is as a buyer and as a seller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Card {
    id: Username,
    /// The user name, stored form.
    pub username: String,
    /// The address, lower case.
    pub email: String,
    /// URL of the buyer's picture; the seller's until the buyer's is known.
    pub picture: String,
    /// The buyer's country; the seller's until the buyer's is known.
    pub country: String,
    /// The user as a buyer.
    pub buyer_id: Option<BuyerId>,
    /// The user as a seller.
    pub seller_id: Option<SellerId>,
    /// URL of the seller's picture.
    pub seller_picture: Option<String>,
    /// The seller's country.
    pub seller_country: Option<String>,
    /// The name the seller shows.
    pub full_name: Option<String>,
    /// One line about the seller.
    pub oneliner: Option<String>,
    buyer_version: u64,
    seller_version: u64,
}

impl Card {
    /// The card of the buyer with this id. A card has one or none.
    pub const BUYER: Key<Self> =
        Key::<Self>::text("buyer", |card| card.buyer_id.iter().map(KeyValue::from).collect()).unique();
    /// The card of the seller with this id. A card has one or none.
    pub const SELLER: Key<Self> =
        Key::<Self>::text("seller", |card| card.seller_id.iter().map(KeyValue::from).collect()).unique();
    /// The user name, folded: names are looked up in any case and however they are typed.
    pub const NAME_IN_ANY_CASE: Key<Self> =
        Key::<Self>::text("folded_name", |card| vec![folded_key(&card.username).into()]);

    /// The card of a user nothing is known of but the name.
    pub fn blank(username: Username) -> Self {
        Self {
            username: username.as_str().to_owned(),
            id: username,
            email: String::new(),
            picture: String::new(),
            country: String::new(),
            buyer_id: None,
            seller_id: None,
            seller_picture: None,
            seller_country: None,
            full_name: None,
            oneliner: None,
            buyer_version: 0,
            seller_version: 0,
        }
    }

    /// Takes over what is told at `version` of that side. `None` when something as new or newer is known.
    #[must_use]
    pub fn updated(mut self, update: CardUpdate, version: u64) -> Option<Self> {
        let known = match update {
            CardUpdate::Buyer { .. } => &mut self.buyer_version,
            CardUpdate::Seller { .. } => &mut self.seller_version,
        };
        if *known >= version {
            return None;
        }
        *known = version;
        match update {
            CardUpdate::Buyer { buyer_id, email, picture, country } => {
                self.buyer_id = Some(buyer_id);
                self.email = email;
                self.picture = picture;
                self.country = country;
            }
            CardUpdate::Seller { seller_id, email, picture, country, full_name, oneliner } => {
                if self.buyer_id.is_none() {
                    self.email = email;
                    self.picture.clone_from(&picture);
                    self.country.clone_from(&country);
                }
                self.seller_id = Some(seller_id);
                self.seller_picture = Some(picture);
                self.seller_country = Some(country);
                self.full_name = Some(full_name);
                self.oneliner = Some(oneliner);
            }
        }
        Some(self)
    }

    /// URL of the picture the user shows as a seller.
    pub fn picture_as_seller(&self) -> &str {
        self.seller_picture.as_deref().unwrap_or(&self.picture)
    }

    /// The country the user shows as a seller.
    pub fn country_as_seller(&self) -> &str {
        self.seller_country.as_deref().unwrap_or(&self.country)
    }
}

/// What is stored of a card.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "v")]
pub enum CardState {
    /// The first form.
    #[serde(rename = "1")]
    V1(Box<CardV1>),
}
jobapp_kernel::forms!(CardState { "1" => V1 });

/// The first stored form of a card.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CardV1 {
    username: String,
    email: String,
    picture: String,
    country: String,
    buyer_id: Option<BuyerId>,
    seller_id: Option<SellerId>,
    seller_picture: Option<String>,
    seller_country: Option<String>,
    full_name: Option<String>,
    oneliner: Option<String>,
    buyer_version: u64,
    seller_version: u64,
}

impl Aggregate for Card {
    const NAME: &'static str = "card";
    type Id = Username;
    type Event = ();
    type State = CardState;

    fn id(&self) -> &Username {
        &self.id
    }

    fn keys() -> &'static [Key<Self>] {
        const { &[Self::BUYER, Self::SELLER, Self::NAME_IN_ANY_CASE] }
    }

    fn to_state(&self) -> CardState {
        let card = self.clone();
        CardState::V1(Box::new(CardV1 {
            username: card.username,
            email: card.email,
            picture: card.picture,
            country: card.country,
            buyer_id: card.buyer_id,
            seller_id: card.seller_id,
            seller_picture: card.seller_picture,
            seller_country: card.seller_country,
            full_name: card.full_name,
            oneliner: card.oneliner,
            buyer_version: card.buyer_version,
            seller_version: card.seller_version,
        }))
    }

    fn from_state(state: CardState) -> Result<Self, InvalidState> {
        let CardState::V1(state) = state;
        let id = state.username.parse().map_err(|error: InvalidId| InvalidState {
            reason: "a card needs a user name".to_owned(),
            source: Some(error.into()),
        })?;
        Ok(Self {
            id,
            username: state.username,
            email: state.email,
            picture: state.picture,
            country: state.country,
            buyer_id: state.buyer_id,
            seller_id: state.seller_id,
            seller_picture: state.seller_picture,
            seller_country: state.seller_country,
            full_name: state.full_name,
            oneliner: state.oneliner,
            buyer_version: state.buyer_version,
            seller_version: state.seller_version,
        })
    }
}
