//! What the gateway hears of changes: kept answers that show something old are dropped.

use jobapp_kernel::{Outcome, Subscription};
use jobapp_runtime::{Consumer, json_handler};
use jobapp_wire::messages::{GigChanged, ProfileChanged};
use jobapp_wire::queues;

use crate::cache::{AnswerCache, Kept};

/// Who consumes the changes.
pub(crate) fn consumers(answers: &AnswerCache) -> Vec<Consumer> {
    vec![gigs(answers.clone()), profiles(answers.clone())]
}

fn gigs(answers: AnswerCache) -> Consumer {
    let handler = json_handler(move |change: GigChanged, _| {
        let id = match change {
            GigChanged::Saved { gig, .. } => gig.id,
            GigChanged::Deleted { gig_id, .. } => gig_id,
        };
        answers.spoil(Kept::Gig, &id);
        std::future::ready(Outcome::Done)
    });
    (Subscription::to(queues::GATEWAY_GIG), handler)
}

fn profiles(answers: AnswerCache) -> Consumer {
    let handler = json_handler(move |change: ProfileChanged, _| {
        let username = match change {
            ProfileChanged::Buyer { username, .. } => username,
            ProfileChanged::Seller { seller_id, username, .. } => {
                answers.spoil(Kept::Seller, &seller_id);
                answers.spoil(Kept::SellerNamed, &username);
                username
            }
        };
        answers.spoil(Kept::Buyer, &username);
        std::future::ready(Outcome::Done)
    });
    (Subscription::to(queues::GATEWAY_PROFILE), handler)
}
