//! `GET /api/v1/order/{orderId}`, `…/seller/{sellerId}`, `…/buyer/{buyerId}`

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use jobapp_directory::Card;
use jobapp_http::{ApiError, Caller, ErrorBody};
use jobapp_kernel::{ObjectId, RepositoryError};
use jobapp_runtime::{may_be_on_its_way, until_found};

use super::answers::{OrderAnswer, OrdersAnswer};
use super::{Segments, number, segments};
use crate::OrderService;

/// One order, for its participants. It is found by every number it goes by.
#[utoipa::path(get, path = "/api/v1/order/{orderId}", tag = "order",
    params(("orderId" = String, Path, description = "The public number.")),
    responses(
        (status = 200, description = "The order.", body = OrderAnswer),
        (status = 401, description = "Nobody is signed in.", body = ErrorBody),
        (status = 404, description = "There is no such order, or it is none of the caller's.", body = ErrorBody),
    ))]
pub(crate) async fn order(
    State(service): State<OrderService>,
    caller: Caller,
    id: Segments,
) -> Result<Json<OrderAnswer>, ApiError> {
    let order = service.orders.order(&number(id)?, caller.username()).await?;
    Ok(Json(OrderAnswer::new(&service, "Order by order id", &order)))
}

/// The caller's orders as a seller: open ones first, then the newest. Orders that wait for their payment are not among them.
#[utoipa::path(get, path = "/api/v1/order/seller/{sellerId}", tag = "order",
    params(("sellerId" = String, Path, description = "The caller's document id as a seller.")),
    responses(
        (status = 200, description = "The orders.", body = OrdersAnswer),
        (status = 403, description = "The id is somebody else's.", body = ErrorBody),
        (status = 404, description = "There is no such seller.", body = ErrorBody),
    ))]
pub(crate) async fn of_seller(
    State(service): State<OrderService>,
    caller: Caller,
    id: Segments,
) -> Result<Json<OrdersAnswer>, ApiError> {
    let unknown = || ApiError::not_found("There is no such seller.");
    let id: jobapp_directory::SellerId = segments(id)?.parse().map_err(|_| unknown())?;
    let card = until_found(patience_with(&service, id.0), || service.directory.of_seller(id)).await;
    must_be_own(card, &caller, unknown)?;
    let orders = service.orders.of_seller(id.0.into()).await?;
    Ok(Json(OrdersAnswer::new(&service, "Seller orders", &orders)))
}

/// The caller's orders as a buyer: open ones first, then the newest.
#[utoipa::path(get, path = "/api/v1/order/buyer/{buyerId}", tag = "order",
    params(("buyerId" = String, Path, description = "The caller's document id as a buyer.")),
    responses(
        (status = 200, description = "The orders.", body = OrdersAnswer),
        (status = 403, description = "The id is somebody else's.", body = ErrorBody),
        (status = 404, description = "There is no such buyer.", body = ErrorBody),
    ))]
pub(crate) async fn of_buyer(
    State(service): State<OrderService>,
    caller: Caller,
    id: Segments,
) -> Result<Json<OrdersAnswer>, ApiError> {
    let unknown = || ApiError::not_found("There is no such buyer.");
    let id: jobapp_directory::BuyerId = segments(id)?.parse().map_err(|_| unknown())?;
    let card = until_found(patience_with(&service, id.0), || service.directory.of_buyer(id)).await;
    must_be_own(card, &caller, unknown)?;
    let orders = service.orders.of_buyer(id.0.into()).await?;
    Ok(Json(OrdersAnswer::new(&service, "Buyer orders", &orders)))
}

/// How long to wait for the card with this id. A profile that was made more than a minute ago has arrived, or there is none.
fn patience_with(service: &OrderService, id: ObjectId) -> Duration {
    if may_be_on_its_way(&id, service.shared.clock.now()) { service.config.fact_wait } else { Duration::ZERO }
}

fn must_be_own(
    card: Result<Option<Card>, RepositoryError>,
    caller: &Caller,
    unknown: impl Fn() -> ApiError,
) -> Result<(), ApiError> {
    caller.must_be(&card?.ok_or_else(unknown)?.username)
}
