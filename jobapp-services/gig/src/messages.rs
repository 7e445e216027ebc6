//! What was stored, as messages for other services.

use jobapp_directory::SellerId;
use jobapp_gigs::{Gig, GigEvent, GigId, Listing};
use jobapp_kernel::{Aggregate, Message, OutboxEntry, Timestamp};
use jobapp_runtime::{TranslateError, event_of, message_of};
use jobapp_wire::messages::{GigChanged, SellerUpdate};
use jobapp_wire::queues::{GIG_CHANGED, SELLER_UPDATE, USER_SELLER};

use crate::documents::document;

pub(crate) fn translate(entry: &OutboxEntry) -> Result<Vec<Message>, TranslateError> {
    if entry.aggregate != Gig::NAME {
        return Err(TranslateError::new(format!("nobody here raises events of a {:?}", entry.aggregate)));
    }
    Ok(match event_of(entry)? {
        GigEvent::Created { gig, at } => vec![counted(entry, gig.seller.id, gig.id, 1)?, saved(entry, *gig, at)?],
        GigEvent::Saved { gig, at } => vec![saved(entry, *gig, at)?],
        GigEvent::Deleted { gig_id, seller_id, at } => {
            let gone =
                GigChanged::Deleted { gig_id: gig_id.to_string(), seller_id: seller_id.to_string(), deleted_at: at };
            vec![
                counted(entry, seller_id, gig_id, -1)?,
                message_of(entry, GIG_CHANGED, GIG_CHANGED_KEY, "gig-deleted", &gone)?,
            ]
        }
    })
}

/// A fan-out needs no key.
const GIG_CHANGED_KEY: &str = "";

fn counted(entry: &OutboxEntry, seller: SellerId, gig: GigId, count: i64) -> Result<Message, TranslateError> {
    let counted = SellerUpdate::GigCount { gig_seller_id: seller.to_string(), count, gig_id: Some(gig.to_string()) };
    message_of(entry, SELLER_UPDATE, USER_SELLER.routing_key, "update-gig-count", &counted)
}

fn saved(entry: &OutboxEntry, gig: Listing, at: Timestamp) -> Result<Message, TranslateError> {
    let saved = GigChanged::Saved { gig: Box::new(document(gig)), changed_at: at };
    message_of(entry, GIG_CHANGED, GIG_CHANGED_KEY, "gig-saved", &saved)
}
