//! `PUT /api/v1/order/extension/{orderId}`, `PUT /api/v1/order/gig/{type}/{orderId}`

use axum::Json;
use axum::extract::State;
use jobapp_http::{ApiError, Caller, ErrorBody, JsonBody};
use jobapp_kernel::with_offset;
use jobapp_orders::{Extension, ExtensionAnswer};
use jobapp_wire::orders::ExtensionBody;
use jobapp_wire::validate::Invalid;

use super::answers::OrderAnswer;
use super::{Segments, number, parse_number, segments};
use crate::OrderService;

const ASK: &str = "Update requestExtension() method";
const ANSWER: &str = "Update deliveryDate() method";

/// The seller asks for more time.
#[utoipa::path(put, path = "/api/v1/order/extension/{orderId}", tag = "order",
    params(("orderId" = String, Path, description = "The public number.")),
    request_body = ExtensionBody,
    responses(
        (status = 200, description = "The order as it is now.", body = OrderAnswer),
        (status = 400, description = "A rule is broken.", body = ErrorBody),
        (status = 403, description = "Only the seller asks for more time.", body = ErrorBody),
        (status = 404, description = "There is no such order, or it is none of the caller's.", body = ErrorBody),
        (status = 409, description = "It is not in progress.", body = ErrorBody),
    ))]
pub(crate) async fn request(
    State(service): State<OrderService>,
    caller: Caller,
    id: Segments,
    body: JsonBody,
) -> Result<Json<OrderAnswer>, ApiError> {
    let request = read(&body).map_err(|invalid| ApiError::invalid(invalid, ASK))?;
    let order = service.orders.request_extension(&number(id)?, caller.username(), request).await?;
    Ok(Json(OrderAnswer::new(&service, "Order delivery request", &order)))
}

/// The buyer answers: `approve` grants the request that is stored, anything else rejects it.
#[utoipa::path(put, path = "/api/v1/order/gig/{type}/{orderId}", tag = "order",
    params(
        ("type" = String, Path, description = "`approve` or `reject`."),
        ("orderId" = String, Path, description = "The public number."),
    ),
    request_body = ExtensionBody,
    responses(
        (status = 200, description = "The order as it is now.", body = OrderAnswer),
        (status = 400, description = "A rule is broken.", body = ErrorBody),
        (status = 403, description = "Only the buyer answers.", body = ErrorBody),
        (status = 404, description = "There is no such order, or it is none of the caller's.", body = ErrorBody),
        (status = 409, description = "No extension is requested.", body = ErrorBody),
    ))]
pub(crate) async fn answer(
    State(service): State<OrderService>,
    caller: Caller,
    path: Segments<(String, String)>,
    body: JsonBody,
) -> Result<Json<OrderAnswer>, ApiError> {
    let (answer, id) = segments(path)?;
    let id = parse_number(&id)?;
    // The body is checked for the sake of its texts; what is granted is what was asked for.
    read(&body).map_err(|invalid| ApiError::invalid(invalid, ANSWER))?;
    let answer = if answer == "approve" { ExtensionAnswer::Approved } else { ExtensionAnswer::Rejected };
    let order = service.orders.answer_extension(&id, caller.username(), answer).await?;
    Ok(Json(OrderAnswer::new(&service, "Order delivery date extension", &order)))
}

fn read(body: &JsonBody) -> Result<Extension, Invalid> {
    let ExtensionBody { original_date, new_date, new_due, days, reason } = ExtensionBody::parse(&body.value)?;
    let new_due = new_due.ok_or_else(|| Invalid::new("\"newDate\" is required"))?;
    Ok(Extension { original_date, new_date: with_offset(new_date), new_due, days, reason })
}
