//! The routes.

mod answers;
mod buyer;
mod health;
mod picture;
mod seller_create;
mod seller_read;
mod seller_seed;
mod seller_update;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use jobapp_http::{ApiError, Segments, segments};
use jobapp_users::UsersError;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouterExt};
use utoipa_axum::routes;

use crate::{UsersConfig, UsersService};

pub(crate) fn router(service: &UsersService) -> Router {
    let guard = axum::middleware::from_fn_with_state(service.shared.guard(UsersService::AUDIENCES), jobapp_http::guard);
    let (guarded, _) = routes(&service.config).split_for_parts();
    let guarded = guarded.route_layer(guard).with_state(service.clone());
    let (open, _) = open_routes().split_for_parts();
    guarded.merge(open).fallback(jobapp_http::not_found)
}

pub(crate) fn openapi() -> utoipa::openapi::OpenApi {
    let mut document = routes(&UsersConfig { seed: true, ..UsersConfig::default() }).into_openapi();
    document.merge(open_routes().into_openapi());
    document.info = utoipa::openapi::InfoBuilder::new()
        .title("JobApp users")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some("Buyers and sellers."))
        .build();
    document
}

fn open_routes() -> OpenApiRouter {
    OpenApiRouter::new().routes(routes!(health::health))
}

fn routes(config: &UsersConfig) -> OpenApiRouter<UsersService> {
    let small = DefaultBodyLimit::max(config.body_limit);
    let picture = DefaultBodyLimit::max(config.picture_body_limit);
    let routes = OpenApiRouter::new()
        .routes(routes!(buyer::by_email))
        .routes(routes!(buyer::by_own_name))
        .routes(routes!(buyer::by_name))
        .routes(routes!(seller_read::by_id))
        .routes(routes!(seller_read::by_name))
        .routes(routes!(seller_read::random))
        .routes(routes!(seller_create::create).layer(picture))
        .routes(routes!(seller_update::update).layer(picture));
    if config.seed { routes.routes(routes!(seller_seed::seed).layer(small)) } else { routes }
}

/// A text of a path that is a whole number within `1..=most`.
fn count(text: &str, what: &str, most: usize) -> Result<usize, ApiError> {
    match text.parse() {
        Ok(count) if (1..=most).contains(&count) => Ok(count),
        _ => Err(ApiError::bad_request(format!("{what} must be a whole number from 1 to {most}."))),
    }
}

/// The answer for an error of a use case, in words for users.
fn api_error(error: UsersError) -> ApiError {
    match error {
        UsersError::UnknownSeller(_) => seller_not_found(),
        other => other.into(),
    }
}

fn seller_not_found() -> ApiError {
    ApiError::not_found("There is no such seller.")
}
