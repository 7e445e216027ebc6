//! `chat-gig-queue`: whose gigs are; a deleted gig cancels its open offers.

use jobapp_chat::{Chat, GigId};
use jobapp_directory::SellerId;
use jobapp_kernel::{Delivery, Outcome, Subscription};
use jobapp_runtime::{Consumer, Handled, json_handler};
use jobapp_wire::queues::CHAT_GIG;
use serde::Deserialize;

/// What is of interest here of a gig's changes.
#[derive(Debug, Deserialize)]
#[serde(tag = "type")]
enum GigNews {
    #[serde(rename = "gig-saved")]
    Saved { gig: Gig },
    #[serde(rename = "gig-deleted", rename_all = "camelCase")]
    Deleted { gig_id: GigId },
    #[serde(other)]
    Other,
}

/// What is of interest here of a gig.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Gig {
    id: GigId,
    seller_id: SellerId,
}

pub(crate) fn consumer(chat: Chat) -> Consumer {
    let handler = json_handler(move |news: GigNews, _: Delivery| {
        let chat = chat.clone();
        async move {
            match news {
                GigNews::Saved { gig } => chat.gig_told(gig.id, Some(gig.seller_id)).await.outcome(),
                GigNews::Deleted { gig_id } => chat.gig_deleted(gig_id).await.outcome(),
                GigNews::Other => Outcome::Done,
            }
        }
    });
    (Subscription::to(CHAT_GIG).commuting(), handler)
}
