//! The routes.

mod analytics;
mod create;
mod health;
mod read;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ReviewService;

pub(crate) fn router(service: &ReviewService) -> Router {
    let guard =
        axum::middleware::from_fn_with_state(service.ports.shared.guard(ReviewService::AUDIENCES), jobapp_http::guard);
    let (guarded, _) = guarded_routes().split_for_parts();
    let (open, _) = open_routes().split_for_parts();
    // A path that takes another method is as unknown as any other.
    let guarded = guarded.method_not_allowed_fallback(jobapp_http::not_found).route_layer(guard);
    let guarded = guarded.layer(DefaultBodyLimit::max(service.config.body_limit));
    guarded.with_state(service.clone()).merge(open).fallback(jobapp_http::not_found)
}

pub(crate) fn openapi() -> utoipa::openapi::OpenApi {
    let mut document = guarded_routes().into_openapi();
    document.merge(open_routes().into_openapi());
    document.info = utoipa::openapi::InfoBuilder::new()
        .title("JobApp reviews")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some("What buyers and sellers say about each other."))
        .build();
    document
}

fn open_routes() -> OpenApiRouter {
    OpenApiRouter::new().routes(routes!(health::health))
}

fn guarded_routes() -> OpenApiRouter<ReviewService> {
    OpenApiRouter::new()
        .routes(routes!(read::of_gig))
        .routes(routes!(read::of_seller))
        .routes(routes!(analytics::of_gig))
        .routes(routes!(analytics::of_seller))
        .routes(routes!(create::create))
        .route("/api/v1/review/", axum::routing::post(create::create))
}
