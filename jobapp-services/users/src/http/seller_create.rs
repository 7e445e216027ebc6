//! `POST /api/v1/seller/create`

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use jobapp_http::{ApiError, Caller, ErrorBody, JsonBody};
use jobapp_users::Seller;
use jobapp_wire::users::SellerBody;

use super::answers::SellerAnswer;
use super::{api_error, picture};
use crate::UsersService;
use crate::documents::{profile_of, seller_for};

const FROM: &str = "Create seller() method error";

/// Makes the caller a seller. Name and address are the session's, whatever the body says. A picture sent as a data URL is stored.
#[utoipa::path(post, path = "/api/v1/seller/create", tag = "seller", request_body = SellerBody, responses(
    (status = 201, description = "The new seller.", body = SellerAnswer),
    (status = 400, description = "A rule is broken, the picture is none, or the caller sells already.", body = ErrorBody),
    (status = 413, description = "The picture is too large.", body = ErrorBody),
))]
pub(crate) async fn create(
    State(service): State<UsersService>,
    caller: Caller,
    body: JsonBody,
) -> Result<(StatusCode, Json<SellerAnswer>), ApiError> {
    let cause = body.cause_of(&caller, "POST /seller/create");
    let failed = |error| api_error(error).at(FROM);
    let mut body = SellerBody::parse(&body.value).map_err(|invalid| ApiError::invalid(invalid, FROM))?;
    // Nothing is uploaded a second time, or for who may not sell.
    if let Some(seller) = service.users.may_create_seller(caller.username(), cause.as_ref()).await.map_err(failed)? {
        return Ok(created(&service, &caller, &seller));
    }
    body.profile_picture = picture::store(&service, body.profile_picture).await.map_err(|error| error.at(FROM))?;
    let seller = service.users.create_seller(caller.username(), caller.email(), profile_of(body), cause).await;
    Ok(created(&service, &caller, &seller.map_err(failed)?))
}

fn created(service: &UsersService, caller: &Caller, seller: &Seller) -> (StatusCode, Json<SellerAnswer>) {
    let seller = seller_for(caller.username(), &*service.shared.media, seller);
    (StatusCode::CREATED, Json(SellerAnswer::new("Seller created successfully.", Some(seller))))
}
