//! Cards: what other services keep of a user, in their own store, fed by events.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use jobapp_kernel::{
    Aggregate, Change, ErrorKind, InvalidId, InvalidState, Key, KeyValue, Kinded, MAX_KEY_BYTES, PageRequest,
    Repository, RepositoryError, Stored, folded_key, in_turn,
};
use serde::{Deserialize, Serialize};

use crate::alike::{ALIKE, nearest};

jobapp_kernel::object_id!(
    /// The document id of a buyer.
    BuyerId
);

jobapp_kernel::object_id!(
    /// The document id of a seller.
    SellerId
);

/// A user name in its stored form. Unique and unchangeable, so it identifies a user across services.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Username(String);

impl Username {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for Username {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        if text.is_empty() || text.len() > MAX_KEY_BYTES {
            return Err(InvalidId::new(text, "a user name"));
        }
        Ok(Self(text.to_owned()))
    }
}

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
            username: username.0.clone(),
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
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "v")]
pub enum CardState {
    /// The first form.
    #[serde(rename = "1")]
    V1(Box<CardV1>),
}

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

/// Why a card could not be kept.
#[derive(Debug, thiserror::Error)]
pub enum CardError {
    /// The message names no user.
    #[error("a card needs a user name")]
    Username(#[from] InvalidId),
    /// The store failed, or the buyer or seller has another user's card.
    #[error("the card could not be stored")]
    Store(#[from] RepositoryError),
}

impl Kinded for CardError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Username(_) => ErrorKind::Invalid,
            Self::Store(error) => error.kind(),
        }
    }
}

/// Who is which buyer and which seller, as far as this service has heard.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use jobapp_users::card::{CardUpdate, Directory};
///
/// let directory = Directory::new(jobapp_memory::MemoryStore::new().repository());
/// let buyer = CardUpdate::Buyer {
///     buyer_id: "66f0c0ffee0000000000b001".parse()?,
///     email: "marta@example.org".into(),
///     picture: "https://img.example.org/p/1.png".into(),
///     country: "Portugal".into(),
/// };
/// directory.apply("Marta", buyer, 1).await?;
/// let card = directory.of_user("marta").await?.unwrap();
/// assert_eq!(card.country, "Portugal");
/// assert!(card.seller_id.is_none());
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Directory {
    /// Where the cards are.
    pub cards: Arc<dyn Repository<Card>>,
}

impl Directory {
    /// The directory of the cards in this repository.
    pub const fn new(cards: Arc<dyn Repository<Card>>) -> Self {
        Self { cards }
    }

    /// The card of the user with this name, in any case.
    ///
    /// # Errors
    /// When the store cannot answer.
    pub async fn of_user(&self, username: &str) -> Result<Option<Card>, RepositoryError> {
        let Ok(id) = username.parse() else { return Ok(None) };
        if let Some(stored) = self.cards.find(&id).await? {
            return Ok(Some(stored.value));
        }
        let alike =
            self.cards.list(Card::NAME_IN_ANY_CASE, folded_key(username).into(), PageRequest::first(ALIKE)).await?;
        Ok(nearest(alike.items, |card| &card.username, username).map(|stored| stored.value))
    }

    /// The card of this buyer.
    ///
    /// # Errors
    /// When the store cannot answer.
    pub async fn of_buyer(&self, id: BuyerId) -> Result<Option<Card>, RepositoryError> {
        Ok(self.cards.find_by(Card::BUYER, id.into()).await?.map(|stored| stored.value))
    }

    /// The card of this seller.
    ///
    /// # Errors
    /// When the store cannot answer.
    pub async fn of_seller(&self, id: SellerId) -> Result<Option<Card>, RepositoryError> {
        Ok(self.cards.find_by(Card::SELLER, id.into()).await?.map(|stored| stored.value))
    }

    /// Takes over what the users service told of `username`; older tellings than the last one known change nothing.
    ///
    /// # Errors
    /// [`CardError`] when there is no user name, or the store refuses the card.
    pub async fn apply(&self, username: &str, update: CardUpdate, version: u64) -> Result<(), CardError> {
        let id: Username = username.parse()?;
        let attempt = || async {
            // Another process may make this card in the same moment.
            self.try_apply(&id, update.clone(), version).await.map_err(|error| error.or_look_again(&["id"]))
        };
        Ok(in_turn(&*self.cards, &id, attempt).await?)
    }

    async fn try_apply(&self, id: &Username, update: CardUpdate, version: u64) -> Result<(), RepositoryError> {
        let change = match self.cards.find(id).await? {
            Some(Stored { value, version: stored_at }) => {
                value.updated(update, version).map(|card| Change::update(stored_at, card, Vec::new()))
            }
            None => Card::blank(id.clone()).updated(update, version).map(|card| Change::insert(card, Vec::new())),
        };
        if let Some(change) = change {
            // Without a cause there is no duplicate: the version says what was seen before.
            let _stored = self.cards.save(change).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use jobapp_memory::MemoryStore;

    use super::*;

    fn buyer(country: &str) -> CardUpdate {
        CardUpdate::Buyer {
            buyer_id: "66f0c0ffee0000000000b001".parse().unwrap(),
            email: "marta@example.org".into(),
            picture: "buyer.png".into(),
            country: country.into(),
        }
    }

    fn seller(full_name: &str) -> CardUpdate {
        CardUpdate::Seller {
            seller_id: "66f0c0ffee0000000000a001".parse().unwrap(),
            email: "marta@example.org".into(),
            picture: "seller.png".into(),
            country: "Spain".into(),
            full_name: full_name.into(),
            oneliner: "I do things".into(),
        }
    }

    fn directory() -> Directory {
        Directory::new(MemoryStore::new().repository())
    }

    #[tokio::test]
    async fn both_sides_of_a_user_are_one_card_in_any_order() {
        for order in [[buyer("Portugal"), seller("Marta M.")], [seller("Marta M."), buyer("Portugal")]] {
            let directory = directory();
            for update in order {
                directory.apply("Marta", update, 1).await.unwrap();
            }
            let card = directory.of_user("mARTA").await.unwrap().unwrap();
            assert_eq!((card.country.as_str(), card.picture.as_str()), ("Portugal", "buyer.png"));
            assert_eq!((card.country_as_seller(), card.picture_as_seller()), ("Spain", "seller.png"));
            assert_eq!(directory.of_buyer(card.buyer_id.unwrap()).await.unwrap().unwrap(), card);
            assert_eq!(directory.of_seller(card.seller_id.unwrap()).await.unwrap().unwrap(), card);
        }
    }

    #[tokio::test]
    async fn an_older_telling_changes_nothing() {
        let directory = directory();
        directory.apply("Marta", seller("New"), 3).await.unwrap();
        directory.apply("Marta", seller("Old"), 2).await.unwrap();
        directory.apply("Marta", seller("Same"), 3).await.unwrap();
        directory.apply("Marta", buyer("Portugal"), 1).await.unwrap();
        let card = directory.of_user("Marta").await.unwrap().unwrap();
        assert_eq!(card.full_name.as_deref(), Some("New"));
        assert!(card.buyer_id.is_some());
    }

    #[tokio::test]
    async fn unknown_users_have_no_card() {
        let directory = directory();
        assert!(directory.of_user("").await.unwrap().is_none());
        assert!(directory.of_user("Nobody").await.unwrap().is_none());
        directory.apply("\u{c9}abcde", buyer("x"), 1).await.unwrap();
        for typed in ["e\u{301}ABCDE", "\u{c9}ＡＢＣＤＥ"] {
            assert_eq!(directory.of_user(typed).await.unwrap().unwrap().username, "\u{c9}abcde");
        }
        assert!(matches!(directory.apply("", buyer("x"), 1).await, Err(CardError::Username(_))));
    }
}
