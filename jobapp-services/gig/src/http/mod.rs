//! The routes.

mod active;
mod by_category;
mod by_id;
mod create;
mod delete;
mod health;
mod metrics;
mod of_seller;
mod picture;
mod search;
mod seed;
mod similar;
mod update;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use jobapp_gigs::{GigError, GigId, SearchPage};
use jobapp_http::{ApiError, Caller, Segments, segments};
use jobapp_wire::gigs::GigSearchAnswer;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouterExt};
use utoipa_axum::routes;

use crate::documents::shown_for;
use crate::{GigConfig, GigService};

pub(crate) fn router(service: &GigService) -> Router {
    let guard = axum::middleware::from_fn_with_state(service.shared.guard(GigService::AUDIENCES), jobapp_http::guard);
    let (guarded, _) = routes(&service.config).split_for_parts();
    let guarded = guarded.route_layer(guard);
    let (open, _) = open_routes().split_for_parts();
    guarded
        .merge(open)
        .fallback(jobapp_http::not_found)
        // Paths with parameters match much: a wrong method is an endpoint that does not exist.
        .method_not_allowed_fallback(jobapp_http::not_found)
        .layer(service.metrics.measuring())
        .with_state(service.clone())
}

pub(crate) fn openapi() -> utoipa::openapi::OpenApi {
    let mut document = routes(&GigConfig { seed: true, ..GigConfig::default() }).into_openapi();
    document.merge(open_routes().into_openapi());
    document.info = utoipa::openapi::InfoBuilder::new()
        .title("JobApp gigs")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some("Gigs and the search for them."))
        .build();
    document
}

fn open_routes() -> OpenApiRouter<GigService> {
    OpenApiRouter::new().routes(routes!(health::health)).routes(routes!(metrics::metrics))
}

fn routes(config: &GigConfig) -> OpenApiRouter<GigService> {
    let small = DefaultBodyLimit::max(config.body_limit);
    let picture = DefaultBodyLimit::max(config.picture_body_limit);
    let routes = OpenApiRouter::new()
        .routes(routes!(by_id::by_id))
        .routes(routes!(of_seller::listed))
        .routes(routes!(of_seller::paused))
        .routes(routes!(search::search))
        .routes(routes!(by_category::by_category))
        .routes(routes!(by_category::top_rated))
        .routes(routes!(similar::similar))
        .routes(routes!(create::create).layer(picture))
        .routes(routes!(update::update).layer(picture))
        .routes(routes!(active::set_active).layer(small))
        .routes(routes!(delete::delete));
    if config.seed { routes.routes(routes!(seed::seed)) } else { routes }
}

/// The gig a path names: what is no id names none.
fn gig_id(text: &str) -> Result<GigId, ApiError> {
    text.parse().map_err(|_| not_found())
}

fn not_found() -> ApiError {
    ApiError::from(GigError::NotFound)
}

/// What was found, as an answer to this caller. That the store had to answer is logged, and the index looked after.
fn found(service: &GigService, caller: Option<&Caller>, message: &str, page: SearchPage) -> GigSearchAnswer {
    if let Some(reason) = &page.degraded {
        tracing::warn!(reason = jobapp_runtime::error_text(reason), "the store answers in place of the search index");
        service.degraded.notify_one();
    }
    GigSearchAnswer {
        message: message.to_owned(),
        total: page.total,
        gigs: page.gigs.into_iter().map(|gig| shown_for(caller.is_some(), &*service.shared.media, gig)).collect(),
        degraded: page.degraded.is_some(),
    }
}
