//! `user-seller-queue`: sellers' orders and gigs.

use std::sync::Arc;

use jobapp_kernel::{Delivery, Handler, Money, Outcome, Subscription};
use jobapp_runtime::json_handler;
use jobapp_users::{Tally, Users};
use jobapp_wire::messages::SellerUpdate;
use jobapp_wire::queues::USER_SELLER;

use super::{cause, outcome};

pub(crate) fn consumer(users: Users) -> (Subscription, Arc<dyn Handler>) {
    let handler = json_handler(move |update: SellerUpdate, delivery: Delivery| {
        let users = users.clone();
        async move { handle(&users, update, &delivery).await }
    });
    (Subscription::to(USER_SELLER).commuting(), handler)
}

/// An order counts one, whatever number a message has: some producers pass on what a client sent.
async fn handle(users: &Users, update: SellerUpdate, delivery: &Delivery) -> Outcome {
    let (seller, tally, cause) = match update {
        SellerUpdate::OrderPlaced { seller_id, order_id, .. } => {
            (seller_id, Tally::OrderPlaced, cause("create-order", order_id.as_deref(), delivery))
        }
        SellerUpdate::OrderApproved { seller_id, total_earnings, recent_delivery, order_id, .. } => {
            let earnings = match Money::from_decimal(total_earnings) {
                Ok(earnings) => earnings,
                Err(error) => return Outcome::dead(error),
            };
            let tally = Tally::OrderApproved { earnings, at: recent_delivery };
            (seller_id, tally, cause("approve-order", order_id.as_deref(), delivery))
        }
        SellerUpdate::OrderCancelled { seller_id, order_id } => {
            (seller_id, Tally::OrderCancelled, cause("cancel-order", order_id.as_deref(), delivery))
        }
        SellerUpdate::GigCount { gig_seller_id, count, gig_id } => {
            let (tally, kind) = match count {
                1 => (Tally::GigCreated, "update-gig-count +1"),
                -1 => (Tally::GigDeleted, "update-gig-count -1"),
                other => return Outcome::dead(format!("a gig is created (1) or deleted (-1), not {other}")),
            };
            (gig_seller_id, tally, cause(kind, gig_id.as_deref(), delivery))
        }
        SellerUpdate::Unknown => return Outcome::Done,
    };
    match seller.parse() {
        Ok(seller) => outcome(users.tally(seller, tally, cause).await, delivery),
        Err(error) => Outcome::dead(error),
    }
}
