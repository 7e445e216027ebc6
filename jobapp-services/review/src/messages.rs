//! What was stored, as messages for other services.

use jobapp_kernel::{Aggregate, Message, OutboxEntry};
use jobapp_reviews::{Review, ReviewEvent};
use jobapp_runtime::{TranslateError, event_of, message_of};
use jobapp_wire::messages::ReviewMessage;
use jobapp_wire::queues::REVIEW;

pub(crate) fn translate(entry: &OutboxEntry) -> Result<Vec<Message>, TranslateError> {
    if entry.aggregate != Review::NAME {
        return Err(TranslateError::new(format!("nobody here raises events of a {:?}", entry.aggregate)));
    }
    let ReviewEvent::Written { review } = event_of(entry)?;
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
    Ok(vec![message_of(entry, REVIEW, "", &body.kind, &body)?])
}
