//! `order-review-queue`: what both sides say of each other.

use std::sync::Arc;

use jobapp_kernel::{Delivery, Handler, Outcome, Subscription};
use jobapp_orders::machine::Who;
use jobapp_orders::{Orders, OrdersError, Review};
use jobapp_runtime::{error_text, json_handler};
use jobapp_wire::messages::ReviewMessage;
use jobapp_wire::queues;

pub(crate) fn consumer(orders: Orders) -> (Subscription, Arc<dyn Handler>) {
    let handler = json_handler(move |review: ReviewMessage, delivery: Delivery| {
        let orders = orders.clone();
        async move {
            let number = match review.order_id.parse() {
                Ok(number) => number,
                Err(error) => return Outcome::dead(error),
            };
            if !(1..=5).contains(&review.rating) {
                return Outcome::dead(format!("a rating of {} is none of 1 to 5", review.rating));
            }
            // The wire's rule: whatever is not the buyer's is the seller's.
            let by = if review.kind == "buyer-review" { Who::Buyer } else { Who::Seller };
            let written = Review { rating: review.rating, text: review.review, at: review.created_at };
            match orders.review(&number, by, &review.reviewer_id, written).await {
                Ok(_) => Outcome::Done,
                // The order may still be on its way here; a message that waits in vain ends among the dead letters.
                Err(error @ OrdersError::OrderNotFound) => Outcome::failed(delivery.attempt, error_text(&error)),
                Err(error) => Outcome::of(&error),
            }
        }
    });
    (Subscription::to(queues::ORDER_REVIEW).commuting(), handler)
}
