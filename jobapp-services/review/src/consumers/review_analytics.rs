//! `review-analytics-queue`: how sellers and gigs were rated, and when.

use std::sync::Arc;

use jobapp_kernel::{Delivery, Outcome, Stars, Subscription};
use jobapp_reviews::{RatedReview, ReviewAnalytics, ReviewSide};
use jobapp_runtime::{Consumer, Handled, json_handler};
use jobapp_wire::messages::ReviewMessage;
use jobapp_wire::queues::REVIEW_ANALYTICS;

pub(crate) fn consumer(analytics: Arc<dyn ReviewAnalytics>) -> Consumer {
    let handler = json_handler(move |review: ReviewMessage, _: Delivery| {
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
            // An order has one review of each side, however often it is told and by whom.
            let (order, at) = (review.order_id.as_str(), review.created_at);
            match RatedReview::new(order, &review.seller_id, &review.gig_id, rating, at) {
                Ok(rated) => analytics.record(&rated).await.outcome(),
                Err(error) => Outcome::dead(error),
            }
        }
    });
    (Subscription::to(REVIEW_ANALYTICS).commuting(), handler)
}
