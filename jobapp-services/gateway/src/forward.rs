//! From a client's request to a service's answer and back.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, VARY};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use http_body::Body as _;
use http_body_util::{BodyExt, Limited};
use jobapp_http::{ApiError, Coding};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};
use tracing::{Instrument, Span};

use crate::cache::{CacheRule, Key};
use crate::drain::DrainOnDrop;
use crate::matching::{Match, Place};
use crate::policy::access_log::AnsweredFor;
use crate::policy::body_limit::limited;
use crate::policy::client_address::ClientAddress;
use crate::policy::cors::COOKIE_AND_ORIGIN;
use crate::policy::request_id;
use crate::routes::{Answer, BodySize, Sends, Session, Target};
use crate::session::{Cookies, SetCookies};
use crate::tokens::Signed;
use crate::upstreams::{Call, Passed};
use crate::{Gateway, bff, local};

/// What may stand in a path segment as it is (RFC 3986 §2.3): everything else is encoded, slashes above all.
pub(crate) const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The largest answer the gateway reads itself, in bytes.
const READ_ANSWER: usize = 16 * 1024 * 1024;

const LOGIN_AGAIN: &str = "Token is not available. Please login again.";

/// Answers any request below the base path. [`Place`] says where it leads.
pub(crate) async fn answer(gateway: Gateway, request: Request, place: Place) -> Result<Response, Infallible> {
    let (parts, body) = request.into_parts();
    let mut exchange = Exchange {
        gateway: &gateway,
        cookies: Cookies::read(&parts.headers),
        address: ClientAddress::of(&parts.extensions),
        passed: Passed::of(&parts.headers),
        parts,
        signed: None,
        renewed: None,
    };
    let body = DrainOnDrop::wrap(body);
    let outcome = exchange.answer(body, place).await;
    let mut response = outcome.unwrap_or_else(IntoResponse::into_response);
    if let Some(signed) = exchange.signed {
        response.extensions_mut().insert(AnsweredFor(signed));
    }
    // The answer may set or clear the session itself; that is the newer word.
    if let Some(cookies) = exchange.renewed
        && !response.headers().contains_key(http::header::SET_COOKIE)
    {
        SetCookies::apply(cookies, response.headers_mut());
    }
    keep_private(&exchange.parts.method, &mut response);
    Ok(response)
}

/// Says to caches that an answer is for this caller alone: his browser may keep what he reads, and asks each time whether it
/// is still right.
fn keep_private(method: &Method, response: &mut Response) {
    let is_read = matches!(*method, Method::GET | Method::HEAD) && response.status().is_success();
    let headers = response.headers_mut();
    if is_read {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
        headers.append(VARY, HeaderValue::from_static(COOKIE_AND_ORIGIN));
    } else {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}

/// One request on its way. Who it is for stands here and nowhere else.
struct Exchange<'g> {
    gateway: &'g Gateway,
    parts: Parts,
    cookies: Cookies,
    address: ClientAddress,
    passed: Passed,
    signed: Option<Arc<Signed>>,
    /// The cookies of a session that was renewed on the way.
    renewed: Option<SetCookies>,
}

impl Exchange<'_> {
    async fn answer(&mut self, body: Body, place: Place) -> Result<Response, ApiError> {
        let found = match place {
            Place::Route(found) => Some(found),
            Place::Nowhere | Place::Elsewhere(_) => None,
            Place::OtherMethod(allow) => return other_method(&self.parts.method, allow),
            Place::NotText => return Err(ApiError::bad_request("The path is not valid UTF-8.")),
        };
        let route = found.as_ref().map(|found| found.route);
        if route.is_some_and(|route| route.answer == Answer::SignOut) {
            // Signing out never renews what it ends.
            self.signed = self.live();
        } else if let Err(away) = self.sign_in().await {
            // The auth service cannot say whether the session goes on: nobody is signed out for that.
            if let (Some(Session::Copy), Some(response)) = (route.map(|route| route.session), self.own_copy()) {
                return Ok(response);
            }
            if route.is_none_or(|route| route.private) {
                return Err(away);
            }
        }
        if route.is_none_or(|route| route.private) && self.signed.is_none() {
            let at = match self.cookies.access {
                None => "GatewayService verifyUser() method error",
                Some(_) => "GatewayService verifyUser() method invalid session error",
            };
            return Err(ApiError::unauthorized(LOGIN_AGAIN).at(at));
        }
        let Some(found) = found else { return Err(ApiError::not_found("The endpoint called does not exist.")) };
        let route = found.route;
        if let Some(signed) = &self.signed
            && let Some(refusal) = self.gateway.rates().refuse_user(route.class, self.address, signed.caller.username())
        {
            return Ok(refusal);
        }
        let caller = self.signed.as_ref().map(|signed| &signed.caller);
        match route.answer {
            Answer::SignOut => {
                let ending = local::sign_out(self.gateway, &self.cookies, self.signed.as_deref());
                Ok(Box::pin(ending.instrument(self.span())).await)
            }
            Answer::Online => Ok(local::online(self.gateway, caller)),
            Answer::Offline => local::offline(self.gateway, caller, &found),
            Answer::Page(page) => {
                let signed = self.signed.as_ref().ok_or_else(|| ApiError::unauthorized(LOGIN_AGAIN))?;
                let page = bff::answer(self.gateway, page, &found, signed, &self.passed);
                Box::pin(page.instrument(self.span())).await
            }
            Answer::Forward { target, path } => self.forward(body, &found, target, path).await,
        }
    }

    /// Finds out who is signed in. An expired session is renewed if its refresh token is good.
    ///
    /// # Errors
    /// When the auth service is away and the session would have to be renewed.
    async fn sign_in(&mut self) -> Result<(), ApiError> {
        self.signed = self.live();
        if self.signed.is_some() || self.cookies.refresh.is_none() {
            return Ok(());
        }
        let span = self.span();
        Box::pin(self.renew().instrument(span)).await
    }

    /// What is logged on the way of this request says which one it was. Opened only where something may be logged: it takes
    /// as much time as all the rules at the door together.
    fn span(&self) -> Span {
        request_id::span(self.parts.headers.get(&request_id::NAME))
    }

    async fn renew(&mut self) -> Result<(), ApiError> {
        let body = serde_json::json!({ "refreshToken": self.cookies.refresh });
        let answer =
            match local::call_auth(self.gateway.upstreams(), Method::POST, "/session/refresh", body, None).await {
                Ok(answer) => answer,
                Err(error) if error.status().is_server_error() => return Err(error),
                Err(error) => {
                    tracing::debug!(error = error.message(), "a session could not be renewed");
                    return Ok(());
                }
            };
        let Some(token) = answer.get("token").and_then(Value::as_str) else { return Ok(()) };
        let successor = answer.get("refreshToken").and_then(Value::as_str);
        let Ok(signed) = self.gateway.users().verify(token) else { return Ok(()) };
        self.renewed = Some(SetCookies::start(self.gateway.config(), token, successor));
        self.signed = Some(signed);
        Ok(())
    }

    /// Who the access token vouches for, unless the session was ended.
    fn live(&self) -> Option<Arc<Signed>> {
        let signed = self.cookies.signed(self.gateway.users())?;
        (!self.gateway.ended().has(&signed.caller.claims.sid)).then_some(signed)
    }

    /// The session's own copy of its user, while the auth service is away. A token that has expired still says whose
    /// session it was; it opens nothing else.
    fn own_copy(&self) -> Option<Response> {
        let claims = match &self.signed {
            Some(signed) => signed.caller.claims.clone(),
            None => self.gateway.users().verify_expired(self.cookies.access.as_deref()?).ok()?,
        };
        (!self.gateway.ended().has(&claims.sid)).then(|| self.gateway.kept_users().answer(&claims))
    }

    async fn forward(
        &mut self,
        body: Body,
        found: &Match,
        target: Target,
        pattern: &str,
    ) -> Result<Response, ApiError> {
        let gateway = self.gateway;
        let caller = self.signed.as_ref().map(|signed| &signed.caller);
        let kept = match found.route.cache {
            CacheRule::Keeps(kind) => gateway.answers().key(kind, found, caller),
            CacheRule::None | CacheRule::Spoils(_) => None,
        };
        if let Some(answer) = kept.as_ref().and_then(|key| gateway.answers().get(key, caller)) {
            return Ok(answer.response(&self.parts.headers));
        }
        // Dropped when the write is over, also when the client goes away before.
        let _spoiling = gateway.answers().spoiling(found.route.cache, found, caller);
        let asked = gateway.answers().moment();
        let mut path = downstream_path(pattern, found);
        if found.route.sends == Sends::Query
            && let Some(query) = self.parts.uri.query()
        {
            path.push('?');
            path.push_str(query);
        }
        if target == Target::Auth {
            self.passed.address(self.address.0);
            self.passed.sign_in(self.cookies.pending.as_deref(), self.cookies.device.as_deref());
        }
        let body = downstream_body(gateway, &mut self.parts, body, found).await?;
        let call = Call {
            target,
            method: found.route.method.clone(),
            path,
            bearer: self.signed.as_ref().map(|signed| signed.bearer.clone()),
            body,
            passed: std::mem::take(&mut self.passed),
        };
        let response = match gateway.upstreams().call(call).await {
            Ok(response) => response,
            Err(error) => return self.copy_instead(found).ok_or(error),
        };
        let status = response.status();
        if status.is_server_error()
            && let Some(copy) = self.copy_instead(found)
        {
            return Ok(copy);
        }
        if !status.is_success() {
            return Ok(error_answer(response));
        }
        let status = StatusCode::from_u16(found.route.status).unwrap_or(StatusCode::OK);
        if !found.route.keys.is_empty() || found.route.session == Session::Start {
            return Box::pin(shaped_answer(gateway, found, status, response).instrument(self.span())).await;
        }
        let (head, body) = response.into_parts();
        let copying = found.route.session == Session::Copy;
        let body = if kept.is_some() || copying {
            self.kept(body, kept, asked, copying).instrument(self.span()).await?
        } else {
            body
        };
        let mut answer = Response::new(body);
        *answer.status_mut() = status;
        copy(&head.headers, answer.headers_mut(), &[CONTENT_TYPE, CONTENT_LENGTH]);
        Ok(answer)
    }

    /// The own copy, on the route that asks for it.
    fn copy_instead(&self, found: &Match) -> Option<Response> {
        if found.route.session == Session::Copy { self.own_copy() } else { None }
    }

    /// Keeps what may be kept of a good answer.
    async fn kept(
        &self,
        body: Body,
        key: Option<Key>,
        asked: crate::cache::Moment,
        copying: bool,
    ) -> Result<Body, ApiError> {
        let bytes = collected(body).await?;
        let caller = self.signed.as_ref().map(|signed| &signed.caller);
        if let Some(key) = key {
            self.gateway.answers().keep(key, asked, &bytes, caller);
        }
        if let (true, Some(caller)) = (copying, caller) {
            self.gateway.kept_users().keep_answer(&caller.claims.sid, &bytes);
        }
        Ok(Body::from(bytes))
    }
}

/// The answer where only other methods lead: which, for who asks, and otherwise 405.
pub(crate) fn other_method(method: &Method, allow: HeaderValue) -> Result<Response, ApiError> {
    if *method == Method::OPTIONS {
        return Ok((StatusCode::NO_CONTENT, [(ALLOW, allow)]).into_response());
    }
    Err(ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "This method is not possible here.")
        .at("Gateway: method")
        .with_header(ALLOW, allow))
}

/// Reads a good answer, keeps the route's keys and turns tokens into cookies.
async fn shaped_answer(
    gateway: &Gateway,
    found: &Match,
    status: StatusCode,
    response: Response,
) -> Result<Response, ApiError> {
    let mut answer = read_json(response).await?;
    let cookies = match found.route.session {
        Session::Keep | Session::Copy => None,
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
    let token = text("token")?;
    if let (Ok(signed), Some(user)) = (gateway.users().verify(token), answer.get("user")) {
        gateway.kept_users().keep_user(&signed.caller.claims.sid, user);
    }
    Some(
        SetCookies::start(gateway.config(), token, text("refreshToken"))
            .with_device(gateway.config(), text("deviceToken")),
    )
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

/// Reads an answer's body.
pub(crate) async fn read_bytes(response: Response) -> Result<Bytes, ApiError> {
    collected(response.into_body()).await
}

async fn collected(body: Body) -> Result<Bytes, ApiError> {
    let read = Limited::new(body, READ_ANSWER).collect().await.map_err(|error| {
        tracing::warn!(%error, "a service's answer broke off");
        unreadable()
    })?;
    Ok(read.to_bytes())
}

/// Reads an answer's body as JSON.
pub(crate) async fn read_json(response: Response) -> Result<Value, ApiError> {
    serde_json::from_slice(&read_bytes(response).await?).map_err(|_| unreadable())
}

pub(crate) fn unreadable() -> ApiError {
    ApiError::new(StatusCode::BAD_GATEWAY, "The service's answer could not be read.").at("Gateway: answer unreadable")
}

/// A value as a path segment of its own.
pub(crate) fn push_segment(path: &mut String, value: &str) {
    match value {
        // A segment of dots would climb the path wherever it is normalised.
        "." => path.push_str("%2E"),
        ".." => path.push_str("%2E%2E"),
        _ => path.extend(utf8_percent_encode(value, SEGMENT)),
    }
}

fn downstream_path(pattern: &str, found: &Match) -> String {
    let mut path = String::with_capacity(pattern.len() + 32);
    for part in pattern.split('/').skip(1) {
        path.push('/');
        match part.strip_prefix(':') {
            None => path.push_str(part),
            Some(name) => push_segment(&mut path, found.parameter(name)),
        }
    }
    path
}

async fn downstream_body(
    gateway: &Gateway,
    parts: &mut Parts,
    body: Body,
    found: &Match,
) -> Result<Option<(HeaderValue, Body)>, ApiError> {
    let json = HeaderValue::from_static("application/json");
    match found.route.sends {
        Sends::Nothing | Sends::Query => Ok(None),
        Sends::Whole(size) => {
            let body = plain(&mut parts.headers, body, size, gateway.limit(size))?;
            let content_type = parts.headers.get(CONTENT_TYPE).cloned().unwrap_or(json);
            Ok(Some((content_type, body)))
        }
        Sends::Keys(keys) => {
            let small = BodySize::Small;
            let body = plain(&mut parts.headers, body, small, gateway.limit(small))?;
            let picked = Box::pin(picked(gateway, &parts.headers, body, keys)).await?;
            Ok(Some((json, Body::from(Value::Object(picked).to_string()))))
        }
    }
}

/// A body as it was before it was compressed, within the limit as it arrives and as it is.
fn plain(headers: &mut HeaderMap, body: Body, size: BodySize, most: usize) -> Result<Body, ApiError> {
    let body = limited(headers, body, size, most)?;
    let Some(coding) = Coding::of(headers)? else { return Ok(body) };
    headers.remove(CONTENT_ENCODING);
    if body.is_end_stream() {
        return Ok(body);
    }
    headers.remove(CONTENT_LENGTH);
    limited(headers, coding.inflate(body), size, most)
}

/// These keys of a JSON body.
async fn picked(
    gateway: &Gateway,
    headers: &HeaderMap,
    body: Body,
    keys: &[&'static str],
) -> Result<Map<String, Value>, ApiError> {
    let mut request = Request::new(body);
    *request.headers_mut() = headers.clone();
    let reading = <jobapp_http::JsonBody as axum::extract::FromRequest<()>>::from_request(request, &());
    let read = tokio::time::timeout(gateway.config().guards.patience, reading).await.map_err(|_| {
        ApiError::new(StatusCode::REQUEST_TIMEOUT, "The body did not arrive in time.").at("Gateway: the body stalled")
    })??;
    let value = |key: &&'static str| Some(((*key).to_owned(), read.value.get(*key)?.clone()));
    Ok(keys.iter().filter_map(value).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_encoded_and_cannot_climb() {
        let table = crate::matching::Table::new(false);
        let at = |path: &str| match table.place(&Method::GET, &format!("/api/gateway/v1{path}")) {
            Place::Route(found) => downstream_path("/:gigId", &found),
            other => panic!("{other:?}"),
        };
        assert_eq!(at("/gig/..%2Fmetrics"), "/..%2Fmetrics");
        assert_eq!(at("/gig/.."), "/%2E%2E");
        assert_eq!(at("/gig/a%20b%3F%23"), "/a%20b%3F%23");
    }
}
