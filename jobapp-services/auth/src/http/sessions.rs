//! `GET /sessions` and `DELETE /sessions/{sid}`

use axum::Json;
use axum::extract::State;
use jobapp_auth::AuthError;
use jobapp_http::{ApiError, Caller, ErrorBody};
use jobapp_wire::auth::{MessageAnswer, SessionsAnswer};

use super::answers::{message, session};
use super::{Segment, caller_id, refused, segment};
use crate::AuthService;

const AT: &str = "Sessions method error";

/// Where the caller is signed in.
#[utoipa::path(get, path = "/api/v1/auth/sessions", tag = "session", responses(
    (status = 200, description = "The caller's sessions, the last used one first.", body = SessionsAnswer),
    (status = 401, description = "Nobody is signed in.", body = ErrorBody),
))]
pub(crate) async fn list(State(service): State<AuthService>, caller: Caller) -> Result<Json<SessionsAnswer>, ApiError> {
    let caller = caller_id(&caller).map_err(|error| refused(error, AT))?;
    let sessions = service.auth.sessions(caller).await.map_err(|error| refused(error, AT))?;
    let sessions = sessions.iter().map(|one| session(one, caller.session)).collect();
    Ok(Json(SessionsAnswer { message: "Sessions".to_owned(), sessions }))
}

/// Ends one of the caller's sessions. Ending one that is over is a success.
#[utoipa::path(delete, path = "/api/v1/auth/sessions/{sid}", tag = "session",
    params(("sid" = String, Path, description = "The session's id.")),
    responses(
        (status = 200, description = "It is over.", body = MessageAnswer),
        (status = 401, description = "Nobody is signed in.", body = ErrorBody),
        (status = 404, description = "The caller has no such session.", body = ErrorBody),
    ))]
pub(crate) async fn end(
    State(service): State<AuthService>,
    caller: Caller,
    sid: Segment,
) -> Result<Json<MessageAnswer>, ApiError> {
    let caller = caller_id(&caller).map_err(|error| refused(error, AT))?;
    let sid = segment(sid).parse().map_err(|_| refused(AuthError::NoSuchSession, AT))?;
    service.auth.end_session(caller, sid).await.map_err(|error| refused(error, AT))?;
    Ok(Json(message("Session ended")))
}
