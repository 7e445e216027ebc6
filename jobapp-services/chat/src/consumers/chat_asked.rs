//! `chat-asked-queue`: which offers there are that explain the price of an order.

use std::sync::Arc;

use jobapp_chat::Chat;
use jobapp_kernel::{Delivery, Money, Outcome, Publisher, Subscription};
use jobapp_runtime::{Consumer, error_text, json_handler, note};
use jobapp_wire::messages::{FactTold, OfferTold, OffersAsked};
use jobapp_wire::queues::{CHAT_ASKED, ORDER_TOLD};

use crate::documents::told_offer;

pub(crate) fn consumer(chat: Chat, publisher: Arc<dyn Publisher>) -> Consumer {
    let handler = json_handler(move |asked: OffersAsked, delivery: Delivery| {
        let (chat, publisher) = (chat.clone(), Arc::clone(&publisher));
        async move {
            let price = match Money::from_decimal(asked.price) {
                Ok(price) => price,
                Err(error) => return Outcome::dead(error),
            };
            let (gig, seller) = (asked.gig_id.into(), asked.seller_id.into());
            let found = match chat.offers_between(gig, seller, &asked.buyer_username, price).await {
                Ok(found) => found,
                Err(error) => return Outcome::of(&error),
            };
            let offers = found.into_iter().filter_map(|stored| {
                let offer = told_offer(&stored.value, stored.value.place().at)?;
                Some(OfferTold { version: stored.version, offer })
            });
            let told = FactTold::Offers { order_id: asked.order_id, offers: offers.collect() };
            let answer = format!("{}/told", delivery.effect());
            match note(answer, ORDER_TOLD, "offers-told", &told, chat.clock.now()) {
                Ok(message) => match publisher.publish_one(&message).await {
                    Ok(()) => Outcome::Done,
                    Err(error) => Outcome::of(&error),
                },
                Err(error) => Outcome::dead(error_text(&error)),
            }
        }
    });
    (Subscription::to(CHAT_ASKED).commuting(), handler)
}
