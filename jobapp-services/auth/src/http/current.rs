//! `GET /currentuser` and `GET /refresh-token/{username}`

use axum::Json;
use axum::extract::State;
use jobapp_auth::AuthError;
use jobapp_http::{ApiError, Caller, ErrorBody};
use jobapp_kernel::folded;
use jobapp_wire::auth::{SessionAnswer, UserAnswer};

use super::answers::{access_token, user};
use super::{Segment, caller_id, refused, segment};
use crate::AuthService;

const CURRENT: &str = "CurrentUser read() method error";
const REFRESH: &str = "RefreshToken token() method error";

/// The caller.
#[utoipa::path(get, path = "/api/v1/auth/currentuser", tag = "auth", responses(
    (status = 200, description = "The user.", body = UserAnswer),
    (status = 401, description = "Nobody is signed in, or the session is over.", body = ErrorBody),
))]
pub(crate) async fn current_user(
    State(service): State<AuthService>,
    caller: Caller,
) -> Result<Json<UserAnswer>, ApiError> {
    let caller = caller_id(&caller).map_err(|error| refused(error, CURRENT))?;
    let account = service.auth.current(caller).await.map_err(|error| refused(error, CURRENT))?;
    Ok(Json(UserAnswer { message: "Authenticated user".to_owned(), user: user(&service, &account) }))
}

/// A new access token for the caller's session, which goes on with the refresh token it has.
#[utoipa::path(get, path = "/api/v1/auth/refresh-token/{username}", tag = "auth",
    params(("username" = String, Path, description = "The caller's own name, however it is typed.")),
    responses(
        (status = 200, description = "The user and an access token.", body = SessionAnswer),
        (status = 401, description = "Nobody is signed in, or the session is over.", body = ErrorBody),
        (status = 403, description = "The name is somebody else's.", body = ErrorBody),
    ))]
pub(crate) async fn refresh_token(
    State(service): State<AuthService>,
    caller: Caller,
    username: Segment,
) -> Result<Json<SessionAnswer>, ApiError> {
    let username = segment(username);
    if folded(&username) != folded(caller.username()) {
        caller.must_be(&username).map_err(|error| error.at(REFRESH))?;
    }
    let caller = caller_id(&caller).map_err(|error| refused(error, REFRESH))?;
    // A token of a system without sessions could be renewed for ever: there would be nothing to end.
    let session = caller.session.ok_or(AuthError::SessionOver).map_err(|error| refused(error, REFRESH))?;
    let account = service.auth.current(caller).await.map_err(|error| refused(error, REFRESH))?;
    Ok(Json(SessionAnswer {
        message: "Refresh token".to_owned(),
        token: access_token(&service, &account, session)?,
        user: user(&service, &account),
        refresh_token: None,
        device_token: None,
    }))
}
