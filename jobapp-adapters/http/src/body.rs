//! Bodies: JSON or a form, as one JSON value.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use jobapp_kernel::Cause;
use serde_json::{Map, Value};

use crate::{ApiError, Caller};

/// The `Idempotency-Key` of a request and a hash of its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey {
    key: String,
    body_hash: String,
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
        self.idempotency.as_ref().map(|idempotency| Cause::Request {
            caller: caller.to_owned(),
            route: route.to_owned(),
            key: idempotency.key.clone(),
            body_hash: idempotency.body_hash.clone(),
        })
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
        let bytes = Bytes::from_request(request, state).await.map_err(|rejection| match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => {
                ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "The body is larger than this route accepts.")
            }
            _ => ApiError::bad_request("The body could not be read."),
        })?;
        let idempotency = idempotency_key(&headers, &bytes)?;
        Ok(Self { value: parse(&headers, &bytes)?, idempotency })
    }
}

fn parse(headers: &HeaderMap, bytes: &[u8]) -> Result<Value, ApiError> {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mime = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if bytes.is_empty() {
        return Ok(Value::Object(Map::new()));
    }
    match mime.as_str() {
        "application/json" => {
            let text = std::str::from_utf8(bytes).map_err(|_| ApiError::bad_request("The body is not valid UTF-8."))?;
            match serde_json::from_str(text) {
                Ok(value @ (Value::Object(_) | Value::Array(_))) => Ok(value),
                Ok(_) => Err(ApiError::bad_request("The body must be a JSON object or list.")),
                Err(error) => Err(ApiError::bad_request(format!("The body is not valid JSON: {error}."))),
            }
        }
        "application/x-www-form-urlencoded" => Ok(form(bytes)),
        _ => Ok(Value::Object(Map::new())),
    }
}

/// A form as an object; a repeated or `name[]` key becomes a list, `name[key]` an object.
fn form(bytes: &[u8]) -> Value {
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

fn idempotency_key(headers: &HeaderMap, bytes: &[u8]) -> Result<Option<IdempotencyKey>, ApiError> {
    use sha2::Digest;
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    match value.to_str() {
        Ok(key) if (1..=128).contains(&key.trim().len()) => {
            Ok(Some(IdempotencyKey { key: key.trim().to_owned(), body_hash: hex::encode(sha2::Sha256::digest(bytes)) }))
        }
        _ => Err(ApiError::bad_request("Idempotency-Key must be 1 to 128 visible ASCII characters.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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

    #[test]
    fn forms_become_objects() {
        assert_eq!(
            read("application/x-www-form-urlencoded", b"a=1&b%5B%5D=x&b%5B%5D=y&c%5Bd%5D=z+z&a=2").unwrap(),
            json!({"a": ["1", "2"], "b": ["x", "y"], "c": {"d": "z z"}})
        );
    }
}
