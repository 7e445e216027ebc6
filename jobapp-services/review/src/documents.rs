//! What the wire shows of reviews.

use jobapp_kernel::{Aggregate, MediaStore};
use jobapp_reviews::Review;
use jobapp_wire::reviews::ReviewDocument;

pub(crate) fn review_document(review: &Review, media: &dyn MediaStore) -> ReviewDocument {
    let reviewer = review.reviewer().clone();
    ReviewDocument {
        id: review.id().0,
        gig_id: review.gig_id().to_owned(),
        reviewer_id: reviewer.id,
        order_id: review.order().to_string(),
        seller_id: review.seller_id().to_owned(),
        review: review.text().to_owned(),
        reviewer_image: media.picture(&reviewer.image),
        reviewer_username: reviewer.username,
        country: reviewer.country,
        review_type: review.side().name().to_owned(),
        rating: review.rating().get(),
        created_at: review.created_at(),
    }
}
