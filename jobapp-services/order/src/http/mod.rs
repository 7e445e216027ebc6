//! The routes.

mod answers;
mod approve;
mod cancel;
mod create;
mod deliver;
mod extension;
mod health;
mod intent;
mod notifications;
mod read;

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, FromRef};
use jobapp_http::{ApiError, FileIntake, Segments, segments};
use jobapp_orders::{OrderNumber, OrdersError};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::OrderService;

pub(crate) fn router(service: &OrderService) -> Router {
    let guard = axum::middleware::from_fn_with_state(service.shared.guard(OrderService::AUDIENCES), jobapp_http::guard);
    let (small, _) = routes().split_for_parts();
    // Existing gateways end the base path with a slash.
    let small = small.route("/api/v1/order/", axum::routing::post(create::create));
    let (large, _) = file_routes().split_for_parts();
    let guarded = small
        .layer(DefaultBodyLimit::max(service.config.body_limit))
        .merge(large.layer(DefaultBodyLimit::max(service.config.file_body_limit)))
        .route_layer(guard)
        .with_state(service.clone());
    let (open, _) = open_routes().split_for_parts();
    guarded.merge(open).fallback(jobapp_http::not_found)
}

pub(crate) fn openapi() -> utoipa::openapi::OpenApi {
    let mut document = routes().into_openapi();
    document.merge(file_routes().into_openapi());
    document.merge(open_routes().into_openapi());
    document.info = utoipa::openapi::InfoBuilder::new()
        .title("JobApp orders")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some("Orders, their payments and their notifications."))
        .build();
    document
}

fn open_routes() -> OpenApiRouter {
    OpenApiRouter::new().routes(routes!(health::health))
}

fn routes() -> OpenApiRouter<OrderService> {
    OpenApiRouter::new()
        .routes(routes!(notifications::list))
        .routes(routes!(read::order))
        .routes(routes!(read::of_seller))
        .routes(routes!(read::of_buyer))
        .routes(routes!(create::create))
        .routes(routes!(intent::create))
        .routes(routes!(cancel::cancel))
        .routes(routes!(extension::request))
        .routes(routes!(extension::answer))
        .routes(routes!(approve::approve))
        .routes(routes!(notifications::mark_as_read))
}

fn file_routes() -> OpenApiRouter<OrderService> {
    OpenApiRouter::new().routes(routes!(deliver::deliver))
}

/// Where the files of the routes that take them go.
impl FromRef<OrderService> for FileIntake {
    fn from_ref(service: &OrderService) -> Self {
        Self { media: Arc::clone(&service.shared.media), field: "file", limit: service.config.body_limit }
    }
}

/// The order number of a path. A text that can be none names no order.
fn number(path: Segments) -> Result<OrderNumber, ApiError> {
    parse_number(&segments(path)?)
}

fn parse_number(text: &str) -> Result<OrderNumber, ApiError> {
    text.parse().map_err(|_| OrdersError::OrderNotFound.into())
}
