//! Sellers.

use jobapp_kernel::{Aggregate, InvalidState, Key, KeyValue, Ratings, Stars, Timestamp, folded_key};
use serde::{Deserialize, Serialize};

use crate::work::InvalidTally;
use crate::{Profile, SellerId, Tally, Work};

/// Somebody who sells.
#[derive(Debug, Clone, PartialEq)]
pub struct Seller {
    id: SellerId,
    number: i64,
    username: String,
    email: String,
    profile: Profile,
    work: Work,
    ratings: Ratings,
    created_at: Timestamp,
}

/// What happened to a seller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum SellerEvent {
    /// The seller was made, or wrote another profile: what others may know.
    ProfileWritten {
        /// The seller.
        seller_id: SellerId,
        /// Stored form.
        username: String,
        /// Lower case.
        email: String,
        /// URL.
        picture: String,
        /// Free text.
        country: String,
        /// The name shown.
        full_name: String,
        /// One line.
        oneliner: String,
    },
    /// A buyer rated the seller.
    SellerRated {
        /// The seller.
        seller_id: SellerId,
        /// The review, in the words it came in: the gig is to be rated, too.
        review: String,
    },
}

impl Seller {
    /// The seller with this address.
    pub const EMAIL: Key<Self> = Key::<Self>::text("email", |seller| vec![seller.email.as_str().into()]).unique();
    /// The seller with exactly this user name.
    pub const USERNAME: Key<Self> =
        Key::<Self>::text("username", |seller| vec![seller.username.as_str().into()]).unique();
    /// The user name, folded: names are looked up in any case and however they are typed.
    pub const NAME_IN_ANY_CASE: Key<Self> =
        Key::<Self>::text("folded_name", |seller| vec![folded_key(&seller.username).into()]);
    /// The seller with this number. Numbers have few gaps, so sellers can be drawn by lot.
    pub const NUMBER: Key<Self> = Key::<Self>::int("number", |seller| vec![seller.number.into()])
        .unique()
        .sorted_by(|seller| KeyValue::Int(seller.number));

    /// A new seller with this number.
    pub fn create(
        id: SellerId,
        number: i64,
        username: String,
        email: String,
        profile: Profile,
        now: Timestamp,
    ) -> (Self, Vec<SellerEvent>) {
        let seller = Self {
            id,
            number,
            username,
            email,
            profile,
            work: Work::default(),
            ratings: Ratings::default(),
            created_at: now,
        };
        let written = seller.profile_written();
        (seller, vec![written])
    }

    /// The seller with another profile; nothing happened when it is the same.
    #[must_use]
    pub fn rewritten(mut self, profile: Profile) -> (Self, Vec<SellerEvent>) {
        if self.profile == profile {
            return (self, Vec::new());
        }
        self.profile = profile;
        let written = self.profile_written();
        (self, vec![written])
    }

    /// The seller with one thing more counted.
    ///
    /// # Errors
    /// [`InvalidTally`] for what cannot be counted.
    pub fn tallied(mut self, tally: Tally) -> Result<Self, InvalidTally> {
        self.work = self.work.counted(tally)?;
        Ok(self)
    }

    /// The seller with one rating more, given in `review`.
    #[must_use]
    pub fn rated(mut self, stars: Stars, review: String) -> (Self, Vec<SellerEvent>) {
        self.ratings.add(stars);
        let rated = SellerEvent::SellerRated { seller_id: self.id, review };
        (self, vec![rated])
    }

    fn profile_written(&self) -> SellerEvent {
        SellerEvent::ProfileWritten {
            seller_id: self.id,
            username: self.username.clone(),
            email: self.email.clone(),
            picture: self.profile.picture.clone(),
            country: self.profile.country.clone(),
            full_name: self.profile.full_name.clone(),
            oneliner: self.profile.oneliner.clone(),
        }
    }

    /// The id.
    pub const fn seller_id(&self) -> &SellerId {
        &self.id
    }

    /// The number.
    pub const fn number(&self) -> i64 {
        self.number
    }

    /// The user name, stored form.
    pub fn username(&self) -> &str {
        &self.username
    }

    /// The address, lower case.
    pub fn email(&self) -> &str {
        &self.email
    }

    /// What the seller says of himself.
    pub const fn profile(&self) -> &Profile {
        &self.profile
    }

    /// What the seller did.
    pub const fn work(&self) -> &Work {
        &self.work
    }

    /// How the seller was rated.
    pub const fn ratings(&self) -> &Ratings {
        &self.ratings
    }

    /// When the seller was made.
    pub const fn created_at(&self) -> Timestamp {
        self.created_at
    }
}

/// What is stored of a seller.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "v")]
pub enum SellerState {
    /// The first form.
    #[serde(rename = "1")]
    V1(Box<SellerV1>),
}
jobapp_kernel::forms!(SellerState { "1" => V1 });

/// The first stored form of a seller.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SellerV1 {
    /// The document id.
    pub id: SellerId,
    /// The number.
    pub number: i64,
    /// Stored form.
    pub username: String,
    /// Lower case.
    pub email: String,
    /// What the seller says of himself.
    pub profile: Profile,
    /// What the seller did.
    pub work: Work,
    /// How the seller was rated.
    pub ratings: Ratings,
    /// When the seller was made.
    pub created_at: Timestamp,
}

impl Aggregate for Seller {
    const NAME: &'static str = "seller";
    type Id = SellerId;
    type Event = SellerEvent;
    type State = SellerState;

    fn id(&self) -> &SellerId {
        &self.id
    }

    fn keys() -> &'static [Key<Self>] {
        const { &[Self::EMAIL, Self::USERNAME, Self::NAME_IN_ANY_CASE, Self::NUMBER] }
    }

    fn to_state(&self) -> SellerState {
        let seller = self.clone();
        SellerState::V1(Box::new(SellerV1 {
            id: seller.id,
            number: seller.number,
            username: seller.username,
            email: seller.email,
            profile: seller.profile,
            work: seller.work,
            ratings: seller.ratings,
            created_at: seller.created_at,
        }))
    }

    fn from_state(state: SellerState) -> Result<Self, InvalidState> {
        let SellerState::V1(state) = state;
        if state.username.is_empty() || state.email.is_empty() {
            return Err(InvalidState::new("a seller needs a user name and an address"));
        }
        Ok(Self {
            id: state.id,
            number: state.number,
            username: state.username,
            email: state.email,
            profile: state.profile,
            work: state.work,
            ratings: state.ratings,
            created_at: state.created_at,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seller() -> Seller {
        let id = "66f0c0ffee0000000000a001".parse().unwrap();
        let profile = Profile { full_name: "Marta M.".into(), ..Profile::default() };
        Seller::create(id, 1, "Marta".into(), "marta@example.org".into(), profile, Timestamp::EPOCH).0
    }

    #[test]
    fn writing_the_same_profile_again_is_no_news() {
        let profile = seller().profile().clone();
        assert_eq!(seller().rewritten(profile), (seller(), Vec::new()));
    }

    #[test]
    fn another_profile_changes_neither_counters_nor_identity() {
        let before = seller().tallied(Tally::OrderPlaced).unwrap().rated(Stars::MAX, "{}".into()).0;
        let (after, events) = before.clone().rewritten(Profile { country: "Spain".into(), ..Profile::default() });
        assert_eq!(after.work(), before.work());
        assert_eq!(after.ratings(), before.ratings());
        assert_eq!(after.username(), "Marta");
        assert!(matches!(&events[..], [SellerEvent::ProfileWritten { country, .. }] if country == "Spain"));
    }

    #[test]
    fn a_rating_passes_the_review_on() {
        let (seller, events) = seller().rated(Stars::new(4).unwrap(), "{\"rating\":4}".into());
        assert_eq!((seller.ratings().count(), seller.ratings().sum()), (1, 4));
        assert_eq!(
            events,
            [SellerEvent::SellerRated { seller_id: *seller.seller_id(), review: "{\"rating\":4}".into() }]
        );
    }

    #[test]
    fn a_stored_seller_is_the_same_when_it_is_read() {
        let seller = seller().tallied(Tally::GigCreated).unwrap();
        let stored = serde_json::to_string(&seller.to_state()).unwrap();
        assert_eq!(Seller::from_state(serde_json::from_str(&stored).unwrap()).unwrap(), seller);
    }
}
