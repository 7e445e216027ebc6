//! `order-refund-queue`: money that has to go back. Each step is stored before the next one is taken.

use std::sync::Arc;

use jobapp_kernel::{Delivery, Handler, Subscription};
use jobapp_orders::{Orders, OrdersError};
use jobapp_runtime::json_handler;
use jobapp_wire::queues;

use crate::messages::PaymentWork;

pub(crate) fn consumer(orders: Orders) -> (Subscription, Arc<dyn Handler>) {
    let handler = json_handler(move |task: PaymentWork, _: Delivery| {
        let orders = orders.clone();
        async move { work(&orders, task).await }
    });
    (Subscription::to(queues::ORDER_REFUND).commuting(), handler)
}

/// Does a piece of work; doing it twice has the effect of once.
pub(super) async fn work(orders: &Orders, task: PaymentWork) -> Result<(), OrdersError> {
    match task {
        PaymentWork::RefundOrder { order } => orders.refund_order(order).await,
        PaymentWork::RefundOwed { intent } => orders.pay_back(&intent).await,
        PaymentWork::PaymentRefunded { order: Some(order), .. } => orders.order_refunded(order).await,
        PaymentWork::PaymentRefunded { intent, order: None } => {
            tracing::info!(intent, "the payment {intent}, which paid no order, went back");
            Ok(())
        }
        PaymentWork::PaymentSettled { intent } => orders.payment_settled(&intent).await,
    }
}
