//! `order-payment-queue`: orders go on once their payment arrived.

use std::sync::Arc;

use jobapp_kernel::{Delivery, Handler, Subscription};
use jobapp_orders::Orders;
use jobapp_runtime::json_handler;
use jobapp_wire::queues;

use super::order_refund::work;
use crate::messages::PaymentWork;

pub(crate) fn consumer(orders: Orders) -> (Subscription, Arc<dyn Handler>) {
    let handler = json_handler(move |task: PaymentWork, _: Delivery| {
        let orders = orders.clone();
        async move { work(&orders, task).await }
    });
    (Subscription::to(queues::ORDER_PAYMENT).commuting(), handler)
}
