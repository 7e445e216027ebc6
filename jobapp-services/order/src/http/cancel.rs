//! `PUT /api/v1/order/cancel/{orderId}`

use axum::Json;
use axum::extract::State;
use jobapp_http::{ApiError, Caller, ErrorBody, JsonBody};
use jobapp_wire::orders::CancelBody;

use super::answers::MessageAnswer;
use super::{Segments, number};
use crate::OrderService;

/// The seller gives up work that was not delivered, or the buyer an order that waits. The order's own payment goes back to
/// the buyer, whatever the body names.
#[utoipa::path(put, path = "/api/v1/order/cancel/{orderId}", tag = "order",
    params(("orderId" = String, Path, description = "The public number.")),
    request_body = CancelBody,
    responses(
        (status = 200, description = "It is cancelled; the refund follows.", body = MessageAnswer),
        (status = 404, description = "There is no such order, or it is none of the caller's.", body = ErrorBody),
        (status = 409, description = "It cannot be cancelled now.", body = ErrorBody),
    ))]
pub(crate) async fn cancel(
    State(service): State<OrderService>,
    caller: Caller,
    id: Segments,
    _body: JsonBody,
) -> Result<Json<MessageAnswer>, ApiError> {
    service.orders.cancel(&number(id)?, caller.username()).await?;
    Ok(Json(MessageAnswer { message: "Order cancelled successfully." }))
}
