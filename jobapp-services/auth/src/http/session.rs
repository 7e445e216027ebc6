//! The gateway's routes: `POST /session/refresh`, `POST /session/end`, `GET /session/ended` and
//! `GET /session/{sid}/alive`

use std::time::Duration;

use axum::Json;
use axum::extract::{Query, State};
use jobapp_auth::AuthError;
use jobapp_http::{ApiError, ErrorBody, JsonBody, MaybeCaller};
use jobapp_kernel::{Aggregate, Timestamp};
use jobapp_wire::auth::{EndedSession, EndedSessionsAnswer, RefreshBody, SessionAnswer};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::answers::opened;
use super::{Segment, caller_id, refused, segment};
use crate::AuthService;

const REFRESH: &str = "Session refresh() method error";
const END: &str = "Session end() method error";
const ENDED: &str = "Session ended() method error";
const ALIVE: &str = "Session alive() method error";

/// How far back the ended sessions go when nobody says: longer than an access token lives.
const LATELY: Duration = Duration::from_secs(20 * 60);
/// The most ended sessions in one answer.
const MOST: usize = 100_000;

/// Renews a session with its refresh token, which is spent by that.
#[utoipa::path(post, path = "/api/v1/auth/session/refresh", tag = "session", request_body = RefreshBody, responses(
    (status = 200, description = "The user and new tokens.", body = SessionAnswer),
    (status = 401, description = "The session is over, or the token is spent: then the session is over now.", body = ErrorBody),
))]
pub(crate) async fn refresh(
    State(service): State<AuthService>,
    body: JsonBody,
) -> Result<Json<SessionAnswer>, ApiError> {
    let token = RefreshBody::parse(&body.value).refresh_token;
    let token = token.ok_or_else(|| refused(AuthError::SessionOver, REFRESH))?;
    let open = service.auth.refresh(token.expose()).await.map_err(|error| refused(error, REFRESH))?;
    Ok(Json(opened(&service, "Session refreshed", &open)?))
}

/// The answer of [`end`].
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EndAnswer {
    message: &'static str,
    /// Whether there was a session to end.
    ended: bool,
}

/// Ends a session by its access token, its refresh token or both. Without either there is nothing to do.
#[utoipa::path(post, path = "/api/v1/auth/session/end", tag = "session", request_body = RefreshBody, responses(
    (status = 200, description = "It is over.", body = EndAnswer),
))]
pub(crate) async fn end(
    State(service): State<AuthService>,
    MaybeCaller(caller): MaybeCaller,
    body: JsonBody,
) -> Result<Json<EndAnswer>, ApiError> {
    let caller = caller.as_ref().map(caller_id).transpose().map_err(|error| refused(error, END))?;
    let token = RefreshBody::parse(&body.value).refresh_token;
    let ended = service.auth.sign_out(caller, token.as_ref().map(|token| token.expose())).await;
    let ended = ended.map_err(|error| refused(error, END))?;
    Ok(Json(EndAnswer { message: "Session ended", ended }))
}

/// The query of [`ended`].
#[derive(Debug, Deserialize)]
pub(crate) struct EndedQuery {
    since: Option<String>,
}

/// The sessions that ended lately, so that a gateway that has just started refuses their access tokens.
#[utoipa::path(get, path = "/api/v1/auth/session/ended", tag = "session",
    params(("since" = Option<String>, Query, description = "A date, or milliseconds since 1970; twenty minutes ago by default.")),
    responses(
        (status = 200, description = "The sessions.", body = EndedSessionsAnswer),
        (status = 400, description = "The date cannot be read.", body = ErrorBody),
    ))]
pub(crate) async fn ended(
    State(service): State<AuthService>,
    Query(query): Query<EndedQuery>,
) -> Result<Json<EndedSessionsAnswer>, ApiError> {
    let since = match query.since.as_deref() {
        None | Some("") => service.shared.clock.now().minus(LATELY),
        Some(text) => date(text).ok_or_else(|| ApiError::bad_request("since must be a date.").at(ENDED))?,
    };
    let sessions = service.auth.ended_since(since, MOST).await.map_err(|error| refused(error, ENDED))?;
    let ended = sessions.iter().filter_map(|session| {
        let (ended_at, _) = session.ended()?;
        Some(EndedSession { sid: session.id().to_string(), username: session.username().to_string(), ended_at })
    });
    Ok(Json(EndedSessionsAnswer { message: "Ended sessions".to_owned(), sessions: ended.collect() }))
}

/// The answer of [`alive`].
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AliveAnswer {
    message: &'static str,
    /// Whether the session goes on.
    alive: bool,
}

/// Whether a session goes on, however old its access token is. For sockets, whose handshake renews nothing.
#[utoipa::path(get, path = "/api/v1/auth/session/{sid}/alive", tag = "session",
    params(("sid" = String, Path, description = "The session's id.")),
    responses((status = 200, description = "Whether it goes on; a session that never was does not.", body = AliveAnswer)))]
pub(crate) async fn alive(State(service): State<AuthService>, sid: Segment) -> Result<Json<AliveAnswer>, ApiError> {
    let alive = match segment(sid).parse() {
        Ok(sid) => service.auth.is_live(sid).await.map_err(|error| refused(error, ALIVE))?,
        Err(_) => false,
    };
    Ok(Json(AliveAnswer { message: "Session", alive }))
}

fn date(text: &str) -> Option<Timestamp> {
    match text.parse::<i64>() {
        Ok(millis) => Timestamp::from_millis(millis).ok(),
        Err(_) => text.parse().ok(),
    }
}
