//! The routes.

mod answers;
mod current;
mod email;
mod health;
mod passwords;
mod second_factor;
mod seed;
mod session;
mod sessions;
mod sign_in;
mod sign_up;

use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{DefaultBodyLimit, Path};
use http::HeaderMap;
use jobapp_auth::{AuthError, CallerId, OneTimeSecret, Origin};
use jobapp_http::{ApiError, CLIENT_ADDRESS, Caller, DEVICE_TOKEN};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::AuthService;

pub(crate) fn router(service: &AuthService) -> Router {
    let guard = axum::middleware::from_fn_with_state(service.shared.guard(AuthService::AUDIENCES), jobapp_http::guard);
    let config = &service.config;
    let (small, _) = routes(config.seed).split_for_parts();
    let (large, _) = picture_routes().split_for_parts();
    let guarded = small
        .layer(DefaultBodyLimit::max(config.body_limit))
        .merge(large.layer(DefaultBodyLimit::max(config.picture_limit)))
        .route_layer(guard)
        .with_state(service.clone());
    let (open, _) = open_routes().split_for_parts();
    guarded.merge(open).fallback(jobapp_http::not_found)
}

pub(crate) fn openapi() -> utoipa::openapi::OpenApi {
    let mut document = routes(true).into_openapi();
    document.merge(picture_routes().into_openapi());
    document.merge(open_routes().into_openapi());
    document.info = utoipa::openapi::InfoBuilder::new()
        .title("JobApp auth")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some("Accounts, sign-in and sessions."))
        .build();
    document
}

fn open_routes() -> OpenApiRouter {
    OpenApiRouter::new().routes(routes!(health::health))
}

fn picture_routes() -> OpenApiRouter<AuthService> {
    OpenApiRouter::new().routes(routes!(sign_up::sign_up))
}

fn routes(seed: bool) -> OpenApiRouter<AuthService> {
    let routes = OpenApiRouter::new()
        .routes(routes!(sign_in::sign_in))
        .routes(routes!(sign_in::verify_otp))
        .routes(routes!(email::verify))
        .routes(routes!(email::resend))
        .routes(routes!(passwords::forgot))
        .routes(routes!(passwords::reset))
        .routes(routes!(passwords::change))
        .routes(routes!(current::refresh_token))
        .routes(routes!(current::current_user))
        .routes(routes!(session::refresh))
        .routes(routes!(session::end))
        .routes(routes!(session::ended))
        .routes(routes!(session::alive))
        .routes(routes!(sessions::list))
        .routes(routes!(sessions::end))
        .routes(routes!(second_factor::status, second_factor::begin, second_factor::confirm, second_factor::end));
    if seed { routes.routes(routes!(seed::seed)) } else { routes }
}

/// A path segment; one that is no UTF-8 is as good as empty.
type Segment = Result<Path<String>, PathRejection>;

fn segment(path: Segment) -> String {
    path.map(|Path(text)| text).unwrap_or_default()
}

/// Who calls, as the use cases know it.
fn caller_id(caller: &Caller) -> Result<CallerId, AuthError> {
    CallerId::new(caller.claims.id, &caller.claims.sid)
}

/// Where the request comes from, as the gateway says.
fn origin(headers: &HeaderMap) -> Origin {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).filter(|text| !text.is_empty());
    Origin {
        address: text(CLIENT_ADDRESS).unwrap_or_default().to_owned(),
        device_token: text(DEVICE_TOKEN).map(OneTimeSecret::new),
    }
}

/// The answer for an error of a use case. `at` is where it came from, for logs.
fn refused(error: AuthError, at: &'static str) -> ApiError {
    if let AuthError::Stolen { session, username } = &error {
        tracing::warn!(
            %session,
            %username,
            "a spent refresh token was presented, so the session {session} of {username} was ended"
        );
    }
    if let AuthError::TooManyAttempts { wait } = &error {
        let seconds = wait.as_millis().div_ceil(1000);
        return ApiError::from(error).retry_after(u32::try_from(seconds).unwrap_or(u32::MAX)).at(at);
    }
    ApiError::from(error).at(at)
}
