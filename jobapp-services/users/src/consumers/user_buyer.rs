//! `user-buyer-queue`: buyers to be made, gigs they own.

use std::sync::Arc;

use jobapp_kernel::{Delivery, Handler, InvalidId, MediaStore, Outcome, Subscription};
use jobapp_runtime::json_handler;
use jobapp_users::{BuyerId, NewBuyer, Purchase, Users};
use jobapp_wire::messages::{BuyerUpdate, PurchasedGig};
use jobapp_wire::queues::USER_BUYER;

use super::{cause, outcome};

pub(crate) fn consumer(users: Users, media: Arc<dyn MediaStore>) -> (Subscription, Arc<dyn Handler>) {
    let handler = json_handler(move |update: BuyerUpdate, delivery: Delivery| {
        let (users, media) = (users.clone(), Arc::clone(&media));
        async move { handle(&users, &*media, update, &delivery).await }
    });
    (Subscription::to(USER_BUYER).commuting(), handler)
}

async fn handle(users: &Users, media: &dyn MediaStore, update: BuyerUpdate, delivery: &Delivery) -> Outcome {
    let result = match update {
        BuyerUpdate::Created(created) => {
            let buyer = NewBuyer {
                username: created.username,
                email: created.email,
                picture: media.reference(&created.profile_picture),
                country: created.country,
                created_at: created.created_at,
            };
            users.create_buyer(buyer).await
        }
        BuyerUpdate::PurchasedGig(purchased) => {
            let cause = cause("purchased-gigs", purchased.order_id.as_deref(), delivery);
            match read(purchased) {
                Ok((buyer, purchase)) => users.purchase(buyer, purchase, cause).await,
                Err(error) => return Outcome::dead(error),
            }
        }
        BuyerUpdate::OrderCancelled(cancelled) => {
            let cause = cause("cancel-order", cancelled.order_id.as_deref(), delivery);
            match read(cancelled) {
                Ok((buyer, purchase)) => users.take_back(buyer, purchase, cause).await,
                Err(error) => return Outcome::dead(error),
            }
        }
    };
    outcome(result, delivery)
}

fn read(body: PurchasedGig) -> Result<(BuyerId, Purchase), InvalidId> {
    let order_id = body.order_id.filter(|order| !order.is_empty());
    Ok((body.buyer_id.parse()?, Purchase { gig_id: body.purchased_gigs.parse()?, order_id }))
}
