//! `order-told-queue`: answers to what orders asked about their gigs and prices.

use std::sync::Arc;

use jobapp_kernel::{Delivery, Handler, Outcome, Subscription};
use jobapp_orders::Orders;
use jobapp_runtime::{Handled, error_text, json_handler};
use jobapp_wire::messages::{FactTold, GigTold};
use jobapp_wire::queues;

use super::order_gig::gig_now;
use super::order_offer::told_offer;

pub(crate) fn consumer(orders: Orders) -> (Subscription, Arc<dyn Handler>) {
    let handler = json_handler(move |told: FactTold, _: Delivery| {
        let orders = orders.clone();
        async move {
            match told {
                FactTold::Gig(told) => gig(&orders, told).await,
                FactTold::Offers { order_id, offers } => {
                    let offers = offers.into_iter().map(|told| told_offer(told.offer, told.version));
                    match offers.collect::<Result<Vec<_>, _>>() {
                        Ok(offers) => orders.offers_told(order_id.into(), &offers).await.outcome(),
                        Err(error) => Outcome::dead(error),
                    }
                }
            }
        }
    });
    (Subscription::to(queues::ORDER_TOLD).commuting(), handler)
}

async fn gig(orders: &Orders, told: GigTold) -> Outcome {
    let Some(order) = told.order_id else { return Outcome::dead("it answers no order") };
    let gig = match told.gig.map(|gig| gig_now(*gig)).transpose() {
        Ok(gig) => gig.map(|gig| (gig, told.version)),
        Err(error) => return Outcome::dead(error_text(&error)),
    };
    orders.gig_told(order.into(), gig, told.at).await.outcome()
}
