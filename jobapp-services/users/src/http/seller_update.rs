//! `PUT /api/v1/seller/{sellerId}`

use axum::Json;
use axum::extract::State;
use jobapp_http::{ApiError, Caller, ErrorBody, JsonBody};
use jobapp_wire::users::SellerBody;

use super::answers::SellerAnswer;
use super::{Segments, api_error, picture, segments, seller_not_found};
use crate::UsersService;
use crate::documents::{profile_of, seller_for};

const FROM: &str = "Update seller() method error";

/// Replaces what the caller's own seller says of himself. Counters, ratings, name and address stay as they are; clients may
/// send them back. A picture sent as a data URL is stored; one that is the current one is kept.
#[utoipa::path(put, path = "/api/v1/seller/{sellerId}", tag = "seller",
    params(("sellerId" = String, Path, description = "The document id.")),
    request_body = SellerBody,
    responses(
        (status = 200, description = "The seller as it is now.", body = SellerAnswer),
        (status = 400, description = "A rule is broken, or the picture is none.", body = ErrorBody),
        (status = 403, description = "The seller is somebody else's.", body = ErrorBody),
        (status = 404, description = "There is no such seller.", body = ErrorBody),
        (status = 413, description = "The picture is too large.", body = ErrorBody),
    ))]
pub(crate) async fn update(
    State(service): State<UsersService>,
    caller: Caller,
    id: Segments,
    body: JsonBody,
) -> Result<Json<SellerAnswer>, ApiError> {
    let failed = |error| api_error(error).at(FROM);
    let id = segments(id)?.parse().map_err(|_| seller_not_found().at(FROM))?;
    // Whose it is comes first: nobody learns by the rules of a body whether he may write.
    service.users.own_seller(id, caller.username()).await.map_err(failed)?;
    let mut body = SellerBody::parse(&body.value).map_err(|invalid| ApiError::invalid(invalid, FROM))?;
    body.profile_picture = picture::store(&service, body.profile_picture).await.map_err(|error| error.at(FROM))?;
    let seller = service.users.rewrite_seller(id, caller.username(), profile_of(body)).await.map_err(failed)?;
    let seller = seller_for(caller.username(), &*service.shared.media, &seller);
    // The text is the wire's, also for an update.
    Ok(Json(SellerAnswer::new("Seller created successfully.", Some(seller))))
}
