//! `review-order-queue`: who may review what.

use jobapp_kernel::{Delivery, Outcome, Subscription};
use jobapp_reviews::{OrderFact, OrderNumber, OrderParties, Reviews};
use jobapp_runtime::{Consumer, Handled, json_handler};
use jobapp_wire::queues::REVIEW_ORDER;
use serde::Deserialize;

/// What is of interest here of an order's changes.
#[derive(Debug, Deserialize)]
struct OrderNews {
    order: OrderPart,
}

/// What is of interest here of an order.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct OrderPart {
    order_id: String,
    gig_id: String,
    buyer_id: String,
    buyer_username: String,
    seller_id: String,
    seller_username: String,
    status: String,
}

pub(crate) fn consumer(reviews: Reviews) -> Consumer {
    let handler = json_handler(move |news: OrderNews, delivery: Delivery| {
        let reviews = reviews.clone();
        async move {
            let Some(version) = delivery.message.version() else {
                return Outcome::dead("it has no x-version, so nobody knows whether it is news");
            };
            match fact_of(news.order, version) {
                Ok(fact) => reviews.order_changed(fact).await.outcome(),
                Err(error) => Outcome::dead(error),
            }
        }
    });
    (Subscription::to(REVIEW_ORDER).commuting(), handler)
}

fn fact_of(order: OrderPart, version: u64) -> Result<OrderFact, jobapp_kernel::InvalidId> {
    let OrderPart { order_id, gig_id, buyer_id, buyer_username, seller_id, seller_username, status } = order;
    let number: OrderNumber = order_id.parse()?;
    let parties = OrderParties { gig_id, buyer_id, buyer_username, seller_id, seller_username };
    Ok(OrderFact::new(number, parties, status.eq_ignore_ascii_case("completed"), version))
}
