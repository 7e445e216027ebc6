//! What was stored, as messages for other services.

use std::collections::BTreeMap;

use jobapp_kernel::{Aggregate, Message, OutboxEntry};
use jobapp_reviews::{Review, ReviewEvent};
use jobapp_runtime::TranslateError;
use jobapp_wire::messages::ReviewMessage;
use jobapp_wire::queues::REVIEW;

pub(crate) fn translate(entry: &OutboxEntry) -> Result<Vec<Message>, TranslateError> {
    if entry.aggregate != Review::NAME {
        return Err(TranslateError::new(format!("nobody here raises events of a {:?}", entry.aggregate)));
    }
    let ReviewEvent::Written { review } = serde_json::from_value(entry.event.clone())?;
    let review = Review::from_state(review).map_err(|error| TranslateError {
        reason: "it tells of an impossible review".to_owned(),
        source: Some(error.into()),
    })?;
    let body = ReviewMessage {
        kind: review.side().name().to_owned(),
        gig_id: review.gig_id().to_owned(),
        reviewer_id: review.reviewer().id.clone(),
        seller_id: review.seller_id().to_owned(),
        order_id: review.order().to_string(),
        review: review.text().to_owned(),
        rating: review.rating().get(),
        created_at: review.created_at(),
        reviewer_username: Some(review.reviewer().username.clone()),
    };
    // The relay adds id and headers.
    Ok(vec![Message {
        id: None,
        kind: body.kind.clone(),
        exchange: REVIEW.name.to_owned(),
        routing_key: String::new(),
        timestamp: entry.recorded_at,
        headers: BTreeMap::new(),
        body: serde_json::to_vec(&body)?,
    }])
}
