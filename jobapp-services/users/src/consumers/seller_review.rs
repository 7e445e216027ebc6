//! `seller-review-queue`: buyers' ratings of sellers.

use std::sync::Arc;

use async_trait::async_trait;
use jobapp_kernel::{Delivery, Handler, Outcome, Stars, Subscription, unreadable};
use jobapp_users::Users;
use jobapp_wire::messages::ReviewMessage;
use jobapp_wire::queues::SELLER_REVIEW;

use super::{cause, outcome};

pub(crate) fn consumer(users: Users) -> (Subscription, Arc<dyn Handler>) {
    (Subscription::to(SELLER_REVIEW).commuting(), Arc::new(SellerReviews { users }))
}

struct SellerReviews {
    users: Users,
}

#[async_trait]
impl Handler for SellerReviews {
    /// Reads the text itself: the gig gets it as it came.
    async fn handle(&self, delivery: &Delivery) -> Outcome {
        let review: ReviewMessage = match delivery.message.json() {
            Ok(review) => review,
            Err(error) => return Outcome::dead(unreadable(&error)),
        };
        if review.kind != "buyer-review" {
            return Outcome::Done;
        }
        let text = match std::str::from_utf8(&delivery.message.body) {
            Ok(text) => text,
            Err(error) => return Outcome::dead(error),
        };
        let stars = match Stars::new(review.rating) {
            Ok(stars) => stars,
            Err(error) => return Outcome::dead(error),
        };
        let seller = match review.seller_id.parse() {
            Ok(seller) => seller,
            Err(error) => return Outcome::dead(error),
        };
        let cause = cause("buyer-review", Some(&review.order_id), delivery);
        outcome(self.users.rate(seller, stars, text, cause).await, delivery)
    }
}
