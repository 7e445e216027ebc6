//! What the wire shows of reviews.

use jobapp_kernel::{Aggregate, MediaStore};
use jobapp_reviews::{Period, RatingCounts, Review};

use jobapp_wire::reviews::{AnalyticsDocument, ReviewDocument, TrendDocument};
use jobapp_wire::users::rating_categories;

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

pub(crate) fn analytics_document(counts: &RatingCounts, period: &Period) -> AnalyticsDocument {
    let trend = counts.trend(period).into_iter().map(|(part, ratings)| TrendDocument {
        from: part.start().to_string(),
        to: part.end().to_string(),
        ratings_count: ratings.count(),
        rating_sum: ratings.sum(),
        average: ratings.average(),
    });
    AnalyticsDocument {
        ratings_count: counts.all.count(),
        rating_sum: counts.all.sum(),
        average: counts.all.average(),
        rating_categories: rating_categories(&counts.all),
        by: period.by().name().to_owned(),
        from: period.days().start().to_string(),
        to: period.days().end().to_string(),
        trend: trend.collect(),
    }
}
