//! Questions to the auth service that are the gateway's own.

use axum::body::Body;
use http::{HeaderValue, Method};
use jobapp_http::ApiError;
use serde_json::Value;

use super::reading::read_json;
use super::upstreams::{Call, Passed, Upstreams};
use crate::table::route::Target;

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
