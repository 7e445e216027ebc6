//! Routes the gateway answers itself: who is here and who is gone.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use jobapp_http::{ApiError, Caller};
use jobapp_realtime::Realtime;
use serde_json::json;

use crate::table::matching::Match;

/// `GET /auth/logged-in-user`.
pub(crate) fn online(realtime: &Realtime, caller: Option<&Caller>) -> Response {
    if let Some(caller) = caller {
        realtime.seen(caller.username());
    }
    Json(json!({ "message": "User is online" })).into_response()
}

/// `DELETE /auth/logged-in-user/:username`: only one's own name.
pub(crate) fn offline(realtime: &Realtime, caller: Option<&Caller>, found: &Match) -> Result<Response, ApiError> {
    let name = found.parameters.first().map_or("", |(_, value)| value.trim());
    if name.is_empty() {
        return Err(ApiError::new(StatusCode::BAD_REQUEST, "Username is required"));
    }
    let caller = caller.ok_or_else(|| ApiError::unauthorized("Token is not available. Please login again."))?;
    caller.must_be(name)?;
    realtime.off(caller.username());
    Ok(Json(json!({ "message": "User is offline" })).into_response())
}
