//! The gig: what a seller offers.

use jobapp_directory::SellerId;
use jobapp_kernel::{Aggregate, InvalidState, Key, KeyValue, MAX_KEY_BYTES, Money, Price, Ratings, Stars, Timestamp};
use serde::{Deserialize, Serialize};

use crate::error::GigError;
use crate::text::words;

jobapp_kernel::object_id!(
    /// The id of a gig.
    GigId
);

/// A gig must cost more than this.
pub const PRICE_FLOOR: Money = Money::from_cents(499);

/// Sort ids begin here. Smaller numbers are offsets, so the two can never be taken for each other.
pub const FIRST_SORT_ID: i64 = 1_000_000_001;

/// Who offers a gig, as known when it was created.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seller {
    /// The seller.
    pub id: SellerId,
    /// The user name, stored form.
    pub username: String,
    /// The address.
    pub email: String,
    /// URL of the picture.
    pub picture: String,
}

/// What a seller writes about a gig.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// The title.
    pub title: String,
    /// The long description.
    pub description: String,
    /// One category.
    pub category: String,
    /// At least one.
    pub sub_categories: Vec<String>,
    /// At least one.
    pub tags: Vec<String>,
    /// Above [`PRICE_FLOOR`]; a new one is also a [`Price`].
    pub price: Money,
    /// URL.
    pub cover_image: String,
    /// Such as `3 Days Delivery`.
    pub expected_delivery: String,
    /// Title of the basic package.
    pub basic_title: String,
    /// Description of the basic package.
    pub basic_description: String,
}

impl Content {
    /// Whether somebody may offer this from now on: gigs from before there was a highest price stay.
    fn check_new(&self) -> Result<(), GigError> {
        self.check()?;
        if Price::try_from(self.price).is_err() {
            return Err(GigError::PriceTooHigh);
        }
        Ok(())
    }

    fn check(&self) -> Result<(), GigError> {
        if self.price <= PRICE_FLOOR {
            return Err(GigError::PriceTooLow);
        }
        if self.sub_categories.is_empty() {
            return Err(GigError::NoSubCategory);
        }
        if self.tags.is_empty() {
            return Err(GigError::NoTag);
        }
        Ok(())
    }
}

/// Everything everybody may know of a gig: what is shown, told to other services and searched in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listing {
    /// The gig.
    pub id: GigId,
    /// Its number: grows with every gig, is never used again, and is what lists are sorted and paged by.
    pub sort_id: i64,
    /// Who offers it.
    pub seller: Seller,
    /// What is offered.
    pub content: Content,
    /// Whether buyers can find it; otherwise it is paused.
    pub active: bool,
    /// What buyers gave.
    pub ratings: Ratings,
    /// When it was created.
    pub created_at: Timestamp,
}

impl Listing {
    /// Whether every buyer who rated it gave five stars, and one did.
    pub fn is_top_rated(&self) -> bool {
        self.ratings.count() > 0 && self.ratings.count() == self.ratings.count_of(Stars::MAX)
    }
}

/// What happened to a gig.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum GigEvent {
    /// It is new.
    Created {
        /// The gig.
        gig: Box<Listing>,
        /// When.
        at: Timestamp,
    },
    /// It changed: its content, whether it can be found, its ratings.
    Saved {
        /// The gig as it is now.
        gig: Box<Listing>,
        /// When.
        at: Timestamp,
    },
    /// It is gone.
    Deleted {
        /// The gig.
        gig_id: GigId,
        /// Who offered it.
        seller_id: SellerId,
        /// When.
        at: Timestamp,
    },
}

/// A gig. Only its seller changes it; ratings come from reviews.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gig(Listing);

impl Gig {
    /// The sequence of sort ids, which begins with [`FIRST_SORT_ID`].
    pub const NUMBERS: &'static str = "gigs";

    /// The one with a sort id; in their order.
    pub const SORT: Key<Self> =
        Key::<Self>::int("sort", |gig| vec![gig.0.sort_id.into()]).unique().sorted_by(|gig| gig.0.sort_id.into());
    /// A seller's gigs that can be found, by sort id.
    pub const LISTED_OF_SELLER: Key<Self> =
        Key::<Self>::text("listed_of_seller", |gig| when(gig.0.active, gig.0.seller.id.into()))
            .sorted_by(|gig| gig.0.sort_id.into());
    /// A seller's gigs that are paused, by sort id.
    pub const PAUSED_OF_SELLER: Key<Self> =
        Key::<Self>::text("paused_of_seller", |gig| when(!gig.0.active, gig.0.seller.id.into()))
            .sorted_by(|gig| gig.0.sort_id.into());
    /// The gigs of a category that can be found, by sort id. Its values are made by [`Gig::category_key`].
    pub const CATEGORY: Key<Self> =
        Key::<Self>::text("category", |gig| when(gig.0.active, Self::category_key(&gig.0.content.category)))
            .sorted_by(|gig| gig.0.sort_id.into());
    /// With [`Gig::yes`]: every gig that can be found, by sort id.
    pub const LISTED: Key<Self> =
        Key::<Self>::text("listed", |gig| when(gig.0.active, Self::yes())).sorted_by(|gig| gig.0.sort_id.into());

    /// The one value of [`Gig::LISTED`].
    pub fn yes() -> KeyValue {
        "yes".into()
    }

    /// The value of [`Gig::CATEGORY`] for a category: the same for every way to write it.
    pub fn category_key(category: &str) -> KeyValue {
        let mut key = words(category).join(" ");
        key.truncate(key.floor_char_boundary(MAX_KEY_BYTES));
        key.into()
    }

    /// A new gig, which buyers can find.
    ///
    /// # Errors
    /// When its content breaks a rule.
    pub fn create(
        id: GigId,
        sort_id: i64,
        seller: Seller,
        content: Content,
        now: Timestamp,
    ) -> Result<(Self, Vec<GigEvent>), GigError> {
        content.check_new()?;
        let ratings = Ratings::default();
        let gig = Self(Listing { id, sort_id, seller, content, active: true, ratings, created_at: now });
        let created = GigEvent::Created { gig: Box::new(gig.0.clone()), at: now };
        Ok((gig, vec![created]))
    }

    /// What everybody may know of it.
    pub const fn listing(&self) -> &Listing {
        &self.0
    }

    /// What everybody may know of it.
    pub fn into_listing(self) -> Listing {
        self.0
    }

    /// Refuses everybody but its seller, whose user name is `caller`.
    ///
    /// # Errors
    /// [`GigError::NotYours`].
    pub fn must_belong_to(&self, caller: &str) -> Result<(), GigError> {
        if self.0.seller.username.to_lowercase() == caller.to_lowercase() { Ok(()) } else { Err(GigError::NotYours) }
    }

    /// Its seller describes it anew. Nothing happens when nothing differs.
    ///
    /// # Errors
    /// [`GigError::NotYours`], or when the content breaks a rule.
    pub fn update(mut self, caller: &str, content: Content, now: Timestamp) -> Result<(Self, Vec<GigEvent>), GigError> {
        self.must_belong_to(caller)?;
        content.check_new()?;
        if self.0.content == content {
            return Ok((self, Vec::new()));
        }
        self.0.content = content;
        Ok(self.saved(now))
    }

    /// Its seller lets buyers find it, or pauses it. Nothing happens when it is so already.
    ///
    /// # Errors
    /// [`GigError::NotYours`].
    pub fn set_active(mut self, caller: &str, active: bool, now: Timestamp) -> Result<(Self, Vec<GigEvent>), GigError> {
        self.must_belong_to(caller)?;
        if self.0.active == active {
            return Ok((self, Vec::new()));
        }
        self.0.active = active;
        Ok(self.saved(now))
    }

    /// A buyer rated it.
    pub fn rate(mut self, stars: Stars, now: Timestamp) -> (Self, Vec<GigEvent>) {
        self.0.ratings.add(stars);
        self.saved(now)
    }

    /// Its seller, who says to be `seller_id`, deletes it.
    ///
    /// # Errors
    /// [`GigError::NotYours`] also when the seller is another one than he says.
    pub fn delete(&self, caller: &str, seller_id: SellerId, now: Timestamp) -> Result<Vec<GigEvent>, GigError> {
        self.must_belong_to(caller)?;
        if self.0.seller.id != seller_id {
            return Err(GigError::NotYours);
        }
        Ok(vec![GigEvent::Deleted { gig_id: self.0.id, seller_id, at: now }])
    }

    fn saved(self, now: Timestamp) -> (Self, Vec<GigEvent>) {
        let event = GigEvent::Saved { gig: Box::new(self.0.clone()), at: now };
        (self, vec![event])
    }
}

/// A key's value for the gigs this holds for, and none for the others.
fn when(holds: bool, value: KeyValue) -> Vec<KeyValue> {
    if holds { vec![value] } else { Vec::new() }
}

/// What is stored of a gig.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "v")]
pub enum GigState {
    /// The first form: the listing. Once that gains a field, the field needs a default, or this a second form.
    #[serde(rename = "1")]
    V1(Box<Listing>),
}
jobapp_kernel::forms!(GigState { "1" => V1 });

impl Aggregate for Gig {
    const NAME: &'static str = "gig";
    type Id = GigId;
    type Event = GigEvent;
    type State = GigState;

    fn id(&self) -> &GigId {
        &self.0.id
    }

    fn keys() -> &'static [Key<Self>] {
        const { &[Self::SORT, Self::LISTED_OF_SELLER, Self::PAUSED_OF_SELLER, Self::CATEGORY, Self::LISTED] }
    }

    fn to_state(&self) -> GigState {
        GigState::V1(Box::new(self.0.clone()))
    }

    fn from_state(state: GigState) -> Result<Self, InvalidState> {
        let GigState::V1(listing) = state;
        listing.content.check().map_err(|error| InvalidState::new(format!("the gig breaks a rule: {error}")))?;
        if listing.sort_id < FIRST_SORT_ID {
            return Err(InvalidState::new(format!("a sort id is at least {FIRST_SORT_ID}")));
        }
        Ok(Self(*listing))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{a_content, a_gig, a_listing};

    const NOW: Timestamp = Timestamp::EPOCH;

    #[test]
    fn a_new_gig_can_be_found_and_says_so() {
        let (gig, events) = a_gig();
        assert!(gig.listing().active);
        assert_eq!(events, [GigEvent::Created { gig: Box::new(gig.listing().clone()), at: NOW }]);
    }

    #[test]
    fn a_gig_must_cost_more_than_the_floor_and_no_more_than_a_payment_carries() {
        for (cents, fits) in [
            (-5, false),
            (0, false),
            (499, false),
            (500, true),
            (94_786_729, true),
            (94_786_730, false),
            (i64::MAX, false),
        ] {
            let content = Content { price: Money::from_cents(cents), ..a_content() };
            let (gig, _) = a_gig();
            let (listing, id) = (gig.listing().clone(), gig.listing().id);
            assert_eq!(gig.update("Iria", content.clone(), NOW).is_ok(), fits, "{cents}");
            let created = Gig::create(id, listing.sort_id, listing.seller, content, NOW);
            assert_eq!(created.is_ok(), fits, "{cents}");
        }
    }

    #[test]
    fn a_gig_from_before_there_was_a_highest_price_stays_and_its_next_price_is_a_price() {
        let dear = Listing { content: Content { price: Money::from_cents(100_000_000), ..a_content() }, ..a_listing() };
        let gig = Gig::from_state(GigState::V1(Box::new(dear))).unwrap();
        assert!(gig.clone().set_active("Iria", false, NOW).is_ok());
        let content = Content { title: "Anew".into(), ..gig.listing().content.clone() };
        assert!(matches!(gig.clone().update("Iria", content, NOW), Err(GigError::PriceTooHigh)));
        assert!(gig.update("Iria", a_content(), NOW).is_ok());
    }

    #[test]
    fn a_gig_needs_a_subcategory_and_a_tag() {
        let (gig, _) = a_gig();
        let content = Content { sub_categories: vec![], ..a_content() };
        assert!(matches!(gig.clone().update("Iria", content, NOW), Err(GigError::NoSubCategory)));
        let content = Content { tags: vec![], ..a_content() };
        assert!(matches!(gig.update("Iria", content, NOW), Err(GigError::NoTag)));
    }

    #[test]
    fn only_its_seller_changes_it() {
        let (gig, _) = a_gig();
        let seller_id = gig.listing().seller.id;
        assert!(matches!(gig.clone().update("Mallory", a_content(), NOW), Err(GigError::NotYours)));
        assert!(matches!(gig.clone().set_active("Mallory", false, NOW), Err(GigError::NotYours)));
        assert!(matches!(gig.delete("Mallory", seller_id, NOW), Err(GigError::NotYours)));
        let other: SellerId = "66f0c0ffee0000000000a099".parse().unwrap();
        assert!(matches!(gig.delete("Iria", other, NOW), Err(GigError::NotYours)));
        assert_eq!(gig.delete("iRIA", seller_id, NOW).unwrap().len(), 1);
    }

    #[test]
    fn what_changes_nothing_raises_nothing() {
        let (gig, _) = a_gig();
        assert!(gig.clone().set_active("Iria", true, NOW).unwrap().1.is_empty());
        assert!(gig.update("Iria", a_content(), NOW).unwrap().1.is_empty());
    }

    #[test]
    fn a_paused_gig_leaves_the_lists_of_those_that_can_be_found() {
        let (gig, _) = a_gig();
        let held = |gig: &Gig| -> Vec<&str> {
            Gig::keys().iter().filter(|key| !(key.read)(gig).is_empty()).map(|key| key.name).collect()
        };
        assert_eq!(held(&gig), ["sort", "listed_of_seller", "category", "listed"]);
        let (paused, events) = gig.set_active("Iria", false, NOW).unwrap();
        assert_eq!(held(&paused), ["sort", "paused_of_seller"]);
        assert!(matches!(&events[..], [GigEvent::Saved { gig, .. }] if !gig.active));
    }

    #[test]
    fn only_five_stars_from_everybody_are_top() {
        let (gig, _) = a_gig();
        assert!(!gig.listing().is_top_rated());
        let (gig, _) = gig.rate(Stars::MAX, NOW);
        assert!(gig.listing().is_top_rated());
        let (gig, _) = gig.rate(Stars::MIN, NOW);
        assert!(!gig.listing().is_top_rated());
        assert_eq!((gig.listing().ratings.count(), gig.listing().ratings.sum()), (2, 6));
    }

    #[test]
    fn a_category_has_one_key_however_it_is_written_and_however_long_it_is() {
        assert_eq!(Gig::category_key("Graphics & Design"), Gig::category_key("graphics   design"));
        let KeyValue::Text(long) = Gig::category_key(&"é ".repeat(500)) else { panic!("a text key") };
        assert!(long.len() <= MAX_KEY_BYTES);
    }

    #[test]
    fn a_state_survives_a_round_trip_and_a_broken_one_is_refused() {
        let (gig, _) = a_gig();
        let json = serde_json::to_string(&gig.to_state()).unwrap();
        assert_eq!(Gig::from_state(serde_json::from_str(&json).unwrap()).unwrap(), gig);
        let cheap = Listing { content: Content { price: Money::ZERO, ..a_content() }, ..a_listing() };
        assert!(Gig::from_state(GigState::V1(Box::new(cheap))).is_err());
        assert!(Gig::from_state(GigState::V1(Box::new(Listing { sort_id: 5, ..a_listing() }))).is_err());
    }
}
