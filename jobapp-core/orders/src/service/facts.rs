//! What is heard of gigs and offers, and the orders that waited for it.

use jobapp_kernel::{About, Change, Money, PageRequest, RepositoryError, Saved, Stored, Timestamp, decided, in_turn};

use super::Orders;
use crate::error::OrdersError;
use crate::facts::{GigFact, GigNow, OfferFact, OfferNow};
use crate::order::Decided;
use crate::payment::Payment;
use crate::record::{Answered, OrderRecord};
use crate::verdict::{Evidence, KnownOffer};
use crate::{GigId, OfferId, Order, OrderObjectId, SellerId};

/// How many waiting orders of one gig are looked at per message; the sweep looks at the rest.
const AT_ONCE: usize = 500;
/// How many offers for one gig between two users are looked at in one go.
const OFFERS_AT_ONCE: usize = 200;

/// An offer as whoever keeps it told it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToldOffer {
    /// Which one.
    pub id: OfferId,
    /// How it is.
    pub offer: OfferNow,
    /// Which version of it that is.
    pub version: u64,
}

/// What the store knows about what an order claims.
pub(super) struct Known {
    pub(super) gig: Option<GigFact>,
    pub(super) offers: Vec<KnownOffer>,
}

/// What an order says of itself that gigs and offers can confirm.
#[derive(Clone, Copy)]
pub(super) struct Claims<'a> {
    pub(super) order: OrderObjectId,
    pub(super) gig: GigId,
    pub(super) seller: SellerId,
    pub(super) buyer: &'a str,
    pub(super) price: Money,
}

impl Known {
    pub(super) fn with<'a>(&'a self, payment: &'a Payment) -> Evidence<'a> {
        Evidence { payment, gig: self.gig.as_ref(), offers: &self.offers }
    }
}

impl Orders {
    /// Takes over how a gig is from `at` on, and decides again on the orders that waited for it.
    ///
    /// # Errors
    /// When the store cannot answer; calling again is safe.
    pub async fn gig_saved(&self, id: GigId, gig: GigNow, version: u64, at: Timestamp) -> Result<(), OrdersError> {
        self.update_gig(id, move |fact| fact.saved(gig.clone(), version, at)).await
    }

    /// Takes over that a gig was deleted, and decides again on the orders that waited for it.
    ///
    /// # Errors
    /// When the store cannot answer; calling again is safe.
    pub async fn gig_deleted(&self, id: GigId, version: u64, at: Timestamp) -> Result<(), OrdersError> {
        self.update_gig(id, move |fact| fact.deleted(version, at)).await
    }

    async fn update_gig(
        &self,
        id: GigId,
        update: impl Fn(GigFact) -> GigFact + Send + 'static,
    ) -> Result<(), OrdersError> {
        let take_over = move |stored: Option<Stored<GigFact>>| {
            let change = match stored {
                Some(Stored { value, version }) => {
                    let fact = update(value.clone());
                    (fact != value).then(|| Change::update(version, fact, Vec::new()))
                }
                None => Some(Change::insert(update(GigFact::unknown(id)), Vec::new())),
            };
            Ok::<_, RepositoryError>(((), change))
        };
        decided(&*self.ports.gigs, About::Id(id), take_over).await?;
        self.reconsider_gig(id).await
    }

    /// Takes over how an offer is, and decides again on the orders that waited for it.
    ///
    /// # Errors
    /// When the store cannot answer; calling again is safe.
    pub async fn offer_changed(&self, news: ToldOffer) -> Result<(), OrdersError> {
        self.update_offer(&news).await?;
        self.reconsider_gig(news.offer.gig).await
    }

    async fn update_offer(&self, news: &ToldOffer) -> Result<(), OrdersError> {
        let ToldOffer { id, offer, version: told } = news.clone();
        let take_over = move |stored: Option<Stored<OfferFact>>| {
            let change = match stored {
                Some(Stored { value, version }) => {
                    value.updated(offer.clone(), told).map(|fact| Change::update(version, fact, Vec::new()))
                }
                None => Some(Change::insert(OfferFact::new(id, told, offer.clone()), Vec::new())),
            };
            Ok::<_, RepositoryError>(((), change))
        };
        Ok(decided(&*self.ports.offers, About::Id(id), take_over).await.map(drop)?)
    }

    /// Whoever keeps the gigs answers what an order asked: how its gig is at which version, or that there is none.
    ///
    /// # Errors
    /// When the store cannot answer; calling again is safe.
    pub async fn gig_told(
        &self,
        order: OrderObjectId,
        gig: Option<(GigNow, u64)>,
        at: Timestamp,
    ) -> Result<(), OrdersError> {
        if let Some((gig, version)) = gig {
            self.update_gig(gig.card.id, move |fact| fact.saved(gig.clone(), version, at)).await?;
        }
        self.reconsider_answered(order, Answered::GIG).await.map(drop)
    }

    /// Whoever keeps the offers answers what an order asked: those of its price for its gig between the two.
    ///
    /// # Errors
    /// When the store cannot answer; calling again is safe.
    pub async fn offers_told(&self, order: OrderObjectId, offers: &[ToldOffer]) -> Result<(), OrdersError> {
        for offer in offers {
            self.update_offer(offer).await?;
        }
        self.reconsider_answered(order, Answered::OFFERS).await.map(drop)
    }

    async fn reconsider_gig(&self, gig: GigId) -> Result<(), OrdersError> {
        let waiting = self.ports.orders.list(Order::WAITING_GIG, gig.into(), PageRequest::first(AT_ONCE)).await?;
        for stored in waiting.items {
            self.reconsider(*jobapp_kernel::Aggregate::id(&stored.value)).await?;
        }
        Ok(())
    }

    /// Decides again on an order that waits. Returns it when it is stored.
    pub(super) async fn reconsider(&self, id: OrderObjectId) -> Result<Option<Order>, OrdersError> {
        self.reconsider_answered(id, Answered::default()).await
    }

    /// Decides again on an order that waits, now that somebody answered what it asked.
    async fn reconsider_answered(&self, id: OrderObjectId, by: Answered) -> Result<Option<Order>, OrdersError> {
        in_turn(&*self.ports.orders, &id, async || self.reconsider_in_turn(id, by).await).await
    }

    async fn reconsider_in_turn(&self, id: OrderObjectId, by: Answered) -> Result<Option<Order>, OrdersError> {
        let Some(stored) = self.load(id).await? else { return Ok(None) };
        if stored.value.record().waiting_for.is_none() {
            return Ok(Some(stored.value));
        }
        let Some(payment) = self.payment_of(&stored.value.record().payment).await? else {
            return Ok(Some(stored.value));
        };
        let known = self.known_of(stored.value.record()).await?;
        let before = stored.value.clone();
        let answered = stored.value.answered(by);
        let Decided { order, events } = answered.reconsider(&known.with(&payment.value), self.ports.clock.now());
        if events.is_empty() && order == before {
            return Ok(Some(order));
        }
        let saved = self.ports.orders.save(Change::update(stored.version, order.clone(), events)).await;
        // Another order took the offer in the same moment: without it the verdict is another.
        match saved.map_err(|error| error.or_look_again(&[Order::OFFER.name]))? {
            Saved::Stored(_) | Saved::Duplicate { .. } => Ok(Some(order)),
        }
    }

    async fn known_of(&self, order: &OrderRecord) -> Result<Known, OrdersError> {
        let (gig, seller, buyer) = (order.gig.id, order.seller.id, order.buyer.username.as_str());
        self.known(Claims { order: order.id, gig, seller, buyer, price: order.price }).await
    }

    /// What is known of the gig of an order, and of the offers of its price for it between its seller and its buyer.
    pub(super) async fn known(&self, claims: Claims<'_>) -> Result<Known, OrdersError> {
        let gig = self.ports.gigs.find(&claims.gig).await?.map(|stored| stored.value);
        let now = gig.as_ref().and_then(GigFact::now).filter(|now| now.seller.id == claims.seller);
        let Some(now) = now else { return Ok(Known { gig, offers: Vec::new() }) };
        let between = OfferFact::between(now.card.id, claims.buyer, &now.seller.username);
        let mut offers = Vec::new();
        let mut next = Some(PageRequest::newest(OFFERS_AT_ONCE));
        while let Some(page) = next.take() {
            let found = self.ports.offers.list(OfferFact::BETWEEN, between.clone(), page).await?;
            // Offers of other prices explain nothing, so nobody is asked whether they were used.
            for stored in found.items.into_iter().filter(|stored| stored.value.now().price == claims.price) {
                let offer = self.known_offer(stored.value, claims.order).await?;
                let explains = offer.offer.now().is_accepted() && !offer.used;
                offers.push(offer);
                if explains {
                    return Ok(Known { gig, offers });
                }
            }
            next = found.next.map(|cursor| PageRequest::newest(OFFERS_AT_ONCE).after(Some(cursor)));
        }
        Ok(Known { gig, offers })
    }

    /// The offer, and whether another order than this one used it.
    async fn known_offer(&self, offer: OfferFact, order: OrderObjectId) -> Result<KnownOffer, OrdersError> {
        if !offer.now().is_accepted() {
            return Ok(KnownOffer { offer, used: false });
        }
        let id = *jobapp_kernel::Aggregate::id(&offer);
        let used_by = self.ports.orders.find_by(Order::OFFER, id.into()).await?;
        Ok(KnownOffer { offer, used: used_by.is_some_and(|other| other.value.record().id != order) })
    }
}
