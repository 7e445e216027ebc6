//! `chat-told-queue`: whether there is a gig that somebody wants to offer, and whose it is.

use jobapp_chat::Chat;
use jobapp_kernel::{Delivery, Outcome, Subscription};
use jobapp_runtime::{Consumer, Handled, json_handler};
use jobapp_wire::messages::GigTold;
use jobapp_wire::queues::CHAT_TOLD;

pub(crate) fn consumer(chat: Chat) -> Consumer {
    let handler = json_handler(move |told: GigTold, _: Delivery| {
        let chat = chat.clone();
        async move {
            let seller = match told.gig.map(|gig| gig.seller_id.parse()).transpose() {
                Ok(seller) => seller,
                Err(error) => return Outcome::dead(error),
            };
            chat.gig_told(told.gig_id.into(), seller).await.outcome()
        }
    });
    (Subscription::to(CHAT_TOLD).commuting(), handler)
}
