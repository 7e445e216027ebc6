//! `PUT /api/v1/order/approve-order/{orderId}`

use axum::Json;
use axum::extract::State;
use jobapp_http::{ApiError, Caller, ErrorBody, JsonBody};
use jobapp_wire::orders::ApproveBody;

use super::answers::OrderAnswer;
use super::{Segments, number};
use crate::OrderService;

/// The buyer approves the delivered work. Counters and earnings are computed here, whatever the body says.
#[utoipa::path(put, path = "/api/v1/order/approve-order/{orderId}", tag = "order",
    params(("orderId" = String, Path, description = "The public number.")),
    request_body = ApproveBody,
    responses(
        (status = 200, description = "The order as it is now.", body = OrderAnswer),
        (status = 403, description = "Only the buyer approves.", body = ErrorBody),
        (status = 404, description = "There is no such order, or it is none of the caller's.", body = ErrorBody),
        (status = 409, description = "Nothing was delivered yet, or the order has ended.", body = ErrorBody),
    ))]
pub(crate) async fn approve(
    State(service): State<OrderService>,
    caller: Caller,
    id: Segments,
    _body: JsonBody,
) -> Result<Json<OrderAnswer>, ApiError> {
    let order = service.orders.approve(&number(id)?, caller.username()).await?;
    Ok(Json(OrderAnswer::new(&service, "Order approved successfully.", &order)))
}
