//! Whether an order may start: a decision on what is known.

use std::time::Duration;

use jobapp_kernel::Timestamp;

use crate::OfferId;
use crate::facts::{GigFact, GigNow, OfferFact};
use crate::payment::{Payment, PaymentStatus};
use crate::record::{OrderRecord, WaitingFor};

/// How long before the payment intent a price may have been asked for last: the buyer's page may be that old.
const PRICE_MAY_BE_OLD: Duration = Duration::from_secs(24 * 60 * 60);

/// What is known about what an order claims.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    /// Its payment.
    pub payment: &'a Payment,
    /// Its gig, if anything is known of it.
    pub gig: Option<&'a GigFact>,
    /// The offers for this gig between its two sides.
    pub offers: &'a [KnownOffer],
}

/// An offer and whether an order used it.
#[derive(Debug, Clone)]
pub struct KnownOffer {
    /// The offer.
    pub offer: OfferFact,
    /// Whether an order used it.
    pub used: bool,
}

/// What the evidence says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Everything is there and right.
    Start {
        /// The gig and its seller, as they are known to us.
        gig: Box<GigNow>,
        /// The accepted offer that explains the price, and its days of work; `None` when the gig had that price.
        offer: Option<(OfferId, i64)>,
    },
    /// Something is not known yet.
    Wait(WaitingFor),
    /// Something is known to be otherwise.
    Refuse(Refusal),
}

/// Why an order is refused. What was paid goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The gig belongs to another seller.
    #[error("The gig is sold by another seller. Your payment will be refunded.")]
    OtherSeller,
    /// The gig is the buyer's own.
    #[error("You cannot order your own gig. Your payment will be refunded.")]
    OwnGig,
    /// There is no such gig.
    #[error("There is no such gig. Your payment will be refunded.")]
    NoSuchGig,
    /// The gig was deleted before the price could have been seen.
    #[error("The gig is no longer offered. Your payment will be refunded.")]
    GigGone,
    /// The only offers of that price were taken back, or used by another order.
    #[error("The offer of this price is no longer open. Your payment will be refunded.")]
    OfferGone,
    /// The gig never had the price, and no offer explains it.
    #[error("The gig is not sold at this price. Your payment will be refunded.")]
    WrongPrice,
    /// The payment went back to the buyer, or will.
    #[error("The payment of this order was refunded.")]
    PaymentRefunded,
    /// The payment failed for good.
    #[error("The payment of this order failed.")]
    PaymentFailed,
    /// What it waited for did not come.
    #[error("The order could not be confirmed in time. Your payment will be refunded.")]
    Unconfirmed,
}

impl Evidence<'_> {
    /// Judges what an order claims. A contradiction weighs more than something missing.
    pub fn judge(&self, order: &OrderRecord) -> Verdict {
        if self.payment.status() == PaymentStatus::Cancelled {
            return Verdict::Refuse(Refusal::PaymentFailed);
        }
        if self.payment.refund().is_some() {
            return Verdict::Refuse(Refusal::PaymentRefunded);
        }
        let Some(fact) = self.gig else {
            let is_certain = order.answered.gig;
            return if is_certain { Verdict::Refuse(Refusal::NoSuchGig) } else { Verdict::Wait(WaitingFor::Gig) };
        };
        let Some(gig) = fact.now() else { return Verdict::Refuse(Refusal::GigGone) };
        if gig.seller.id != order.seller.id {
            return Verdict::Refuse(Refusal::OtherSeller);
        }
        if gig.seller.username == order.buyer.username {
            return Verdict::Refuse(Refusal::OwnGig);
        }
        let since = self.payment.created_at().minus(PRICE_MAY_BE_OLD);
        let offer = if fact.had_price(order.price, since) {
            None
        } else {
            match self.offer_of(order, fact, since) {
                Ok(offer) => Some(offer),
                Err(verdict) => return verdict,
            }
        };
        if self.payment.status() != PaymentStatus::Paid {
            return Verdict::Wait(WaitingFor::Payment);
        }
        Verdict::Start { gig: Box::new(gig.clone()), offer }
    }

    /// The accepted, unused offer of the order's price, or what its absence means.
    fn offer_of(&self, order: &OrderRecord, gig: &GigFact, since: Timestamp) -> Result<(OfferId, i64), Verdict> {
        use jobapp_kernel::Aggregate;
        let fits = |known: &&KnownOffer| {
            let now = known.offer.now();
            now.price == order.price
                && now.gig == order.gig.id
                && now.buyer == order.buyer.username
                && gig.now().is_some_and(|gig| gig.seller.username == now.seller)
        };
        let mut fitting = self.offers.iter().filter(fits).peekable();
        if fitting.peek().is_none() {
            if gig.deleted_at().is_some_and(|deleted| deleted < since) {
                return Err(Verdict::Refuse(Refusal::GigGone));
            }
            // Both keepers were asked after the price was claimed, and nothing they told explains it.
            let is_certain = order.answered.gig && order.answered.offers && gig.is_whole();
            let refused = Verdict::Refuse(Refusal::WrongPrice);
            return Err(if is_certain { refused } else { Verdict::Wait(WaitingFor::Price) });
        }
        let mut may_be_accepted = false;
        for known in fitting {
            let now = known.offer.now();
            if now.accepted && !now.cancelled && !known.used {
                return Ok((*known.offer.id(), now.delivery_in_days));
            }
            may_be_accepted |= !now.accepted && !now.cancelled && !known.used;
        }
        Err(if may_be_accepted { Verdict::Wait(WaitingFor::Price) } else { Verdict::Refuse(Refusal::OfferGone) })
    }
}
