//! From a client's request to a service's answer and back.

use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use http_body_util::{BodyExt, Limited};
use jobapp_http::{ApiError, Caller};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};

use crate::drain::DrainOnDrop;
use crate::matching::{self, Found, Match};
use crate::routes::{Answer, BodySize, Sends, Session, Target};
use crate::session::{Cookies, SetCookies};
use crate::upstreams::Call;
use crate::{Gateway, local};

/// What may stand in a path segment as it is (RFC 3986 §2.3): everything else is encoded, slashes above all.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The largest answer the gateway reads itself, in bytes.
const READ_ANSWER: usize = 16 * 1024 * 1024;

const LOGIN_AGAIN: &str = "Token is not available. Please login again.";

/// Answers any request below the base path.
pub(crate) async fn answer(gateway: &Gateway, request: Request, path: &str) -> Response {
    let (mut parts, body) = request.into_parts();
    let body = DrainOnDrop::wrap(body);
    let cookies = Cookies::read(&parts.headers);
    let found = matching::find(gateway.routes(), &parts.method, path);
    let mut set_cookies = None;
    let outcome = async {
        let found = match found {
            Found::Route(found) => Some(found),
            Found::Nothing => None,
            Found::NotText => return Err(ApiError::bad_request("The path is not valid UTF-8.")),
        };
        let caller = match found.as_ref().map(|found| found.route.answer) {
            // Signing out never renews what it ends.
            Some(Answer::SignOut) => live_caller(gateway, &cookies).map(|caller| (caller, cookies.access.clone())),
            _ => session(gateway, &cookies, &mut set_cookies).await,
        };
        let private = found.as_ref().is_none_or(|found| found.route.private);
        if private && caller.is_none() {
            let at = match cookies.access {
                None => "GatewayService verifyUser() method error",
                Some(_) => "GatewayService verifyUser() method invalid session error",
            };
            return Err(ApiError::unauthorized(LOGIN_AGAIN).at(at));
        }
        let Some(found) = found else { return Err(ApiError::not_found("The endpoint called does not exist.")) };
        let (caller, bearer) = caller.map_or((None, None), |(caller, token)| (Some(caller), token));
        match found.route.answer {
            Answer::SignOut => Ok(local::sign_out(gateway, &cookies, bearer).await),
            Answer::Online => Ok(local::online(gateway, caller.as_ref())),
            Answer::Offline => local::offline(gateway, caller.as_ref(), &found),
            Answer::Forward { target, path } => {
                forward(gateway, &mut parts, body, &cookies, &found, target, path, bearer).await
            }
        }
    }
    .await;
    let mut response = outcome.unwrap_or_else(IntoResponse::into_response);
    // The answer may set or clear the session itself; that is the newer word.
    if let Some(cookies) = set_cookies
        && !response.headers().contains_key(http::header::SET_COOKIE)
    {
        SetCookies::apply(cookies, response.headers_mut());
    }
    response
}

/// The caller and the access token, renewed when it has expired and the refresh token is good.
async fn session(
    gateway: &Gateway,
    cookies: &Cookies,
    set_cookies: &mut Option<SetCookies>,
) -> Option<(Caller, Option<String>)> {
    if let Some(caller) = live_caller(gateway, cookies) {
        return Some((caller, cookies.access.clone()));
    }
    let refresh = cookies.refresh.as_deref()?;
    let answer = local::call_json(
        gateway,
        Method::POST,
        "/session/refresh",
        serde_json::json!({ "refreshToken": refresh }),
        None,
    )
    .await
    .inspect_err(|error| tracing::debug!(error = error.message(), "a session could not be renewed"))
    .ok()?;
    let token = answer.get("token").and_then(Value::as_str)?;
    let successor = answer.get("refreshToken").and_then(Value::as_str);
    let claims = gateway.users().verify(token).ok()?;
    *set_cookies = Some(SetCookies::start(gateway.config(), token, successor));
    Some((Caller { claims }, Some(token.to_owned())))
}

/// The caller the access token vouches for, unless the session was ended.
fn live_caller(gateway: &Gateway, cookies: &Cookies) -> Option<Caller> {
    cookies.caller(gateway.users()).filter(|caller| !gateway.ended().has(&caller.claims.sid))
}

#[expect(clippy::too_many_arguments, reason = "one call site; a struct would only rename the arguments")]
async fn forward(
    gateway: &Gateway,
    parts: &mut http::request::Parts,
    body: Body,
    cookies: &Cookies,
    found: &Match<'_>,
    target: Target,
    pattern: &str,
    bearer: Option<String>,
) -> Result<Response, ApiError> {
    let mut path = downstream_path(pattern, found);
    if found.route.sends == Sends::Query
        && let Some(query) = parts.uri.query()
    {
        path.push('?');
        path.push_str(&last_values(query));
    }
    let mut headers = Vec::new();
    for name in ["idempotency-key", "x-request-id", "traceparent"] {
        if let Some(value) = parts.headers.get(name) {
            headers.push((name, value.clone()));
        }
    }
    if let Some(pending) = cookies.pending.as_deref().and_then(|token| HeaderValue::try_from(token).ok()) {
        headers.push(("x-pending-token", pending));
    }
    let body = downstream_body(gateway, parts, body, found).await?;
    let method = found.route.method.clone();
    let response = gateway.upstreams().call(Call { target, method, path, bearer, body, headers }).await?;
    if !response.status().is_success() {
        return Ok(error_answer(response));
    }
    let status = StatusCode::from_u16(found.route.status).unwrap_or(StatusCode::OK);
    if found.route.keys.is_empty() && found.route.session == Session::Keep {
        let (head, body) = response.into_parts();
        let mut answer = Response::new(body);
        *answer.status_mut() = status;
        copy(&head.headers, answer.headers_mut(), &[CONTENT_TYPE, CONTENT_LENGTH]);
        return Ok(answer);
    }
    shaped_answer(gateway, found, status, response).await
}

/// Reads a good answer, keeps the route's keys and turns tokens into cookies.
async fn shaped_answer(
    gateway: &Gateway,
    found: &Match<'_>,
    status: StatusCode,
    response: Response,
) -> Result<Response, ApiError> {
    let mut answer = read_json(response).await?;
    let cookies = match found.route.session {
        Session::Keep => None,
        Session::Start => session_cookies(gateway, &answer),
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

fn session_cookies(gateway: &Gateway, answer: &Value) -> Option<SetCookies> {
    let text = |key: &str| answer.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
    if let Some(pending) = text("pendingToken") {
        return Some(SetCookies::pending(gateway.config(), pending));
    }
    text("token").map(|token| SetCookies::start(gateway.config(), token, text("refreshToken")))
}

/// A service's error, as it is; an answer that is no JSON is replaced.
fn error_answer(response: Response) -> Response {
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

fn copy(from: &HeaderMap, to: &mut HeaderMap, names: &[http::HeaderName]) {
    for name in names {
        if let Some(value) = from.get(name) {
            to.insert(name.clone(), value.clone());
        }
    }
}

/// Reads an answer's body as JSON.
pub(crate) async fn read_json(response: Response) -> Result<Value, ApiError> {
    let bytes = Limited::new(response.into_body(), READ_ANSWER).collect().await.map_err(|error| {
        tracing::warn!(%error, "a service's answer broke off");
        unreadable()
    })?;
    serde_json::from_slice(&bytes.to_bytes()).map_err(|_| unreadable())
}

fn unreadable() -> ApiError {
    ApiError::new(StatusCode::BAD_GATEWAY, "The service's answer could not be read.").at("Gateway: answer unreadable")
}

fn downstream_path(pattern: &str, found: &Match<'_>) -> String {
    let mut path = String::with_capacity(pattern.len() + 32);
    for part in pattern.split('/').skip(1) {
        path.push('/');
        match part.strip_prefix(':') {
            None => path.push_str(part),
            Some(name) => {
                let value = found.parameters.iter().find(|(own, _)| *own == name).map_or("", |(_, value)| value);
                // A segment of dots would climb the path wherever it is normalised.
                match value {
                    "." => path.push_str("%2E"),
                    ".." => path.push_str("%2E%2E"),
                    _ => path.extend(utf8_percent_encode(value, SEGMENT)),
                }
            }
        }
    }
    path
}

/// The query with only the last value of each repeated key, encoded anew.
fn last_values(query: &str) -> String {
    let mut pairs: Vec<(String, String)> = Vec::new();
    for (key, value) in form_urlencoded::parse(query.as_bytes()) {
        match pairs.iter_mut().find(|(known, _)| *known == key) {
            Some((_, last)) => *last = value.into_owned(),
            None => pairs.push((key.into_owned(), value.into_owned())),
        }
    }
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

async fn downstream_body(
    gateway: &Gateway,
    parts: &http::request::Parts,
    body: Body,
    found: &Match<'_>,
) -> Result<Option<(HeaderValue, Body)>, ApiError> {
    let json = HeaderValue::from_static("application/json");
    match found.route.sends {
        Sends::Nothing | Sends::Query => Ok(None),
        Sends::Whole(size) => {
            let limit = gateway.limit(size);
            refuse_declared(&parts.headers, limit)?;
            let content_type = parts.headers.get(CONTENT_TYPE).cloned().unwrap_or(json);
            Ok(Some((content_type, Body::new(Limited::new(body, limit)))))
        }
        Sends::Keys(keys) => {
            let limit = gateway.limit(BodySize::Small);
            refuse_declared(&parts.headers, limit)?;
            let mut request = Request::new(Body::new(Limited::new(body, limit)));
            *request.headers_mut() = parts.headers.clone();
            let read = <jobapp_http::JsonBody as axum::extract::FromRequest<()>>::from_request(request, &()).await?;
            let mut picked = Map::new();
            for key in keys {
                if let Some(value) = read.value.get(*key) {
                    picked.insert((*key).to_owned(), value.clone());
                }
            }
            Ok(Some((json, Body::from(Value::Object(picked).to_string()))))
        }
    }
}

/// Refuses a body that says itself that it is too large, before any of it is read.
fn refuse_declared(headers: &HeaderMap, limit: usize) -> Result<(), ApiError> {
    let declared = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    match declared {
        Some(length) if length > limit as u64 => Err(ApiError::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("The body has {length} bytes; this route accepts {limit}."),
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_query_key_keeps_its_last_value() {
        assert_eq!(last_values("a=1&b=x%26y&a=2&c"), "a=2&b=x%26y&c=");
    }

    #[test]
    fn parameters_are_encoded_and_cannot_climb() {
        let routes = crate::routes::all();
        let at = |path: &str| match matching::find(&routes, &Method::GET, path) {
            Found::Route(found) => downstream_path("/:gigId", &found),
            other => panic!("{other:?}"),
        };
        assert_eq!(at("/gig/..%2Fmetrics"), "/..%2Fmetrics");
        assert_eq!(at("/gig/.."), "/%2E%2E");
        assert_eq!(at("/gig/a%20b%3F%23"), "/a%20b%3F%23");
    }
}
