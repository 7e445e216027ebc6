//! What an order consists of, as it is read and stored.

use jobapp_kernel::{Money, ObjectId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::extension::{DAY, Extension};
use crate::machine::{Phase, Who};
use crate::{BuyerId, GigId, OfferId, OrderNumber, OrderObjectId, SellerId};

/// One side of an order, as it was when the order was placed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Party<I> {
    /// The side's document id.
    pub id: I,
    /// The user name, stored form.
    pub username: String,
    /// The address.
    pub email: String,
    /// URL.
    pub picture: String,
}

/// The gig an order is for, as it was when the work started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GigCard {
    /// The gig.
    pub id: GigId,
    /// URL.
    pub cover_image: String,
    /// Its title.
    pub title: String,
    /// The package's title.
    pub basic_title: String,
    /// The package's description.
    pub basic_description: String,
}

/// What was agreed on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agreement {
    /// The title.
    pub title: String,
    /// What is to be done.
    pub description: String,
    /// Days of work.
    pub delivery_in_days: i64,
    /// The date first agreed on.
    pub first_due: Timestamp,
    /// The date that counts.
    pub due: Timestamp,
    /// Why the date moved; empty when it did not.
    pub reason: String,
}

impl Agreement {
    /// The same with dates that can be meant: instead of one that has passed, or that nobody plans for, the one after the days of
    /// work. A client whose clock is wrong is no reason to refuse what is paid for.
    #[must_use]
    pub(crate) fn dated(self, now: Timestamp) -> Self {
        let furthest = now.plus(Extension::MOST);
        let days = u32::try_from(self.delivery_in_days).unwrap_or_default();
        let meant = |date: Timestamp| if date > now && date <= furthest { date } else { now.plus(DAY * days) };
        Self { first_due: meant(self.first_due), due: meant(self.due), ..self }
    }
}

/// What an order waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WaitingFor {
    /// The payment is on its way.
    Payment,
    /// Nothing is known of the gig yet.
    Gig,
    /// The gig is known; a price or an accepted offer that explains the order's price is not, yet.
    Price,
}

/// Who answered what an order asked about its gig and its price. An order that has to wait for a fact asks those who own it;
/// once they have answered, what is not known is not so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Answered {
    /// Whoever keeps the gigs: whether there is this one, and how it is.
    pub gig: bool,
    /// Whoever keeps the offers: which ones there are for the gig between the two.
    pub offers: bool,
}

impl Answered {
    /// The gigs' keeper alone.
    pub const GIG: Self = Self { gig: true, offers: false };
    /// The offers' keeper alone.
    pub const OFFERS: Self = Self { gig: false, offers: true };

    /// Both together.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self { gig: self.gig || other.gig, offers: self.offers || other.offers }
    }
}

impl WaitingFor {
    /// Whether it is for something that whoever owns it can be asked about.
    pub const fn can_be_asked(self) -> bool {
        matches!(self, Self::Gig | Self::Price)
    }
}

/// What the seller hands over.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Work {
    /// The seller's words.
    pub message: Option<String>,
    /// What the media store keeps the file as.
    pub file: Option<String>,
    /// Such as `zip`.
    pub file_type: Option<String>,
    /// A text.
    pub file_size: Option<String>,
    /// The name.
    pub file_name: Option<String>,
}

/// One delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveredWork {
    /// Its id.
    pub id: ObjectId,
    /// When.
    pub at: Timestamp,
    /// The seller's words.
    pub message: Option<String>,
    /// What the media store keeps the file as.
    pub file: Option<String>,
    /// Such as `zip`.
    pub file_type: Option<String>,
    /// A text.
    pub file_size: Option<String>,
    /// The name.
    pub file_name: Option<String>,
}

/// What the buyer said to the last request for more time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExtensionAnswer {
    /// Yes.
    Approved,
    /// No.
    Rejected,
}

/// One side's review.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Review {
    /// 1 to 5.
    pub rating: i64,
    /// The words.
    pub text: String,
    /// When.
    pub at: Timestamp,
}

/// The money that goes back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refund {
    /// Since when it is owed.
    pub owed_at: Timestamp,
    /// When it was paid back; `None` until then.
    pub paid_at: Option<Timestamp>,
}

/// Everything an order consists of. Read it through [`crate::Order::record`]; only the order changes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderRecord {
    /// The document id.
    pub id: OrderObjectId,
    /// The public number.
    pub number: OrderNumber,
    /// Further numbers the same order is known by: those of repeated requests.
    pub aliases: Vec<OrderNumber>,
    /// The invoice number the client made; only mails name it.
    pub invoice: String,
    /// Where it stands.
    pub phase: Phase,
    /// What it waits for, while it waits.
    pub waiting_for: Option<WaitingFor>,
    /// Who answered what was asked about it when it was placed.
    #[serde(default)]
    pub answered: Answered,
    /// The payment intent it is paid with.
    pub payment: String,
    /// The payment intent the client named; often the same.
    pub named_payment: String,
    /// The accepted offer that explains its price; `None` when the gig had that price.
    pub offer: Option<OfferId>,
    /// The gig.
    pub gig: GigCard,
    /// Who works.
    pub seller: Party<SellerId>,
    /// Who ordered.
    pub buyer: Party<BuyerId>,
    /// What the work costs.
    pub price: Money,
    /// What the buyer pays on top.
    pub fee: Money,
    /// What was agreed on.
    pub agreement: Agreement,
    /// What the buyer asked for.
    pub requirements: String,
    /// The deliveries, oldest first.
    pub work: Vec<DeliveredWork>,
    /// The pending request for more time.
    pub extension: Option<Extension>,
    /// How often the seller asked for more time.
    #[serde(default)]
    pub extension_requests: usize,
    /// What the buyer said to the last request for more time.
    pub last_answer: Option<ExtensionAnswer>,
    /// When it was placed.
    pub placed_at: Timestamp,
    /// When the work started.
    pub started_at: Option<Timestamp>,
    /// When work was delivered, last time.
    pub delivered_at: Option<Timestamp>,
    /// When the date was moved, last time.
    pub extended_at: Option<Timestamp>,
    /// When it was approved, cancelled or refused.
    pub ended_at: Option<Timestamp>,
    /// Who cancelled it.
    pub cancelled_by: Option<Who>,
    /// Why it was refused.
    pub refusal: Option<String>,
    /// The buyer's review.
    pub buyer_review: Option<Review>,
    /// The seller's review.
    pub seller_review: Option<Review>,
    /// The money that goes back.
    pub refund: Option<Refund>,
}

impl OrderRecord {
    /// When it was approved or cancelled; when it was placed until then.
    pub fn approved_at(&self) -> Timestamp {
        self.ended_at.unwrap_or(self.placed_at)
    }

    /// What the buyer pays.
    pub fn total(&self) -> Money {
        self.price + self.fee
    }

    /// Which side this user is on, if any. The seller is on none before the work started.
    pub fn side_of(&self, username: &str) -> Option<Who> {
        if self.buyer.username == username {
            return Some(Who::Buyer);
        }
        (self.started_at.is_some() && self.seller.username == username).then_some(Who::Seller)
    }

    /// Whether it goes by this number.
    pub fn goes_by(&self, number: &OrderNumber) -> bool {
        self.number == *number || self.aliases.contains(number)
    }
}
