//! `GET /api/v1/order/notification/{userTo}`, `PUT /api/v1/order/notification/mark-as-read`

use axum::Json;
use axum::extract::State;
use jobapp_http::{ApiError, Caller, ErrorBody, JsonBody};
use jobapp_orders::OrdersError;
use jobapp_wire::orders::NotificationBody;

use super::answers::{NotificationAnswer, NotificationsAnswer};
use super::{Segments, segments};
use crate::OrderService;

const FROM: &str = "Update notification() method";

/// The caller's notifications, the newest first.
#[utoipa::path(get, path = "/api/v1/order/notification/{userTo}", tag = "order",
    params(("userTo" = String, Path, description = "The caller's user name.")),
    responses(
        (status = 200, description = "The notifications.", body = NotificationsAnswer),
        (status = 403, description = "The name is somebody else's.", body = ErrorBody),
    ))]
pub(crate) async fn list(
    State(service): State<OrderService>,
    caller: Caller,
    name: Segments,
) -> Result<Json<NotificationsAnswer>, ApiError> {
    caller.must_be(&segments(name)?)?;
    let notes = service.orders.notifications_of(caller.username()).await?;
    Ok(Json(NotificationsAnswer::new(&service, "Notifications", &notes)))
}

/// Marks one of the caller's notifications as read.
#[utoipa::path(put, path = "/api/v1/order/notification/mark-as-read", tag = "order",
    request_body = NotificationBody,
    responses(
        (status = 200, description = "The notification as it is now.", body = NotificationAnswer),
        (status = 400, description = "No notification is named.", body = ErrorBody),
        (status = 404, description = "There is no such notification, or it is somebody else's.", body = ErrorBody),
    ))]
pub(crate) async fn mark_as_read(
    State(service): State<OrderService>,
    caller: Caller,
    body: JsonBody,
) -> Result<Json<NotificationAnswer>, ApiError> {
    let body = NotificationBody::parse(&body.value).map_err(|invalid| ApiError::invalid(invalid, FROM))?;
    let id = body.notification_id.parse().map_err(|_| ApiError::from(OrdersError::NotificationNotFound).at(FROM))?;
    let note = service.orders.read_notification(id, caller.username()).await?;
    Ok(Json(NotificationAnswer::new(&service, "Notification updated successfully.", &note)))
}
