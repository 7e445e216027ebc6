//! What was stored, as messages for other services.

use std::collections::BTreeMap;

use jobapp_gigs::{Gig, GigEvent, GigId, Listing};
use jobapp_kernel::{Aggregate, Exchange, Message, OutboxEntry, Timestamp};
use jobapp_runtime::TranslateError;
use jobapp_users::card::SellerId;
use jobapp_wire::messages::{GigChanged, SellerUpdate};
use jobapp_wire::queues::{GIG_CHANGED, SELLER_UPDATE, USER_SELLER};
use serde::Serialize;

use crate::documents::document;

pub(crate) fn translate(entry: &OutboxEntry) -> Result<Vec<Message>, TranslateError> {
    if entry.aggregate != Gig::NAME {
        return Err(TranslateError::new(format!("nobody here raises events of a {:?}", entry.aggregate)));
    }
    Ok(match serde_json::from_value(entry.event.clone())? {
        GigEvent::Created { gig, at } => vec![counted(entry, gig.seller.id, gig.id, 1)?, saved(entry, *gig, at)?],
        GigEvent::Saved { gig, at } => vec![saved(entry, *gig, at)?],
        GigEvent::Deleted { gig_id, seller_id, at } => {
            let gone =
                GigChanged::Deleted { gig_id: gig_id.to_string(), seller_id: seller_id.to_string(), deleted_at: at };
            vec![
                counted(entry, seller_id, gig_id, -1)?,
                message(entry, "gig-deleted", GIG_CHANGED, GIG_CHANGED_KEY, &gone)?,
            ]
        }
    })
}

/// A fan-out needs no key.
const GIG_CHANGED_KEY: &str = "";

fn counted(entry: &OutboxEntry, seller: SellerId, gig: GigId, count: i64) -> Result<Message, TranslateError> {
    let counted = SellerUpdate::GigCount { gig_seller_id: seller.to_string(), count, gig_id: Some(gig.to_string()) };
    message(entry, "update-gig-count", SELLER_UPDATE, USER_SELLER.routing_key, &counted)
}

fn saved(entry: &OutboxEntry, gig: Listing, at: Timestamp) -> Result<Message, TranslateError> {
    let saved = GigChanged::Saved { gig: Box::new(document(gig)), changed_at: at };
    message(entry, "gig-saved", GIG_CHANGED, GIG_CHANGED_KEY, &saved)
}

/// The relay adds id and headers.
fn message(
    entry: &OutboxEntry,
    kind: &str,
    exchange: Exchange,
    routing_key: &str,
    body: &impl Serialize,
) -> Result<Message, TranslateError> {
    Ok(Message {
        id: None,
        kind: kind.to_owned(),
        exchange: exchange.name.to_owned(),
        routing_key: routing_key.to_owned(),
        timestamp: entry.recorded_at,
        headers: BTreeMap::new(),
        body: serde_json::to_vec(body)?,
    })
}
