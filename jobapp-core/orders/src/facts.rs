//! What orders need to know of gigs and offers: local copies, fed by events in any order.

use std::collections::BTreeSet;
use std::time::Duration;

use jobapp_kernel::{Aggregate, InvalidState, Key, KeyValue, Money, Timestamp};
use serde::{Deserialize, Serialize};

use crate::record::{GigCard, Party};
use crate::{GigId, OfferId, SellerId};

/// How long a price that is no longer asked for is remembered.
const REMEMBERED: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// How many versions that were not told yet are counted, the newest ones.
const MOST_MISSING: u64 = 1000;

/// A price and since when it was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceSince {
    /// The price.
    pub price: Money,
    /// Since when.
    pub from: Timestamp,
}

/// A gig's seller, card and price at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GigNow {
    /// Who sells it.
    pub seller: Party<SellerId>,
    /// What it looks like.
    pub card: GigCard,
    /// What it costs.
    pub price: Money,
}

/// What is known of a gig: how it is now, and what it cost in the last month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GigFact {
    fact: GigFactV1,
}

/// The first stored form of a gig fact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GigFactV1 {
    id: GigId,
    version: u64,
    now: Option<GigNow>,
    prices: Vec<PriceSince>,
    deleted_at: Option<Timestamp>,
    /// The versions between those that were told: on their way.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    missing: BTreeSet<u64>,
}

/// What is stored of a gig fact.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "v")]
pub enum GigFactState {
    /// The first form.
    #[serde(rename = "1")]
    V1(Box<GigFactV1>),
}
jobapp_kernel::forms!(GigFactState { "1" => V1 });

impl GigFact {
    /// Nothing is known of this gig yet.
    pub const fn unknown(id: GigId) -> Self {
        Self {
            fact: GigFactV1 {
                id,
                version: 0,
                now: None,
                prices: Vec::new(),
                deleted_at: None,
                missing: BTreeSet::new(),
            },
        }
    }

    /// How the gig is now; `None` when only its deletion is known.
    pub const fn now(&self) -> Option<&GigNow> {
        self.fact.now.as_ref()
    }

    /// When it was deleted.
    pub const fn deleted_at(&self) -> Option<Timestamp> {
        self.fact.deleted_at
    }

    /// Whether every version up to the newest known one was told, from the first that was.
    pub fn is_whole(&self) -> bool {
        self.fact.missing.is_empty()
    }

    /// Takes over how the gig was at `version`, from `at` on. Older tellings only add the price they tell of.
    #[must_use]
    pub fn saved(mut self, gig: GigNow, version: u64, at: Timestamp) -> Self {
        self.remember(PriceSince { price: gig.price, from: at });
        if version > self.fact.version || self.fact.now.is_none() {
            self.fact.now = Some(gig);
        }
        self.told(version);
        self.forget_before(at.minus(REMEMBERED));
        self
    }

    /// Takes over that the gig was deleted.
    #[must_use]
    pub fn deleted(mut self, version: u64, at: Timestamp) -> Self {
        self.told(version);
        self.fact.deleted_at.get_or_insert(at);
        self
    }

    /// Whether it could be bought at this price at some moment from `since` on.
    pub fn had_price(&self, price: Money, since: Timestamp) -> bool {
        let end = self.fact.deleted_at;
        let mut until = self.fact.prices.iter().skip(1).map(|next| Some(next.from)).chain([None]);
        let had = self.fact.prices.iter().any(|entry| {
            let until = until.next().flatten().or(end);
            entry.price == price && until.is_none_or(|until| until >= since)
        });
        let is_now = end.is_none_or(|end| end >= since) && self.fact.now.as_ref().is_some_and(|now| now.price == price);
        had || is_now
    }

    /// Notes that `version` was told, and which ones before it were not.
    fn told(&mut self, version: u64) {
        self.fact.missing.remove(&version);
        let known = self.fact.version;
        if known > 0 && version > known {
            self.fact.missing.extend((known + 1).max(version.saturating_sub(MOST_MISSING))..version);
        }
        self.fact.version = known.max(version);
    }

    fn remember(&mut self, entry: PriceSince) {
        let place = self.fact.prices.partition_point(|known| known.from <= entry.from);
        let same_before = place.checked_sub(1).is_some_and(|before| self.fact.prices[before].price == entry.price);
        if !same_before {
            self.fact.prices.insert(place, entry);
        }
        self.fact.prices.dedup_by_key(|entry| entry.price);
    }

    /// Forgets prices that ended before `time`; the last one never.
    fn forget_before(&mut self, time: Timestamp) {
        let ended = self.fact.prices.windows(2).take_while(|pair| pair[1].from < time).count();
        self.fact.prices.drain(..ended);
    }
}

impl Aggregate for GigFact {
    const NAME: &'static str = "gig_fact";
    type Id = GigId;
    type Event = ();
    type State = GigFactState;

    fn id(&self) -> &GigId {
        &self.fact.id
    }

    fn keys() -> &'static [Key<Self>] {
        &[]
    }

    fn to_state(&self) -> GigFactState {
        GigFactState::V1(Box::new(self.fact.clone()))
    }

    fn from_state(state: GigFactState) -> Result<Self, InvalidState> {
        let GigFactState::V1(fact) = state;
        if !fact.prices.is_sorted_by_key(|entry| entry.from) {
            return Err(InvalidState::new("the prices of a gig are in the order of their times"));
        }
        Ok(Self { fact: *fact })
    }
}

/// An offer as it was at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfferNow {
    /// The gig it is for.
    pub gig: GigId,
    /// Who made it.
    pub seller: String,
    /// Whom it was made to.
    pub buyer: String,
    /// What it costs.
    pub price: Money,
    /// Days of work.
    pub delivery_in_days: i64,
    /// Whether the buyer said yes.
    pub accepted: bool,
    /// Whether either side took it back.
    pub cancelled: bool,
    /// When it came to be so.
    pub at: Timestamp,
}

impl OfferNow {
    /// Whether the buyer said yes and nobody took it back.
    pub const fn is_accepted(&self) -> bool {
        self.accepted && !self.cancelled
    }
}

/// What is known of an offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferFact {
    fact: OfferFactV1,
}

/// The first stored form of an offer fact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfferFactV1 {
    id: OfferId,
    version: u64,
    now: OfferNow,
}

/// What is stored of an offer fact.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "v")]
pub enum OfferFactState {
    /// The first form.
    #[serde(rename = "1")]
    V1(Box<OfferFactV1>),
}
jobapp_kernel::forms!(OfferFactState { "1" => V1 });

impl OfferFact {
    /// The offers for a gig between two users, see [`OfferFact::between`]; by age.
    pub const BETWEEN: Key<Self> = Key::<Self>::text("between", |offer| {
        let now = &offer.fact.now;
        vec![Self::between(now.gig, &now.buyer, &now.seller)]
    })
    .sorted_by(|offer| offer.fact.now.at.into());

    /// An offer that was heard of for the first time.
    pub const fn new(id: OfferId, version: u64, now: OfferNow) -> Self {
        Self { fact: OfferFactV1 { id, version, now } }
    }

    /// The value of [`OfferFact::BETWEEN`].
    pub fn between(gig: GigId, buyer: &str, seller: &str) -> KeyValue {
        format!("{gig} {buyer} {seller}").into()
    }

    /// How the offer is now.
    pub const fn now(&self) -> &OfferNow {
        &self.fact.now
    }

    /// Takes over how the offer was at `version`; `None` when something as new or newer is known.
    #[must_use]
    pub fn updated(mut self, now: OfferNow, version: u64) -> Option<Self> {
        if version <= self.fact.version {
            return None;
        }
        self.fact.version = version;
        self.fact.now = now;
        Some(self)
    }
}

impl Aggregate for OfferFact {
    const NAME: &'static str = "offer_fact";
    type Id = OfferId;
    type Event = ();
    type State = OfferFactState;

    fn id(&self) -> &OfferId {
        &self.fact.id
    }

    fn keys() -> &'static [Key<Self>] {
        const { &[Self::BETWEEN] }
    }

    fn to_state(&self) -> OfferFactState {
        OfferFactState::V1(Box::new(self.fact.clone()))
    }

    fn from_state(state: OfferFactState) -> Result<Self, InvalidState> {
        let OfferFactState::V1(fact) = state;
        Ok(Self { fact: *fact })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(number: i64) -> Timestamp {
        Timestamp::from_millis(number * 86_400_000).unwrap()
    }

    fn id() -> GigId {
        "66f0c0ffee00000000009001".parse().unwrap()
    }

    fn gig(price: i64) -> GigNow {
        GigNow {
            seller: Party {
                id: "66f0c0ffee0000000000a001".parse().unwrap(),
                username: "Iria".into(),
                email: "iria@example.org".into(),
                picture: String::new(),
            },
            card: GigCard {
                id: id(),
                cover_image: String::new(),
                title: format!("at {price}"),
                basic_title: String::new(),
                basic_description: String::new(),
            },
            price: Money::from_cents(price),
        }
    }

    fn had(fact: &GigFact, price: i64, since: i64) -> bool {
        fact.had_price(Money::from_cents(price), day(since))
    }

    #[test]
    fn a_price_counts_until_it_ended() {
        let fact = GigFact::unknown(id()).saved(gig(10), 1, day(1)).saved(gig(20), 2, day(5)).saved(gig(10), 3, day(9));
        assert!(had(&fact, 10, 1) && had(&fact, 20, 1) && !had(&fact, 30, 1));
        assert!(had(&fact, 20, 9) && !had(&fact, 20, 10));
        assert!(had(&fact, 10, 100));
    }

    #[test]
    fn prices_older_than_a_month_are_forgotten_but_the_current_one_never() {
        let fact =
            GigFact::unknown(id()).saved(gig(10), 1, day(1)).saved(gig(20), 2, day(5)).saved(gig(30), 3, day(40));
        assert!(!had(&fact, 10, 0) && had(&fact, 20, 0) && had(&fact, 30, 1000));
    }

    #[test]
    fn an_older_telling_adds_its_price_and_changes_nothing_else() {
        let fact = GigFact::unknown(id()).saved(gig(20), 2, day(5)).saved(gig(10), 1, day(1));
        assert_eq!(fact.now().unwrap().card.title, "at 20");
        assert!(had(&fact, 10, 5) && !had(&fact, 10, 6) && had(&fact, 20, 50));
        let again = fact.clone().saved(gig(10), 1, day(1)).saved(gig(20), 2, day(5));
        assert_eq!(again, fact);
    }

    #[test]
    fn a_fact_is_whole_once_every_version_between_was_told() {
        let fact = GigFact::unknown(id()).saved(gig(10), 7, day(1));
        assert!(fact.is_whole(), "what was before the first telling is not on its way");
        let fact = fact.saved(gig(20), 10, day(2));
        assert!(!fact.is_whole());
        let fact = fact.saved(gig(15), 9, day(2)).saved(gig(15), 9, day(2));
        assert!(!fact.is_whole());
        assert!(fact.saved(gig(12), 8, day(2)).is_whole());
        let far = GigFact::unknown(id()).saved(gig(10), 1, day(1)).deleted(u64::MAX, day(2));
        assert!(!far.is_whole());
    }

    #[test]
    fn a_deleted_gig_keeps_its_price_until_then() {
        let fact = GigFact::unknown(id()).saved(gig(10), 1, day(1)).deleted(2, day(3)).deleted(2, day(4));
        assert!(had(&fact, 10, 3) && !had(&fact, 10, 4));
        let only_deleted = GigFact::unknown(id()).deleted(2, day(3));
        assert!(only_deleted.now().is_none() && !had(&only_deleted, 10, 0));
    }
}
