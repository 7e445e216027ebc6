//! `POST /api/v1/review`

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use jobapp_http::{ApiError, Caller, ErrorBody, JsonBody};
use jobapp_kernel::Stars;
use jobapp_reviews::{NewReview, ReviewError, ReviewSide};
use jobapp_runtime::patiently;
use jobapp_wire::reviews::{ReviewBody, ReviewDocument};
use serde::Serialize;
use utoipa::ToSchema;

use crate::ReviewService;
use crate::documents::review_document;

const HERE: &str = "Create review() method";

/// A review that was written.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReviewAnswer {
    /// For people.
    message: &'static str,
    /// The review.
    review: ReviewDocument,
}

/// Reviews the other side of a completed order, once. Who writes, about whom and about which gig follows from the order.
#[utoipa::path(post, path = "/api/v1/review", tag = "review",
    request_body(content = ReviewBody,
        example = json!({
            "orderId": "JO52310984761", "reviewType": "buyer-review", "rating": 5, "review": "Quick and tidy.",
            "gigId": "66f0c0ffee0000000000b001", "sellerId": "66f0c0ffee0000000000a001",
            "reviewerId": "66f0c0ffee0000000000c001", "reviewerImage": "https://example.com/anna.png",
            "reviewerUsername": "Anna", "country": "Portugal"
        })),
    responses(
        (status = 201, description = "The review.", body = ReviewAnswer),
        (status = 400, description = "A rule is broken.", body = ErrorBody),
        (status = 403, description = "The caller is the order's other side.", body = ErrorBody),
        (status = 404, description = "There is no such order between the caller and anybody.", body = ErrorBody),
        (status = 409, description = "The order is not completed, or was reviewed before.", body = ErrorBody),
        (status = 422, description = "The idempotency key came with another body.", body = ErrorBody),
    ))]
pub(crate) async fn create(
    State(service): State<ReviewService>,
    caller: Caller,
    body: JsonBody,
) -> Result<(StatusCode, Json<ReviewAnswer>), ApiError> {
    let cause = body.cause_of(&caller, "POST /review");
    let parsed = ReviewBody::parse(&body.value).map_err(|invalid| ApiError::invalid(invalid, HERE))?;
    let rating = Stars::new(parsed.rating).map_err(|error| ApiError::bad_request(error.to_string()).at(HERE))?;
    let side = if parsed.review_type == ReviewSide::Buyer.name() { ReviewSide::Buyer } else { ReviewSide::Seller };
    let new = NewReview { order: parsed.order_id, side, rating, text: parsed.review };
    let attempt = || service.ports.reviews.write(caller.username(), new.clone(), cause.clone());
    let written = patiently(service.config.fact_wait, ReviewError::is_early, attempt).await;
    let review = written.map_err(|error| ApiError::from(error).at(HERE))?;
    let answer = ReviewAnswer {
        message: "Review created successfully.",
        review: review_document(&review, &*service.ports.shared.media),
    };
    Ok((StatusCode::CREATED, Json(answer)))
}
