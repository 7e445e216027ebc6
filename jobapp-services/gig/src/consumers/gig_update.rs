//! `gig-update-queue`: ratings on their way to gigs.

use std::sync::Arc;

use jobapp_gigs::{GigError, GigId, Gigs};
use jobapp_kernel::{Cause, Delivery, Handler, Outcome, Stars, Subscription, unreadable};
use jobapp_runtime::json_handler;
use jobapp_wire::messages::GigRating;
use jobapp_wire::numbers::whole;
use jobapp_wire::queues::GIG_UPDATE;
use serde::Deserialize;

/// What counts of the review inside the message.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Review {
    #[serde(rename = "type")]
    kind: Option<String>,
    gig_id: String,
    order_id: Option<String>,
    #[serde(deserialize_with = "whole")]
    rating: i64,
}

pub(crate) fn consumer(gigs: Gigs) -> (Subscription, Arc<dyn Handler>) {
    let handler = json_handler(move |rating: GigRating, delivery: Delivery| {
        let gigs = gigs.clone();
        async move { handle(&gigs, &rating, &delivery).await }
    });
    (Subscription::to(GIG_UPDATE).commuting(), handler)
}

async fn handle(gigs: &Gigs, rating: &GigRating, delivery: &Delivery) -> Outcome {
    let review: Review = match serde_json::from_str(&rating.gig_review) {
        Ok(review) => review,
        Err(error) => return Outcome::dead(format!("of the review inside, {}", unreadable(&error))),
    };
    // Sellers rate buyers, not gigs.
    if review.kind.as_deref().is_some_and(|kind| kind != "buyer-review") {
        return Outcome::Done;
    }
    let gig: GigId = match review.gig_id.parse() {
        Ok(gig) => gig,
        Err(error) => return Outcome::dead(error),
    };
    let stars = match Stars::new(review.rating) {
        Ok(stars) => stars,
        Err(error) => return Outcome::dead(error),
    };
    // An order is reviewed once by its buyer, so its rating counts once, whatever the messages that tell of it are called.
    let effect = match review.order_id.filter(|order| !order.is_empty()) {
        Some(order) => format!("rate-gig {order}"),
        None => delivery.effect(),
    };
    match gigs.rate(&gig, stars, Cause::message(GIG_UPDATE.name, effect)).await {
        Ok(_) => Outcome::Done,
        // Whoever ordered it, it was stored before: it is gone for good, and its ratings with it.
        Err(GigError::NotFound) => {
            tracing::info!(%gig, "a rating came for a gig that is gone");
            Outcome::Done
        }
        Err(error) => Outcome::of(&error),
    }
}
