//! What of a service's answer goes back to the client.

use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, VARY};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use jobapp_http::ApiError;
use serde_json::{Map, Value};

use crate::calls::reading::{read_json, unreadable};
use crate::door::cors::COOKIE_AND_ORIGIN;
use crate::identity::sessions::Sessions;
use crate::table::matching::Match;
use crate::table::route::Session;

/// Says to caches that an answer is for this caller alone: his browser may keep what he reads, and asks each time whether it
/// is still right.
pub(crate) fn keep_private(method: &Method, response: &mut Response) {
    let is_read = matches!(*method, Method::GET | Method::HEAD) && response.status().is_success();
    let headers = response.headers_mut();
    if is_read {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
        headers.append(VARY, HeaderValue::from_static(COOKIE_AND_ORIGIN));
    } else {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}

/// Reads a good answer, keeps the route's keys and turns tokens into cookies.
pub(crate) async fn shaped_answer(
    sessions: &Sessions,
    found: &Match,
    status: StatusCode,
    response: Response,
) -> Result<Response, ApiError> {
    let mut answer = read_json(response).await?;
    let cookies = match found.route.session {
        Session::Keep | Session::Copy => None,
        Session::Start => sessions.begun(&answer),
    };
    let object = answer.as_object_mut().ok_or_else(unreadable)?;
    let mut kept = Map::new();
    for key in found.route.keys {
        if let Some(value) = object.remove(*key) {
            kept.insert((*key).to_owned(), value);
        }
    }
    let mut response = (status, axum::Json(Value::Object(kept))).into_response();
    if let Some(cookies) = cookies {
        cookies.apply(response.headers_mut());
    }
    Ok(response)
}

/// A service's error, as it is; an answer that is no JSON is replaced.
pub(crate) fn error_answer(response: Response) -> Response {
    let (head, body) = response.into_parts();
    let json = head.headers.get(CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(b"application/json"));
    if !json {
        let text = head.status.canonical_reason().unwrap_or("The request failed.");
        return ApiError::new(head.status, text).at("Gateway: the service's error was no JSON").into_response();
    }
    let mut answer = Response::new(body);
    *answer.status_mut() = head.status;
    copy(&head.headers, answer.headers_mut(), &[CONTENT_TYPE, CONTENT_LENGTH, RETRY_AFTER]);
    answer
}

/// Copies headers of these names.
pub(crate) fn copy(from: &HeaderMap, to: &mut HeaderMap, names: &[http::HeaderName]) {
    for name in names {
        if let Some(value) = from.get(name) {
            to.insert(name.clone(), value.clone());
        }
    }
}
