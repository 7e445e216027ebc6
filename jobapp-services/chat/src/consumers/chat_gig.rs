//! `chat-gig-queue`: a deleted gig cancels its open offers.

use jobapp_chat::{Chat, GigId};
use jobapp_kernel::{Delivery, InvalidId, Outcome, Subscription};
use jobapp_runtime::{Consumer, Handled, json_handler};
use jobapp_wire::queues::CHAT_GIG;
use serde::Deserialize;

/// What is of interest here of a gig's changes.
#[derive(Debug, Deserialize)]
#[serde(tag = "type")]
enum GigNews {
    #[serde(rename = "gig-deleted", rename_all = "camelCase")]
    Deleted { gig_id: String },
    #[serde(other)]
    Other,
}

pub(crate) fn consumer(chat: Chat) -> Consumer {
    let handler = json_handler(move |news: GigNews, delivery: Delivery| {
        let chat = chat.clone();
        async move {
            let GigNews::Deleted { gig_id } = news else { return Outcome::Done };
            let gig: Result<GigId, InvalidId> = gig_id.parse();
            match gig {
                Ok(gig) => chat.gig_deleted(gig).await.outcome(delivery.attempt),
                Err(error) => Outcome::dead(error),
            }
        }
    });
    (Subscription::to(CHAT_GIG), handler)
}
