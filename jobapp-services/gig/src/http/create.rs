//! `POST /api/v1/gig/create`

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use jobapp_gigs::{Listing, Seller};
use jobapp_http::{ApiError, Caller, ErrorBody, JsonBody};
use jobapp_wire::gigs::{CreateGigBody, GigAnswer};

use super::picture;
use crate::GigService;
use crate::documents::{content, shown};

const FROM: &str = "Create gig() method";

/// Creates a gig of the caller's, whose seller id may be written as `me`. Name, address and picture of the seller are those we know, whatever the body says.
#[utoipa::path(post, path = "/api/v1/gig/create", tag = "gig",
    request_body(content = CreateGigBody, example = json!({
        "sellerId": "me", "profilePicture": "https://example.com/anna.png",
        "title": "I will draw a logo for your shop", "description": "Three drafts on paper, one finished as a vector file.",
        "categories": "Graphics & Design", "subCategories": ["Logo Design"], "tags": ["logo", "hand-drawn"], "price": 60,
        "coverImage": "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAEElEQVR4nGPgqo0CIgYIBQAXagOFqgsYiQAAAABJRU5ErkJggg==",
        "expectedDelivery": "3 Days Delivery", "basicTitle": "One logo", "basicDescription": "One draft, two revisions"
    })),
    responses(
    (status = 201, description = "The new gig.", body = GigAnswer),
    (status = 400, description = "A rule is broken, or the picture is none.", body = ErrorBody),
    (status = 403, description = "The caller is not that seller.", body = ErrorBody),
    (status = 413, description = "The picture is too large.", body = ErrorBody),
    (status = 422, description = "The idempotency key came with another body before.", body = ErrorBody),
    (status = 503, description = "The caller is not known as a seller yet.", body = ErrorBody),
))]
pub(crate) async fn create(
    State(service): State<GigService>,
    caller: Caller,
    body: JsonBody,
) -> Result<(StatusCode, Json<GigAnswer>), ApiError> {
    let cause = body.cause_of(&caller, "POST /gig/create");
    if let Some(cause) = &cause
        && let Some(gig) = service.gigs.created_before(cause).await?
    {
        return Ok(created(&service, gig));
    }
    let body = CreateGigBody::parse(&body.value).map_err(|invalid| ApiError::invalid(invalid, FROM))?;
    let (id, card) = service.caller_as(&caller, &body.seller_id).await.map_err(|error| error.at(FROM))?;
    let picture = card.picture_as_seller().to_owned();
    let seller = Seller { id, username: card.username, email: card.email, picture };
    let cover = picture::store(&service, body.content.cover_image.clone()).await.map_err(|error| error.at(FROM))?;
    let content = content(body.content, cover);
    let gig = service.gigs.create(seller, content, cause).await.map_err(|error| ApiError::from(error).at(FROM))?;
    service.metrics.gig_created(&gig.content.category);
    Ok(created(&service, gig))
}

fn created(service: &GigService, gig: Listing) -> (StatusCode, Json<GigAnswer>) {
    let answer = GigAnswer { message: "Gig created successfully.".to_owned(), gig: shown(&*service.shared.media, gig) };
    (StatusCode::CREATED, Json(answer))
}
