//! What of a client's request goes on to a service: the path and the body.

use std::time::Duration;

use axum::body::Body;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Request, StatusCode};
use http_body::Body as _;
use jobapp_http::{ApiError, Coding};
use serde_json::{Map, Value};

use super::body_limit::{BodyLimits, limited};
use crate::calls::segment::push_segment;
use crate::table::matching::Match;
use crate::table::route::{BodySize, Sends};

/// The path of a call, with the client's parameters in their places.
pub(crate) fn downstream_path(pattern: &str, found: &Match) -> String {
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

/// The body of a call and its content type, as the route says.
///
/// # Errors
/// 400, 408, 413 or 415 for a body that may not go on.
pub(crate) async fn downstream_body(
    limits: BodyLimits,
    patience: Duration,
    parts: &mut Parts,
    body: Body,
    found: &Match,
) -> Result<Option<(HeaderValue, Body)>, ApiError> {
    let json = HeaderValue::from_static("application/json");
    match found.route.sends {
        Sends::Nothing | Sends::Query => Ok(None),
        Sends::Whole(size) => {
            let body = plain(&mut parts.headers, body, size, limits.of(size))?;
            let content_type = parts.headers.get(CONTENT_TYPE).cloned().unwrap_or(json);
            Ok(Some((content_type, body)))
        }
        Sends::Keys(keys) => {
            let small = BodySize::Small;
            let body = plain(&mut parts.headers, body, small, limits.of(small))?;
            let picked = Box::pin(picked(patience, &parts.headers, body, keys)).await?;
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
    patience: Duration,
    headers: &HeaderMap,
    body: Body,
    keys: &[&'static str],
) -> Result<Map<String, Value>, ApiError> {
    let mut request = Request::new(body);
    *request.headers_mut() = headers.clone();
    let reading = <jobapp_http::JsonBody as axum::extract::FromRequest<()>>::from_request(request, &());
    let read = tokio::time::timeout(patience, reading).await.map_err(|_| {
        ApiError::new(StatusCode::REQUEST_TIMEOUT, "The body did not arrive in time.").at("Gateway: the body stalled")
    })??;
    let value = |key: &&'static str| Some(((*key).to_owned(), read.value.get(*key)?.clone()));
    Ok(keys.iter().filter_map(value).collect())
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;
    use crate::table::matching::{Place, Table};

    #[test]
    fn parameters_are_encoded_and_cannot_climb() {
        let table = Table::new(false);
        let at = |path: &str| match table.place(&Method::GET, &format!("/api/gateway/v1{path}")) {
            Place::Route(found) => downstream_path("/:gigId", &found),
            other => panic!("{other:?}"),
        };
        assert_eq!(at("/gig/..%2Fmetrics"), "/..%2Fmetrics");
        assert_eq!(at("/gig/.."), "/%2E%2E");
        assert_eq!(at("/gig/a%20b%3F%23"), "/a%20b%3F%23");
    }
}
