//! The routes.

mod conversations;
mod health;
mod mark_as_read;
mod messages;
mod offer;
mod send;

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, FromRef};
use jobapp_http::{ApiError, Caller, FileIntake, Segments, segments};
use jobapp_kernel::ObjectId;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::{ChatConfig, ChatService};

pub(crate) fn router(service: &ChatService) -> Router {
    let guard = axum::middleware::from_fn_with_state(service.shared.guard(ChatService::AUDIENCES), jobapp_http::guard);
    let (guarded, _) = guarded_routes(&service.config).split_for_parts();
    let (open, _) = open_routes().split_for_parts();
    // A path that takes another method is as unknown as any other.
    let guarded = guarded.method_not_allowed_fallback(jobapp_http::not_found).route_layer(guard);
    guarded.with_state(service.clone()).merge(open).fallback(jobapp_http::not_found)
}

pub(crate) fn openapi() -> utoipa::openapi::OpenApi {
    let mut document = guarded_routes(&ChatConfig::default()).into_openapi();
    document.merge(open_routes().into_openapi());
    document.info = utoipa::openapi::InfoBuilder::new()
        .title("JobApp chat")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some("Conversations, messages and offers."))
        .build();
    document
}

fn open_routes() -> OpenApiRouter {
    OpenApiRouter::new().routes(routes!(health::health))
}

fn guarded_routes(config: &ChatConfig) -> OpenApiRouter<ChatService> {
    let plain = OpenApiRouter::new()
        .routes(routes!(conversations::between))
        .routes(routes!(conversations::of_user))
        .routes(routes!(messages::between))
        .routes(routes!(messages::of_conversation))
        .routes(routes!(offer::answer))
        .routes(routes!(mark_as_read::one))
        .routes(routes!(mark_as_read::all))
        .layer(DefaultBodyLimit::max(config.body_limit));
    let with_files = OpenApiRouter::new()
        .routes(routes!(send::send))
        .route("/api/v1/message/", axum::routing::post(send::send))
        .layer(DefaultBodyLimit::max(config.file_body_limit));
    plain.merge(with_files)
}

/// Where the files of the routes that take them go.
impl FromRef<ChatService> for FileIntake {
    fn from_ref(service: &ChatService) -> Self {
        Self { media: Arc::clone(&service.chat.media), field: "file", limit: service.config.body_limit }
    }
}

/// Refuses a caller who is neither of the two.
fn must_be_one_of(caller: &Caller, one: &str, other: &str) -> Result<(), ApiError> {
    if caller.is(one) || caller.is(other) {
        Ok(())
    } else {
        Err(ApiError::forbidden("This conversation belongs to others."))
    }
}

fn message_id(text: &str) -> Result<ObjectId, ApiError> {
    text.parse().map_err(|_| ApiError::bad_request("\"messageId\" must be the id of a message"))
}
