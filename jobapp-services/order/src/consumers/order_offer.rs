//! `order-offer-queue`: what was offered to whom, and whether it was accepted.

use std::sync::Arc;

use jobapp_kernel::{Delivery, Handler, InvalidMoney, Money, Outcome, Subscription};
use jobapp_orders::{OfferNow, Orders, ToldOffer};
use jobapp_runtime::{Handled, json_handler};
use jobapp_wire::messages::OfferChanged;
use jobapp_wire::queues;

use super::NO_VERSION;

pub(crate) fn consumer(orders: Orders) -> (Subscription, Arc<dyn Handler>) {
    let handler = json_handler(move |changed: OfferChanged, delivery: Delivery| {
        let orders = orders.clone();
        async move {
            let Some(version) = delivery.message.version() else { return Outcome::dead(NO_VERSION) };
            match told_offer(changed, version) {
                Ok(told) => orders.offer_changed(told).await.outcome(),
                Err(error) => Outcome::dead(error),
            }
        }
    });
    (Subscription::to(queues::ORDER_OFFER).commuting(), handler)
}

/// The offer that was told.
pub(super) fn told_offer(changed: OfferChanged, version: u64) -> Result<ToldOffer, InvalidMoney> {
    let offer = OfferNow {
        gig: changed.gig_id.into(),
        seller: changed.seller_username,
        buyer: changed.buyer_username,
        price: Money::from_decimal(changed.price)?,
        delivery_in_days: changed.delivery_in_days,
        accepted: changed.accepted,
        cancelled: changed.cancelled,
        at: changed.at,
    };
    Ok(ToldOffer { id: changed.message_id.into(), offer, version })
}
