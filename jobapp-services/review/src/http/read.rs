//! `GET /api/v1/review/…`

use axum::Json;
use axum::extract::State;
use jobapp_http::{ApiError, Caller, ErrorBody, Segments, segments};
use jobapp_reviews::Review;
use jobapp_wire::reviews::ReviewDocument;
use serde::Serialize;
use utoipa::ToSchema;

use crate::ReviewService;
use crate::documents::review_document;

/// Reviews.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReviewsAnswer {
    /// For people.
    message: &'static str,
    /// The reviews, the newest first.
    reviews: Vec<ReviewDocument>,
}

impl ReviewsAnswer {
    fn new(service: &ReviewService, message: &'static str, reviews: &[Review]) -> Json<Self> {
        let shown = reviews.iter().map(|review| review_document(review, &*service.ports.shared.media));
        Json(Self { message, reviews: shown.collect() })
    }
}

/// The reviews of orders of a gig, by buyers and sellers.
#[utoipa::path(get, path = "/api/v1/review/gig/{gigId}", tag = "review",
    params(("gigId" = String, Path, description = "The gig.")),
    responses(
        (status = 200, description = "The newest 100, the newest first.", body = ReviewsAnswer),
        (status = 401, description = "Nobody is signed in.", body = ErrorBody),
    ))]
pub(crate) async fn of_gig(
    State(service): State<ReviewService>,
    _: Caller,
    gig_id: Segments,
) -> Result<Json<ReviewsAnswer>, ApiError> {
    let reviews = service.ports.reviews.of_gig(&segments(gig_id)?).await?;
    Ok(ReviewsAnswer::new(&service, "Gig reviews by gig id", &reviews))
}

/// The reviews about a seller, by buyers.
#[utoipa::path(get, path = "/api/v1/review/seller/{sellerId}", tag = "review",
    params(("sellerId" = String, Path, description = "The seller.")),
    responses(
        (status = 200, description = "The newest 100, the newest first.", body = ReviewsAnswer),
        (status = 401, description = "Nobody is signed in.", body = ErrorBody),
    ))]
pub(crate) async fn of_seller(
    State(service): State<ReviewService>,
    _: Caller,
    seller_id: Segments,
) -> Result<Json<ReviewsAnswer>, ApiError> {
    let reviews = service.ports.reviews.about_seller(&segments(seller_id)?).await?;
    Ok(ReviewsAnswer::new(&service, "Gig reviews by seller id", &reviews))
}
