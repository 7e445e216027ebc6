//! The cards of everybody a service has heard of.

use std::sync::Arc;

use jobapp_kernel::{
    About, Change, ErrorKind, InvalidId, Kinded, PageRequest, Repository, RepositoryError, Stored, decided, folded_key,
};

use crate::alike::{ALIKE, nearest};
use crate::card::{Card, CardUpdate};
use crate::ids::{BuyerId, SellerId, Username};

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
/// use jobapp_directory::{CardUpdate, Directory};
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
        let about = About::Id(id.clone());
        let take_over = move |stored: Option<Stored<Card>>| {
            let update = update.clone();
            let change = match stored {
                Some(Stored { value, version: stored_at }) => {
                    value.updated(update, version).map(|card| Change::update(stored_at, card, Vec::new()))
                }
                None => Card::blank(id.clone()).updated(update, version).map(|card| Change::insert(card, Vec::new())),
            };
            Ok::<_, RepositoryError>(((), change))
        };
        // Without a cause there is no duplicate: the version says what was seen before.
        Ok(decided(&*self.cards, about, take_over).await.map(drop)?)
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
