//! `POST /api/v1/seller/create`

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use jobapp_http::{ApiError, Caller, ErrorBody, JsonBody};
use jobapp_wire::users::SellerBody;

use super::answers::SellerAnswer;
use super::api_error;
use crate::UsersService;
use crate::documents::{profile_of, seller_for};

const FROM: &str = "Create seller() method error";

/// Makes the caller a seller. Name and address are the session's, whatever the body says.
#[utoipa::path(post, path = "/api/v1/seller/create", tag = "seller", request_body = SellerBody, responses(
    (status = 201, description = "The new seller.", body = SellerAnswer),
    (status = 400, description = "A rule is broken, or the caller sells already.", body = ErrorBody),
))]
pub(crate) async fn create(
    State(service): State<UsersService>,
    caller: Caller,
    body: JsonBody,
) -> Result<(StatusCode, Json<SellerAnswer>), ApiError> {
    let cause = body.cause_of(&caller, "POST /seller/create");
    let profile = profile_of(SellerBody::parse(&body.value).map_err(|invalid| ApiError::invalid(invalid, FROM))?);
    let seller = service
        .users
        .create_seller(caller.username(), caller.email(), profile, cause)
        .await
        .map_err(|error| api_error(error).at(FROM))?;
    let seller = seller_for(caller.username(), &seller);
    Ok((StatusCode::CREATED, Json(SellerAnswer::new("Seller created successfully.", Some(seller)))))
}
