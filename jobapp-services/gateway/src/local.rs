//! Routes the gateway answers itself: sign-out and presence.

use axum::Json;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, Method, StatusCode};
use jobapp_http::{ApiError, Caller};
use serde_json::{Value, json};

use crate::Gateway;
use crate::forward::read_json;
use crate::matching::Match;
use crate::routes::Target;
use crate::session::{Cookies, SetCookies};
use crate::tokens::Signed;
use crate::upstreams::{Call, Passed, Upstreams};

/// Calls the auth service with a JSON body, unless it is null, and reads its good answer.
pub(crate) async fn call_auth(
    upstreams: &Upstreams,
    method: Method,
    path: &str,
    body: Value,
    bearer: Option<HeaderValue>,
) -> Result<Value, ApiError> {
    let call = Call {
        target: Target::Auth,
        method,
        path: path.to_owned(),
        bearer,
        body: (!body.is_null()).then(|| (HeaderValue::from_static("application/json"), Body::from(body.to_string()))),
        passed: Passed::default(),
    };
    let response = upstreams.call(call).await?;
    let status = response.status();
    let answer = read_json(response).await?;
    if status.is_success() {
        return Ok(answer);
    }
    let text = answer.get("message").and_then(Value::as_str).unwrap_or("The request failed.");
    Err(ApiError::new(status, text))
}

/// `POST /auth/signout`: ends the session by either cookie and clears both. Always 200, so that a browser is never kept
/// signed in by an outage; the session then ends with its tokens. `sessionEnded` tells whether there was a session, and is now
/// over everywhere.
pub(crate) async fn sign_out(gateway: &Gateway, cookies: &Cookies, signed: Option<&Signed>) -> Response {
    let ended = if signed.is_some() || cookies.refresh.is_some() {
        // The session is over for this gateway even if the auth service is away.
        if let Some(signed) = cookies.signed(gateway.users()) {
            gateway.end_session(&signed.caller.claims.sid);
        }
        let bearer = signed.map(|signed| signed.bearer.clone());
        let body = json!({ "refreshToken": cookies.refresh });
        match call_auth(gateway.upstreams(), Method::POST, "/session/end", body, bearer).await {
            Ok(answer) => answer["ended"] == true,
            Err(error) => {
                tracing::warn!(error = error.message(), "a session could not be ended at sign-out");
                false
            }
        }
    } else {
        false
    };
    let body = json!({ "message": "Logout successful", "user": {}, "sessionEnded": ended });
    let mut response = Json(body).into_response();
    SetCookies::clear(gateway.config()).apply(response.headers_mut());
    response
}

/// `GET /auth/logged-in-user`.
pub(crate) fn online(gateway: &Gateway, caller: Option<&Caller>) -> Response {
    if let Some(caller) = caller {
        gateway.realtime().seen(caller.username());
    }
    Json(json!({ "message": "User is online" })).into_response()
}

/// `DELETE /auth/logged-in-user/:username`: only one's own name.
pub(crate) fn offline(gateway: &Gateway, caller: Option<&Caller>, found: &Match) -> Result<Response, ApiError> {
    let name = found.parameters.first().map_or("", |(_, value)| value.trim());
    if name.is_empty() {
        return Err(ApiError::new(StatusCode::BAD_REQUEST, "Username is required"));
    }
    let caller = caller.ok_or_else(|| ApiError::unauthorized("Token is not available. Please login again."))?;
    caller.must_be(name)?;
    gateway.realtime().off(caller.username());
    Ok(Json(json!({ "message": "User is offline" })).into_response())
}
