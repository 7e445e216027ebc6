//! `order-activity-queue`: makes the notifications of an order's steps.

use std::sync::Arc;

use jobapp_kernel::{Delivery, Handler, Outcome, Subscription};
use jobapp_orders::{Happened, OrderObjectId, Orders};
use jobapp_runtime::{Handled, json_handler};
use jobapp_wire::messages::OrderChanged;
use jobapp_wire::queues;

pub(crate) fn consumer(orders: Orders) -> (Subscription, Arc<dyn Handler>) {
    let handler = json_handler(move |changed: OrderChanged, delivery: Delivery| {
        let orders = orders.clone();
        async move {
            let id: OrderObjectId = match changed.order.id.parse() {
                Ok(id) => id,
                Err(error) => return Outcome::dead(error),
            };
            // What the notification belongs to: a step of an order. The version tells two deliveries apart.
            let version =
                delivery.message.version().map_or_else(|| changed.at.to_string(), |version| version.to_string());
            let cause = format!("{id}/{version}/{}", changed.step);
            let happened =
                Happened { step: &changed.step, actor: &changed.actor, rating: changed.rating, at: changed.at };
            orders.notify(id, cause, &happened).await.outcome()
        }
    });
    (Subscription::to(queues::ORDER_ACTIVITY).commuting(), handler)
}
