//! `user-gig-queue`: requests for sellers to make sample gigs for.

use std::collections::BTreeMap;
use std::sync::Arc;

use jobapp_kernel::{Clock, Delivery, Handler, MediaStore, Message, MessageId, Outcome, Publisher, Subscription};
use jobapp_runtime::json_handler;
use jobapp_users::{Seller, Users};
use jobapp_wire::messages::{GetSellers, ReceiveSellers, SampleSeller};
use jobapp_wire::queues::{SEED_GIG, SEED_GIG_QUEUE, USER_GIG};

use super::outcome;

/// The most sellers one answer holds.
const MOST: usize = 1000;

pub(crate) fn consumer(
    users: Users,
    media: Arc<dyn MediaStore>,
    publisher: Arc<dyn Publisher>,
    clock: Arc<dyn Clock>,
) -> (Subscription, Arc<dyn Handler>) {
    let handler = json_handler(move |asked: GetSellers, delivery: Delivery| {
        let (users, media) = (users.clone(), Arc::clone(&media));
        let (publisher, clock) = (Arc::clone(&publisher), Arc::clone(&clock));
        async move { handle(&users, &*media, &*publisher, &*clock, asked, &delivery).await }
    });
    (Subscription::to(USER_GIG).commuting(), handler)
}

/// Nothing is stored here, so the answer is published at once. Its id follows from the question's: asked twice, answered
/// twice with the same id, and whoever takes the answers handles one.
async fn handle(
    users: &Users,
    media: &dyn MediaStore,
    publisher: &dyn Publisher,
    clock: &dyn Clock,
    asked: GetSellers,
    delivery: &Delivery,
) -> Outcome {
    if asked.kind != "getSellers" {
        return Outcome::Done;
    }
    let count = match asked.count.trim().parse::<usize>() {
        Ok(count) if count <= MOST => count,
        _ => return Outcome::dead(format!("{:?} is not a number of sellers up to {MOST}", asked.count)),
    };
    let sellers = match users.random_sellers(count).await {
        Ok(sellers) => sellers,
        Err(error) => return outcome(Err(error), delivery),
    };
    let answer = ReceiveSellers {
        kind: "receiveSellers".to_owned(),
        sellers: sellers.iter().map(|seller| sample(seller, media)).collect(),
        count: asked.count,
    };
    let body = match serde_json::to_vec(&answer) {
        Ok(body) => body,
        Err(error) => return Outcome::dead(error),
    };
    let message = Message {
        id: delivery.message.id.as_ref().map(|id| MessageId(format!("{id}/receive-sellers"))),
        kind: answer.kind,
        exchange: SEED_GIG.name.to_owned(),
        routing_key: SEED_GIG_QUEUE.routing_key.to_owned(),
        timestamp: clock.now(),
        headers: delivery
            .message
            .headers
            .iter()
            .filter(|(name, _)| matches!(name.as_str(), "traceparent" | "x-request-id"))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect::<BTreeMap<_, _>>(),
        body,
    };
    match publisher.publish_one(&message).await {
        Ok(()) => Outcome::Done,
        Err(error) => Outcome::of(&error),
    }
}

fn sample(seller: &Seller, media: &dyn MediaStore) -> SampleSeller {
    SampleSeller {
        id: seller.seller_id().to_string(),
        username: seller.username().to_owned(),
        email: seller.email().to_owned(),
        profile_picture: media.picture(&seller.profile().picture),
    }
}
