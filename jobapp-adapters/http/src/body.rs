//! Bodies: JSON or a form, as one JSON value.

use std::error::Error;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use http_body_util::LengthLimitError;
use jobapp_kernel::Cause;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::{ApiError, Caller};

/// The `Idempotency-Key` of a request and a hash of its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey {
    key: String,
    body_hash: String,
}

impl IdempotencyKey {
    /// The cause of what the request does, as [`JsonBody::cause`] tells it.
    pub(crate) fn cause(&self, caller: &str, route: &str) -> Cause {
        Cause::Request {
            caller: caller.to_owned(),
            route: route.to_owned(),
            key: self.key.clone(),
            body_hash: self.body_hash.clone(),
        }
    }
}

/// A request's body as a JSON object or list; `{}` for content types nobody reads.
///
/// Refuses malformed JSON (400), what is neither object nor list (400), and more than the route's limit (413).
#[derive(Debug, Clone, PartialEq)]
pub struct JsonBody {
    /// The body.
    pub value: Value,
    /// The idempotency key, if the client sent one.
    pub idempotency: Option<IdempotencyKey>,
}

impl JsonBody {
    /// The cause of what this request does, if the client wants it done once. `caller` is a user name, or an address for
    /// requests without a session; `route` is the method and the path's pattern.
    pub fn cause(&self, caller: &str, route: &str) -> Option<Cause> {
        self.idempotency.as_ref().map(|key| key.cause(caller, route))
    }

    /// As [`JsonBody::cause`], for the signed-in caller.
    pub fn cause_of(&self, caller: &Caller, route: &str) -> Option<Cause> {
        self.cause(caller.username(), route)
    }
}

impl<S: Send + Sync> FromRequest<S> for JsonBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let headers = request.headers().clone();
        let bytes = Bytes::from_request(request, state).await.map_err(|error| not_read(&error))?;
        let mut hashing = Hashing::begin(&headers)?;
        hashing.push(&bytes);
        Ok(Self { value: parse(&headers, &bytes)?, idempotency: hashing.end() })
    }
}

pub(crate) fn too_large() -> ApiError {
    ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "The body is larger than this route accepts.")
}

/// A body that arrives too slowly. Who reads it answers 408.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the body did not arrive in time")]
pub struct BodyTooSlow;

/// The answer to a body that broke off: because it is larger than a limit, wherever that was set, because it did not arrive
/// in time, or for another reason.
pub(crate) fn not_read(error: &(dyn Error + 'static)) -> ApiError {
    let mut source = Some(error);
    while let Some(error) = source {
        // The framework boxes the one it finds itself.
        if error.is::<LengthLimitError>() || error.is::<Box<LengthLimitError>>() {
            return too_large();
        }
        if error.is::<BodyTooSlow>() {
            return ApiError::new(StatusCode::REQUEST_TIMEOUT, "The body did not arrive in time.");
        }
        source = error.source();
    }
    ApiError::bad_request("The body could not be read.")
}

/// What a body's content type makes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ContentType {
    Json,
    Form,
    /// Nobody reads it.
    Other,
}

impl ContentType {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let mime = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match mime.as_str() {
            "application/json" => Self::Json,
            "application/x-www-form-urlencoded" => Self::Form,
            _ => Self::Other,
        }
    }
}

fn parse(headers: &HeaderMap, bytes: &[u8]) -> Result<Value, ApiError> {
    match ContentType::of(headers) {
        _ if bytes.is_empty() => Ok(Value::Object(Map::new())),
        ContentType::Json => json(bytes).map_err(|error| error.refusal(true)),
        ContentType::Form => Ok(form(bytes)),
        ContentType::Other => Ok(Value::Object(Map::new())),
    }
}

/// Why bytes are no JSON object or list.
#[derive(Debug)]
pub(crate) enum NotJson {
    NotUtf8,
    Neither,
    Grammar(serde_json::Error),
}

impl NotJson {
    /// The answer, with the position unless it is not the client's.
    pub(crate) fn refusal(self, with_position: bool) -> ApiError {
        let reason = match self {
            Self::NotUtf8 => return ApiError::bad_request("The body is not valid UTF-8."),
            Self::Neither => return ApiError::bad_request("The body must be a JSON object or list."),
            Self::Grammar(error) => error.to_string(),
        };
        let short = reason.rsplit_once(" at line ").map_or(&*reason, |(short, _)| short);
        ApiError::bad_request(format!("The body is not valid JSON: {}.", if with_position { &reason } else { short }))
    }
}

/// A JSON object or list.
pub(crate) fn json(bytes: &[u8]) -> Result<Value, NotJson> {
    let text = std::str::from_utf8(bytes).map_err(|_| NotJson::NotUtf8)?;
    match serde_json::from_str(text).map_err(NotJson::Grammar)? {
        value @ (Value::Object(_) | Value::Array(_)) => Ok(value),
        _ => Err(NotJson::Neither),
    }
}

/// A form as an object; a repeated or `name[]` key becomes a list, `name[key]` an object.
pub(crate) fn form(bytes: &[u8]) -> Value {
    let mut object = Map::new();
    for (name, value) in form_urlencoded::parse(bytes) {
        let (name, value) = (name.into_owned(), value.into_owned());
        if let Some(list) = name.strip_suffix("[]") {
            push(&mut object, list, value);
        } else if let Some((outer, inner)) = name.strip_suffix(']').and_then(|name| name.split_once('[')) {
            let entry = object.entry(outer.to_owned()).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(nested) = entry {
                nested.insert(inner.to_owned(), Value::String(value));
            }
        } else if object.contains_key(&name) {
            push(&mut object, &name, value);
        } else {
            object.insert(name, Value::String(value));
        }
    }
    Value::Object(object)
}

fn push(object: &mut Map<String, Value>, name: &str, value: String) {
    let entry = object.entry(name.to_owned()).or_insert_with(|| Value::Array(Vec::new()));
    match entry {
        Value::Array(values) => values.push(Value::String(value)),
        other => *other = Value::Array(vec![other.take(), Value::String(value)]),
    }
}

/// Makes the idempotency key of a request while its body arrives.
#[derive(Debug, Default)]
pub(crate) struct Hashing {
    key: Option<(String, Sha256)>,
}

impl Hashing {
    pub(crate) fn begin(headers: &HeaderMap) -> Result<Self, ApiError> {
        let Some(value) = headers.get("idempotency-key") else { return Ok(Self::default()) };
        match value.to_str() {
            Ok(key) if (1..=128).contains(&key.trim().len()) => {
                Ok(Self { key: Some((key.trim().to_owned(), Sha256::new())) })
            }
            _ => Err(ApiError::bad_request("Idempotency-Key must be 1 to 128 visible ASCII characters.")),
        }
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        if let Some((_, hash)) = &mut self.key {
            hash.update(bytes);
        }
    }

    pub(crate) fn end(self) -> Option<IdempotencyKey> {
        self.key.map(|(key, hash)| IdempotencyKey { key, body_hash: hex::encode(hash.finalize()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use http_body_util::{BodyExt, Limited};
    use serde_json::json;

    fn read(content_type: &str, body: &[u8]) -> Result<Value, ApiError> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, content_type.parse().unwrap());
        parse(&headers, body)
    }

    #[test]
    fn json_objects_and_lists_are_read() {
        assert_eq!(read("application/json; charset=utf-8", b"{\"a\":1}").unwrap(), json!({"a": 1}));
        assert_eq!(read("application/json", b"[1]").unwrap(), json!([1]));
        assert_eq!(read("application/json", b"").unwrap(), json!({}));
    }

    #[test]
    fn anything_else_is_refused_or_empty() {
        for bad in [&b"{"[..], b"1", b"\"x\"", b"null", b"{\"a\":\"\xff\"}"] {
            assert_eq!(read("application/json", bad).unwrap_err().status(), StatusCode::BAD_REQUEST);
        }
        assert_eq!(read("text/plain", b"hello").unwrap(), json!({}));
    }

    #[tokio::test]
    async fn a_body_above_a_limit_is_too_large_however_often_it_was_wrapped() {
        for wrappers in 0..4 {
            let mut body = Body::new(Limited::new(Body::from(vec![b' '; 1000]), 10));
            for _ in 0..wrappers {
                body = Body::new(body.map_err(axum::Error::new));
            }
            let request = Request::post("/").header(CONTENT_TYPE, "application/json").body(body).unwrap();
            let refused = JsonBody::from_request(request, &()).await.unwrap_err();
            assert_eq!(refused.status(), StatusCode::PAYLOAD_TOO_LARGE);
        }
    }

    #[test]
    fn forms_become_objects() {
        assert_eq!(
            read("application/x-www-form-urlencoded", b"a=1&b%5B%5D=x&b%5B%5D=y&c%5Bd%5D=z+z&a=2").unwrap(),
            json!({"a": ["1", "2"], "b": ["x", "y"], "c": {"d": "z z"}})
        );
    }
}
