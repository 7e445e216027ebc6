//! `order-payment-queue`: orders go on once their payment arrived.

use std::sync::Arc;

use jobapp_kernel::{Delivery, Handler, Subscription};
use jobapp_orders::Orders;
use jobapp_runtime::json_handler;
use jobapp_wire::queues;

use super::order_refund::work;
use super::outcome;
use crate::messages::PaymentWork;

pub(crate) fn consumer(orders: Orders) -> (Subscription, Arc<dyn Handler>) {
    let handler = json_handler(move |task: PaymentWork, delivery: Delivery| {
        let orders = orders.clone();
        async move { outcome(work(&orders, task).await, &delivery) }
    });
    (Subscription::to(queues::ORDER_PAYMENT), handler)
}
