//! `order-offer-queue`: what was offered to whom, and whether it was accepted.

use std::sync::Arc;

use jobapp_kernel::{Delivery, Handler, Money, Outcome, Subscription};
use jobapp_orders::{GigId, OfferId, OfferNow, Orders};
use jobapp_runtime::json_handler;
use jobapp_wire::messages::OfferChanged;
use jobapp_wire::queues;

use super::{NO_VERSION, outcome};

pub(crate) fn consumer(orders: Orders) -> (Subscription, Arc<dyn Handler>) {
    let handler = json_handler(move |changed: OfferChanged, delivery: Delivery| {
        let orders = orders.clone();
        async move {
            let Some(version) = delivery.message.version() else { return Outcome::dead(NO_VERSION) };
            let ids: (Result<OfferId, _>, Result<GigId, _>) = (changed.message_id.parse(), changed.gig_id.parse());
            let (id, gig, price) = match (ids, Money::from_decimal(changed.price)) {
                ((Ok(id), Ok(gig)), Ok(price)) => (id, gig, price),
                ((Err(error), _) | (_, Err(error)), _) => return Outcome::dead(error),
                (_, Err(error)) => return Outcome::dead(error),
            };
            let offer = OfferNow {
                gig,
                seller: changed.seller_username,
                buyer: changed.buyer_username,
                price,
                delivery_in_days: changed.delivery_in_days,
                accepted: changed.accepted,
                cancelled: changed.cancelled,
                at: changed.at,
            };
            outcome(orders.offer_changed(id, offer, version).await, &delivery)
        }
    });
    (Subscription::to(queues::ORDER_OFFER), handler)
}
