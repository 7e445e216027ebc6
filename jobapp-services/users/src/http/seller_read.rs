//! `GET /api/v1/seller/…`

use axum::Json;
use axum::extract::State;
use jobapp_http::{ApiError, Caller, ErrorBody};

use super::answers::{SellerAnswer, SellersAnswer};
use super::{Segments, api_error, count, segments, seller_not_found};
use crate::UsersService;
use crate::documents::seller_for;

/// The most sellers that are drawn at once.
const MOST: usize = 100;

/// A seller by id. To others than the seller the address, the earnings and the cancelled jobs are not shown.
#[utoipa::path(get, path = "/api/v1/seller/id/{sellerId}", tag = "seller",
    params(("sellerId" = String, Path, description = "The document id.")),
    responses(
        (status = 200, description = "The seller.", body = SellerAnswer),
        (status = 404, description = "There is no such seller.", body = ErrorBody),
    ))]
pub(crate) async fn by_id(
    State(service): State<UsersService>,
    caller: Caller,
    id: Segments,
) -> Result<Json<SellerAnswer>, ApiError> {
    let id = segments(id)?.parse().map_err(|_| seller_not_found())?;
    let seller = service.users.seller(id).await.map_err(api_error)?.ok_or_else(seller_not_found)?;
    Ok(Json(SellerAnswer::new("Seller profile", Some(seller_for(caller.username(), &*service.shared.media, &seller)))))
}

/// A seller by user name; `null` for users who do not sell. Clients ask for everybody who signs in.
#[utoipa::path(get, path = "/api/v1/seller/username/{username}", tag = "seller",
    params(("username" = String, Path, description = "The user name, in any case.")),
    responses((status = 200, description = "The seller, or null.", body = SellerAnswer)))]
pub(crate) async fn by_name(
    State(service): State<UsersService>,
    caller: Caller,
    username: Segments,
) -> Result<Json<SellerAnswer>, ApiError> {
    let seller = service.users.seller_named(&segments(username)?).await.map_err(api_error)?;
    let seller = seller.map(|seller| seller_for(caller.username(), &*service.shared.media, &seller));
    Ok(Json(SellerAnswer::new("Seller profile", seller)))
}

/// Sellers drawn by lot, at most as many as asked for.
#[utoipa::path(get, path = "/api/v1/seller/random/{size}", tag = "seller",
    params(("size" = usize, Path, minimum = 1, maximum = 100, description = "How many.")),
    responses(
        (status = 200, description = "Some sellers.", body = SellersAnswer),
        (status = 400, description = "The size is no number from 1 to 100.", body = ErrorBody),
    ))]
pub(crate) async fn random(
    State(service): State<UsersService>,
    caller: Caller,
    size: Segments,
) -> Result<Json<SellersAnswer>, ApiError> {
    let size = count(&segments(size)?, "The size", MOST)?;
    let sellers = service.users.random_sellers(size).await.map_err(api_error)?;
    let sellers = sellers.iter().map(|seller| seller_for(caller.username(), &*service.shared.media, seller)).collect();
    Ok(Json(SellersAnswer { message: "Random sellers profile", sellers }))
}
