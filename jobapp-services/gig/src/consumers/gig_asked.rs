//! `gig-asked-queue`: whether there is a gig, and how it is, for those who have to know it before they accept something.

use std::sync::Arc;

use jobapp_gigs::{GigId, Gigs};
use jobapp_kernel::{Clock, Delivery, Handler, Outcome, Publisher, Subscription};
use jobapp_runtime::{error_text, json_handler, note};
use jobapp_wire::messages::{FactTold, GigAsked, GigTold};
use jobapp_wire::queues::{CHAT_TOLD, GIG_ASKED, ORDER_TOLD};

use crate::documents::document;

pub(crate) fn consumer(
    gigs: Gigs,
    publisher: Arc<dyn Publisher>,
    clock: Arc<dyn Clock>,
) -> (Subscription, Arc<dyn Handler>) {
    let handler = json_handler(move |asked: GigAsked, delivery: Delivery| {
        let (gigs, publisher, clock) = (gigs.clone(), Arc::clone(&publisher), Arc::clone(&clock));
        async move {
            // The time comes first: the gig is at least as new.
            let at = clock.now();
            let id = GigId(asked.gig_id);
            let found = match gigs.repository().find(&id).await {
                Ok(found) => found,
                Err(error) => return Outcome::of(&error),
            };
            let version = found.as_ref().map_or(0, |stored| stored.version);
            let gig = found.map(|stored| Box::new(document(stored.value.into_listing())));
            let told = GigTold { gig_id: asked.gig_id, order_id: asked.order_id, gig, version, at };
            let answer = format!("{}/told", delivery.effect());
            let message = match told.order_id {
                Some(_) => note(answer, ORDER_TOLD, "gig-told", &FactTold::Gig(told), at),
                None => note(answer, CHAT_TOLD, "gig-told", &told, at),
            };
            match message {
                Ok(message) => match publisher.publish_one(&message).await {
                    Ok(()) => Outcome::Done,
                    Err(error) => Outcome::of(&error),
                },
                Err(error) => Outcome::dead(error_text(&error)),
            }
        }
    });
    (Subscription::to(GIG_ASKED).commuting(), handler)
}
