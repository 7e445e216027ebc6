//! `PUT /api/v1/order/deliver-order/{orderId}`

use axum::Json;
use axum::extract::State;
use jobapp_http::{ApiError, Caller, ErrorBody, FileBody};
use jobapp_kernel::{MediaError, Upload};
use jobapp_orders::Work;
use jobapp_wire::orders::DeliverBody;

use super::answers::OrderAnswer;
use super::{Segments, number};
use crate::OrderService;

const FROM: &str = "Update deliverOrder() method";
const ROUTE: &str = "PUT /order/deliver-order";
const DONE: &str = "Order delivered successfully.";

/// The seller hands over work; once more while it is not approved.
#[utoipa::path(put, path = "/api/v1/order/deliver-order/{orderId}", tag = "order",
    params(("orderId" = String, Path, description = "The public number.")),
    request_body = DeliverBody,
    responses(
        (status = 200, description = "The order as it is now.", body = OrderAnswer),
        (status = 400, description = "The file cannot be used.", body = ErrorBody),
        (status = 403, description = "Only the seller delivers.", body = ErrorBody),
        (status = 404, description = "There is no such order, or it is none of the caller's.", body = ErrorBody),
        (status = 409, description = "The order is not open.", body = ErrorBody),
        (status = 413, description = "The file is too large.", body = ErrorBody),
        (status = 503, description = "Files cannot be stored at the moment.", body = ErrorBody),
    ))]
pub(crate) async fn deliver(
    State(service): State<OrderService>,
    caller: Caller,
    id: Segments,
    body: FileBody,
) -> Result<Json<OrderAnswer>, ApiError> {
    let number = number(id)?;
    let cause = body.cause_of(&caller, &format!("{ROUTE}/{number}"));
    if let Some(cause) = &cause
        && let Some(order) = service.orders.delivered_before(cause).await?
    {
        return Ok(Json(OrderAnswer::new(&service, DONE, &order)));
    }
    let received = body.received;
    let body = DeliverBody::parse(&body.value).map_err(|invalid| ApiError::invalid(invalid, FROM))?;
    // Nothing is kept for somebody who may not deliver.
    service.orders.may_deliver(&number, caller.username()).await?;
    let file = match body.file {
        None => None,
        Some(source) => {
            let upload = Upload::file(source, body.file_type.clone(), body.file_name.clone());
            Some(upload.keep(&*service.shared.media, received).await.map_err(upload_error)?.reference)
        }
    };
    let work = Work {
        message: body.message,
        file,
        file_type: body.file_type,
        file_size: body.file_size,
        file_name: body.file_name,
    };
    let order = service.orders.deliver(&number, caller.username(), work, cause).await?;
    Ok(Json(OrderAnswer::new(&service, DONE, &order)))
}

fn upload_error(error: MediaError) -> ApiError {
    match error {
        MediaError::Invalid { reason } => {
            tracing::info!(reason, "a delivered file was refused");
            ApiError::bad_request("File upload error. Try again").at(FROM)
        }
        other => ApiError::from(other).at(FROM),
    }
}
