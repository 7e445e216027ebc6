//! Bodies of queue messages. Field names and types are the wire's; optional fields that are absent are left out.
//!
//! The structs read what foreign producers send (dates in both formats, numbers or texts where the wire is vague) and
//! write what foreign consumers understand. Fields marked *ours* are extra: old consumers ignore them.

use jobapp_kernel::{ObjectId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::numbers::{amount, whole};

/// On [`crate::queues::BUYER_UPDATE`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum BuyerUpdate {
    /// M1. An account was made: a buyer is to be.
    #[serde(rename = "auth")]
    Created(BuyerCreated),
    /// M2. An order was approved: the buyer owns the gig's work.
    #[serde(rename = "purchased-gigs")]
    PurchasedGig(PurchasedGig),
    /// M3. An order was cancelled: the purchase is taken back.
    #[serde(rename = "cancel-order")]
    OrderCancelled(PurchasedGig),
}

/// M1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BuyerCreated {
    /// Stored form.
    pub username: String,
    /// Lower case.
    pub email: String,
    /// URL of the picture.
    pub profile_picture: String,
    /// Free text.
    pub country: String,
    /// Milliseconds on the wire; a date text is read too.
    #[serde(with = "millis")]
    pub created_at: Timestamp,
}

/// M2 and M3.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PurchasedGig {
    /// The buyer's document id.
    pub buyer_id: String,
    /// One gig id, in spite of the plural.
    pub purchased_gigs: String,
    /// Ours: the order it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_id: Option<String>,
}

/// On [`crate::queues::SELLER_UPDATE`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum SellerUpdate {
    /// M4. An order was placed.
    #[serde(rename = "create-order", rename_all = "camelCase")]
    OrderPlaced {
        /// The seller.
        seller_id: String,
        /// What to add: 1.
        #[serde(deserialize_with = "whole")]
        ongoing_jobs: i64,
        /// Ours: the order.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        order_id: Option<String>,
    },
    /// M5. An order was approved.
    #[serde(rename = "approve-order", rename_all = "camelCase")]
    OrderApproved {
        /// The seller.
        seller_id: String,
        /// The buyer.
        buyer_id: String,
        /// What to add: −1.
        #[serde(deserialize_with = "whole")]
        ongoing_jobs: i64,
        /// What to add: 1.
        #[serde(deserialize_with = "whole")]
        completed_jobs: i64,
        /// What to add, in whole units: the seller's share of the price.
        #[serde(deserialize_with = "amount")]
        total_earnings: f64,
        /// When. A browser's date text on the wire.
        #[serde(with = "js_date")]
        recent_delivery: Timestamp,
        /// Ours: the order.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        order_id: Option<String>,
    },
    /// M6. An order was cancelled: one ongoing less, one cancelled more.
    #[serde(rename = "cancel-order", rename_all = "camelCase")]
    OrderCancelled {
        /// The seller.
        seller_id: String,
        /// Ours: the order.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        order_id: Option<String>,
    },
    /// M7. A gig was created or deleted.
    #[serde(rename = "update-gig-count", rename_all = "camelCase")]
    GigCount {
        /// The seller.
        gig_seller_id: String,
        /// 1 or −1.
        #[serde(deserialize_with = "whole")]
        count: i64,
        /// Ours: the gig.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        gig_id: Option<String>,
    },
    /// A type this version does not know: acknowledged without effect.
    #[serde(other)]
    Unknown,
}

/// M8. On [`crate::queues::REVIEW`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReviewMessage {
    /// `buyer-review` (the buyer reviews the seller) or `seller-review`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The gig.
    pub gig_id: String,
    /// Who wrote it: a buyer's or a seller's document id.
    pub reviewer_id: String,
    /// The seller of the order.
    pub seller_id: String,
    /// The public order number.
    pub order_id: String,
    /// The text.
    pub review: String,
    /// 1 to 5.
    #[serde(deserialize_with = "whole")]
    pub rating: i64,
    /// When. A browser's date text on the wire.
    #[serde(with = "js_date")]
    pub created_at: Timestamp,
    /// Ours: the reviewer's user name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reviewer_username: Option<String>,
}

/// M9. On [`crate::queues::UPDATE_GIG`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GigRating {
    /// `updateGig`.
    #[serde(rename = "type")]
    pub kind: String,
    /// M8 as JSON text inside JSON.
    pub gig_review: String,
}

/// M10. On [`crate::queues::GIG`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GetSellers {
    /// `getSellers`.
    #[serde(rename = "type")]
    pub kind: String,
    /// How many, as text.
    pub count: String,
}

/// M11. On [`crate::queues::SEED_GIG`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReceiveSellers {
    /// `receiveSellers`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The sellers.
    pub sellers: Vec<SampleSeller>,
    /// How many were asked for, as text.
    pub count: String,
}

/// What M11's consumer reads of a seller document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SampleSeller {
    /// The seller's id.
    #[serde(rename = "_id")]
    pub id: String,
    /// Stored form.
    pub username: String,
    /// Lower case.
    pub email: String,
    /// URL.
    pub profile_picture: String,
}

/// M12 to M15. On [`crate::queues::EMAIL_NOTIFICATION`].
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AccountMail {
    /// `verifyEmail`, `forgotPassword`, `resetPasswordSuccess` or `otpEmail`.
    pub template: String,
    /// To whom.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receiver_email: Option<String>,
    /// The user's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// Where to verify the address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verify_link: Option<String>,
    /// Where to set a new password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reset_link: Option<String>,
    /// The one-time code: six digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub otp: Option<String>,
}

/// M16 to M20. On [`crate::queues::ORDER_NOTIFICATION`]. Every value is a text.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct OrderMail {
    /// `orderPlaced`, `orderDelivered`, `orderExtension`, `orderExtensionApproval` or `offer`.
    pub template: String,
    /// To whom: the seller for `orderPlaced` and `orderExtensionApproval`, the buyer for the others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receiver_email: Option<String>,
    /// Ours: where `orderPlaced`'s second mail, the receipt, goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub buyer_email: Option<String>,
    /// The public order number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order_id: Option<String>,
    /// The invoice number, as the client made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invoice_id: Option<String>,
    /// When the work is due: a date text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order_due: Option<String>,
    /// The price.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount: Option<String>,
    /// Lower case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub buyer_username: Option<String>,
    /// Lower case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seller_username: Option<String>,
    /// The offer's title.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The offer's description.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What the buyer asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requirements: Option<String>,
    /// The fee on top of the price.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_fee: Option<String>,
    /// Price and fee.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<String>,
    /// The order's page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order_url: Option<String>,
    /// The date before the extension.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub original_date: Option<String>,
    /// The date asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new_date: Option<String>,
    /// Why more time is needed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// `orderExtensionApproval`: the subject.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// `orderExtensionApproval`: the heading.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<String>,
    /// `orderExtensionApproval`: `accepted` or `rejected`.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// `orderExtensionApproval`: one more sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// `offer`: who made it, original case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sender: Option<String>,
    /// `offer`: days of work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivery_days: Option<String>,
    /// `offer`: where to answer it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offer_link: Option<String>,
}

/// Ours. On [`crate::queues::PROFILE`]: the whole public card of one side of a user, with every change. The `x-version`
/// header orders the cards of one aggregate (`x-aggregate` is `buyer` or `seller`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all_fields = "camelCase")]
pub enum ProfileChanged {
    /// A buyer.
    #[serde(rename = "buyer-profile")]
    Buyer {
        /// The buyer's document id.
        buyer_id: String,
        /// Stored form.
        username: String,
        /// Lower case.
        email: String,
        /// URL.
        profile_picture: String,
        /// Free text.
        country: String,
    },
    /// A seller.
    #[serde(rename = "seller-profile")]
    Seller {
        /// The seller's document id.
        seller_id: String,
        /// Stored form.
        username: String,
        /// Lower case.
        email: String,
        /// URL.
        profile_picture: String,
        /// Free text.
        country: String,
        /// The name shown.
        full_name: String,
        /// One line about the seller.
        oneliner: String,
    },
}

/// Ours. On [`crate::queues::GIG_CHANGED`], with every change of a gig; `x-version` orders those of one gig.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all_fields = "camelCase")]
pub enum GigChanged {
    /// The gig as it is now.
    #[serde(rename = "gig-saved")]
    Saved {
        /// The gig document.
        gig: Box<crate::gigs::GigDocument>,
        /// When it came to be so.
        #[serde(rename = "at")]
        changed_at: Timestamp,
    },
    /// The gig is gone.
    #[serde(rename = "gig-deleted")]
    Deleted {
        /// Its id.
        gig_id: String,
        /// Its seller.
        seller_id: String,
        /// When.
        #[serde(rename = "at")]
        deleted_at: Timestamp,
    },
}

/// Ours. On [`crate::queues::OFFER_CHANGED`]: an offer as it is now; `x-version` orders those of one message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OfferChanged {
    /// `offer-changed`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The chat message that carries the offer.
    pub message_id: ObjectId,
    /// The conversation.
    pub conversation_id: String,
    /// The seller's document id.
    pub seller_id: ObjectId,
    /// The buyer's document id.
    pub buyer_id: ObjectId,
    /// The seller's user name.
    pub seller_username: String,
    /// The buyer's user name.
    pub buyer_username: String,
    /// The gig it is for.
    pub gig_id: ObjectId,
    /// What it costs.
    pub price: f64,
    /// Days of work.
    pub delivery_in_days: i64,
    /// Whether the buying side said yes.
    pub accepted: bool,
    /// Whether either side took it back.
    pub cancelled: bool,
    /// When it came to be so.
    pub at: Timestamp,
}

/// Ours. On [`crate::queues::FACT_ASKED`]: whether there is this gig, and how it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GigAsked {
    /// The gig.
    pub gig_id: ObjectId,
    /// The order that waits for the answer; without one, the chat service asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_id: Option<ObjectId>,
}

/// Ours. On [`crate::queues::FACT_ASKED`]: which offers there are that explain the price of an order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OffersAsked {
    /// The order that waits for the answer.
    pub order_id: ObjectId,
    /// The gig.
    pub gig_id: ObjectId,
    /// The seller's document id.
    pub seller_id: ObjectId,
    /// The buyer's user name.
    pub buyer_username: String,
    /// What they cost.
    pub price: f64,
}

/// Ours. On [`crate::queues::FACT_TOLD`]: the answer to [`GigAsked`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GigTold {
    /// Which gig was asked about.
    pub gig_id: ObjectId,
    /// The order that asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_id: Option<ObjectId>,
    /// The gig as it is now; `null` when there is none.
    pub gig: Option<Box<crate::gigs::GigDocument>>,
    /// The version of it that is; 0 when there is none.
    pub version: u64,
    /// When it was looked up.
    pub at: Timestamp,
}

/// Ours. On [`crate::queues::FACT_TOLD`]: what the order service hears there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all_fields = "camelCase")]
pub enum FactTold {
    /// The answer to [`GigAsked`].
    #[serde(rename = "gig-told")]
    Gig(GigTold),
    /// The answer to [`OffersAsked`].
    #[serde(rename = "offers-told")]
    Offers {
        /// The order that asked.
        order_id: ObjectId,
        /// The offers.
        offers: Vec<OfferTold>,
    },
}

/// Ours. An offer as it is now, in an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OfferTold {
    /// The version of the message that carries it.
    pub version: u64,
    /// The offer.
    pub offer: OfferChanged,
}

/// Ours. On [`crate::queues::ORDER_CHANGED`], once for each step of an order; `x-version` orders those of one order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderChanged {
    /// The step: `order-placed`, `order-started`, `order-delivered`, `order-approved`, `order-cancelled`,
    /// `extension-requested`, `extension-approved`, `extension-rejected`, `buyer-review`, `seller-review`, `order-refunded`.
    #[serde(rename = "type")]
    pub step: String,
    /// Who acted: a user name; empty when the marketplace did.
    pub actor: String,
    /// The order as it is now.
    pub order: Box<crate::orders::OrderDocument>,
    /// The rating, for reviews.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rating: Option<i64>,
    /// When.
    pub at: Timestamp,
}

/// Ours. On [`crate::queues::REALTIME`]: an event for every connection of these users, once each.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Realtime {
    /// `message received`, `message updated` or `order notification`.
    pub event: String,
    /// The event's arguments, in order.
    pub arguments: Vec<serde_json::Value>,
    /// User names, stored form.
    pub receivers: Vec<String>,
}

impl Realtime {
    /// The event that gateways hear when a session ends, and browsers do not: one argument, the session's id. Its receiver is
    /// the session's owner.
    pub const SESSION_ENDED: &str = "session ended";
}

/// An instant as milliseconds on the wire; texts are read too.
mod millis {
    use super::Timestamp;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(instant: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(instant.as_millis())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        Timestamp::deserialize(deserializer)
    }
}

/// An instant as a browser's date text on the wire; ISO and milliseconds are read too.
mod js_date {
    use super::Timestamp;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(instant: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&instant.to_js_string())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        Timestamp::deserialize(deserializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_created_buyer_writes_milliseconds_and_reads_both() {
        let wire = json!({"type": "auth", "username": "Marta", "email": "marta@example.org",
            "profilePicture": "https://img.example.org/p/1.png", "country": "Portugal", "createdAt": 1_795_488_054_644_i64});
        let read: BuyerUpdate = serde_json::from_value(wire.clone()).unwrap();
        assert_eq!(serde_json::to_value(&read).unwrap(), wire);
        let mut with_text = wire;
        with_text["createdAt"] = json!("2026-11-24T02:40:54.644Z");
        assert_eq!(serde_json::from_value::<BuyerUpdate>(with_text).unwrap(), read);
    }

    #[test]
    fn an_approved_order_speaks_the_wires_names_and_dates() {
        let wire = json!({"type": "approve-order", "sellerId": "a", "buyerId": "b", "ongoingJobs": -1, "completedJobs": 1,
            "totalEarnings": 32.0, "recentDelivery": "Tue Nov 24 2026 10:15:42 GMT+0000 (Coordinated Universal Time)"});
        let read: SellerUpdate = serde_json::from_value(wire.clone()).unwrap();
        assert_eq!(serde_json::to_value(&read).unwrap(), wire);
    }

    #[test]
    fn unknown_seller_updates_are_read_as_unknown() {
        let read: SellerUpdate = serde_json::from_value(json!({"type": "something-new", "sellerId": "x"})).unwrap();
        assert_eq!(read, SellerUpdate::Unknown);
    }

    #[test]
    fn mails_leave_out_what_they_do_not_say() {
        let mail = OrderMail { template: "offer".into(), amount: Some("75".into()), ..OrderMail::default() };
        assert_eq!(serde_json::to_value(&mail).unwrap(), json!({"template": "offer", "amount": "75"}));
    }
}
