//! `review-analytics-queue`: totals by seller and by gig, by stars and by month.

use std::sync::Arc;

use jobapp_kernel::{Cause, Delivery, Outcome, Stars, Subscription};
use jobapp_reviews::{RatedReview, ReviewAnalytics, ReviewSide};
use jobapp_runtime::{Consumer, Handled, json_handler};
use jobapp_wire::messages::ReviewMessage;
use jobapp_wire::queues::REVIEW_ANALYTICS;

pub(crate) fn consumer(analytics: Arc<dyn ReviewAnalytics>) -> Consumer {
    let handler = json_handler(move |review: ReviewMessage, delivery: Delivery| {
        let analytics = Arc::clone(&analytics);
        async move {
            // What sellers say of buyers rates neither a seller nor a gig.
            if review.kind != ReviewSide::Buyer.name() {
                return Outcome::Done;
            }
            let rating = match Stars::new(review.rating) {
                Ok(rating) => rating,
                Err(error) => return Outcome::dead(error),
            };
            let rated = match RatedReview::new(&review.seller_id, &review.gig_id, rating, review.created_at) {
                Ok(rated) => rated,
                Err(error) => return Outcome::dead(error),
            };
            // An order has one review of each side, however often it is told and by whom.
            let effect = match review.order_id.as_str() {
                "" => delivery.effect(),
                order => format!("{} {order}", review.kind),
            };
            analytics.record(rated, Cause::message(delivery.queue, effect)).await.outcome()
        }
    });
    (Subscription::to(REVIEW_ANALYTICS).commuting(), handler)
}
