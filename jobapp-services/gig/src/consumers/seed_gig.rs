//! `seed-gig-queue`: sellers to make sample gigs for.

use std::sync::Arc;

use jobapp_gigs::{GigError, Gigs, Seller};
use jobapp_kernel::{Cause, Delivery, Handler, InvalidId, MediaStore, Outcome, Subscription};
use jobapp_runtime::json_handler;
use jobapp_wire::messages::{ReceiveSellers, SampleSeller};
use jobapp_wire::queues::SEED_GIG_QUEUE;

use crate::samples;

pub(crate) fn consumer(gigs: Gigs, media: Arc<dyn MediaStore>) -> (Subscription, Arc<dyn Handler>) {
    let handler = json_handler(move |sellers: ReceiveSellers, delivery: Delivery| {
        let (gigs, media) = (gigs.clone(), Arc::clone(&media));
        async move { handle(&gigs, &*media, sellers, &delivery).await }
    });
    (Subscription::to(SEED_GIG_QUEUE), handler)
}

async fn handle(gigs: &Gigs, media: &dyn MediaStore, sellers: ReceiveSellers, delivery: &Delivery) -> Outcome {
    let sellers = sellers.sellers.into_iter().map(|sample| seller(sample, media));
    let sellers: Vec<Seller> = match sellers.collect::<Result<_, _>>() {
        Ok(sellers) => sellers,
        Err(error) => return Outcome::dead(error),
    };
    let effect = delivery.effect();
    for (place, seller) in sellers.into_iter().enumerate() {
        if let Err(error) = make(gigs, &effect, place, seller).await {
            return Outcome::of(&error);
        }
    }
    Outcome::Done
}

async fn make(gigs: &Gigs, effect: &str, place: usize, seller: Seller) -> Result<(), GigError> {
    let id = samples::id(effect, &seller);
    match gigs.find(&id).await {
        Ok(_) => return Ok(()),
        Err(GigError::NotFound) => {}
        Err(error) => return Err(error),
    }
    let content = samples::content(place, &seller);
    match gigs.create_as(id, seller, content, Some(Cause::message(SEED_GIG_QUEUE.name, effect))).await {
        // It was made before and deleted since.
        Ok(_) | Err(GigError::NotFound) => Ok(()),
        Err(error) => Err(error),
    }
}

fn seller(sample: SampleSeller, media: &dyn MediaStore) -> Result<Seller, InvalidId> {
    Ok(Seller {
        id: sample.id.parse()?,
        username: sample.username,
        email: sample.email,
        picture: media.reference(&sample.profile_picture),
    })
}
