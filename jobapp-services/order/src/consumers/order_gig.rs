//! `order-gig-queue`: what gigs cost and who sells them.

use std::sync::Arc;

use jobapp_kernel::{Delivery, Handler, InvalidId, InvalidMoney, Money, Outcome, Subscription};
use jobapp_orders::{GigCard, GigNow, Orders, Party};
use jobapp_runtime::{Handled, json_handler};
use jobapp_wire::gigs::GigDocument;
use jobapp_wire::messages::GigChanged;
use jobapp_wire::queues;

use super::NO_VERSION;

#[derive(Debug, thiserror::Error)]
pub(super) enum Unreadable {
    #[error("the gig cannot be read")]
    Id(#[from] InvalidId),
    #[error("the gig cannot be read")]
    Price(#[from] InvalidMoney),
}

pub(crate) fn consumer(orders: Orders) -> (Subscription, Arc<dyn Handler>) {
    let handler = json_handler(move |changed: GigChanged, delivery: Delivery| {
        let orders = orders.clone();
        async move {
            let Some(version) = delivery.message.version() else { return Outcome::dead(NO_VERSION) };
            let result = match changed {
                GigChanged::Saved { gig, changed_at } => match gig_now(*gig) {
                    Ok(gig) => orders.gig_saved(gig.card.id, gig, version, changed_at).await,
                    Err(error) => return Outcome::dead(jobapp_runtime::error_text(&error)),
                },
                GigChanged::Deleted { gig_id, deleted_at, .. } => match gig_id.parse() {
                    Ok(id) => orders.gig_deleted(id, version, deleted_at).await,
                    Err(error) => return Outcome::dead(error),
                },
            };
            result.outcome()
        }
    });
    (Subscription::to(queues::ORDER_GIG).commuting(), handler)
}

/// The gig that was told.
pub(super) fn gig_now(gig: GigDocument) -> Result<GigNow, Unreadable> {
    Ok(GigNow {
        seller: Party {
            id: gig.seller_id.parse()?,
            username: gig.username,
            email: gig.email,
            picture: gig.profile_picture,
        },
        card: GigCard {
            id: gig.id.parse()?,
            cover_image: gig.cover_image,
            title: gig.title,
            basic_title: gig.basic_title,
            basic_description: gig.basic_description,
        },
        price: Money::from_decimal(gig.price)?,
    })
}
