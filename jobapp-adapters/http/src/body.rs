//! Bodies: JSON or a form, as one JSON value.

use std::error::Error;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Request};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use http_body::Body as _;
use http_body_util::LengthLimitError;
use jobapp_kernel::Cause;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::inflate::NotInflated;
use crate::{ApiError, Caller, Coding};

/// The most values a JSON body may have, about: each takes many times the memory it has in the body.
const MOST_VALUES: usize = 100_000;
/// The most fields a form may have.
const MOST_FIELDS: usize = 1000;

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
/// Refuses malformed JSON (400), what is neither object nor list (400), more than the route's limit (413), and what is
/// compressed in a way nobody takes (415). What is compressed otherwise is inflated, and the limit is for what comes out.
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
        let request = inflated(request)?;
        let headers = request.headers().clone();
        let bytes = Bytes::from_request(request, state).await.map_err(|error| not_read(&error))?;
        let mut hashing = Hashing::begin(&headers)?;
        hashing.push(&bytes);
        Ok(Self { value: parse(&headers, &bytes)?, idempotency: hashing.end() })
    }
}

/// The same request with the body as it was before it was compressed.
pub(crate) fn inflated(mut request: Request) -> Result<Request, ApiError> {
    if let Some(coding) = Coding::of(request.headers())?.filter(|_| !request.body().is_end_stream()) {
        let body = std::mem::replace(request.body_mut(), Body::empty());
        *request.body_mut() = coding.inflate(body);
    }
    Ok(request)
}

pub(crate) fn too_large() -> ApiError {
    ApiError::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "This is too large. Choose a smaller picture or file, or send less text.",
    )
}

/// A body that arrives too slowly. Who reads it answers 408.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the body did not arrive in time")]
pub struct BodyTooSlow;

/// The answer to a body that broke off: because it is larger than a limit, wherever that was set, because it did not arrive
/// in time, or for another reason.
pub fn not_read(error: &(dyn Error + 'static)) -> ApiError {
    let mut source = Some(error);
    while let Some(error) = source {
        // The framework boxes the one it finds itself.
        if error.is::<LengthLimitError>() || error.is::<Box<LengthLimitError>>() {
            return too_large();
        }
        if error.is::<BodyTooSlow>() {
            return ApiError::new(StatusCode::REQUEST_TIMEOUT, "The body did not arrive in time.");
        }
        if let Some(wrong) = error.downcast_ref::<NotInflated>() {
            return wrong.refusal();
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
        // Whatever its parameters are: they need not be readable.
        let content_type = headers.get(CONTENT_TYPE).map(http::HeaderValue::as_bytes).unwrap_or_default();
        let mime = content_type.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
        match mime {
            _ if mime.eq_ignore_ascii_case(b"application/json") => Self::Json,
            _ if mime.eq_ignore_ascii_case(b"application/x-www-form-urlencoded") => Self::Form,
            _ => Self::Other,
        }
    }
}

fn parse(headers: &HeaderMap, bytes: &[u8]) -> Result<Value, ApiError> {
    match ContentType::of(headers) {
        _ if bytes.is_empty() => Ok(Value::Object(Map::new())),
        ContentType::Json => json(bytes).map_err(|error| error.refusal(true)),
        ContentType::Form => form(bytes),
        ContentType::Other => Ok(Value::Object(Map::new())),
    }
}

/// Why bytes are no JSON object or list.
#[derive(Debug)]
pub(crate) enum NotJson {
    NotUtf8,
    Neither,
    TooMuch,
    Grammar(serde_json::Error),
}

impl NotJson {
    /// The answer, with the position unless it is not the client's.
    pub(crate) fn refusal(self, with_position: bool) -> ApiError {
        let reason = match self {
            Self::NotUtf8 => return ApiError::bad_request("The body is not valid UTF-8."),
            Self::Neither => return ApiError::bad_request("The body must be a JSON object or list."),
            Self::TooMuch => return ApiError::bad_request("The body has too many values."),
            Self::Grammar(error) => error.to_string(),
        };
        let reason = HALVES.iter().fold(reason, |reason, half| reason.replace(half, HALF));
        let short = reason.rsplit_once(" at line ").map_or(&*reason, |(short, _)| short);
        ApiError::bad_request(format!("The body is not valid JSON: {}.", if with_position { &reason } else { short }))
    }
}

/// What is wrong with a text that has one of two `\u` escapes that only mean something together.
pub(crate) const HALF: &str = "half of a surrogate pair in a text";
/// The parser's words for it.
const HALVES: [&str; 2] = ["lone leading surrogate in hex escape", "unexpected end of hex escape"];

/// A JSON object or list, perhaps behind a byte order mark (RFC 8259 §8.1).
pub(crate) fn json(bytes: &[u8]) -> Result<Value, NotJson> {
    let text = std::str::from_utf8(bytes).map_err(|_| NotJson::NotUtf8)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    // Between two values there is a comma.
    if text.len() > MOST_VALUES && text.bytes().filter(|byte| *byte == b',').count() > MOST_VALUES {
        return Err(NotJson::TooMuch);
    }
    match serde_json::from_str(text).map_err(NotJson::Grammar)? {
        value @ (Value::Object(_) | Value::Array(_)) => Ok(value),
        _ => Err(NotJson::Neither),
    }
}

/// A form as an object; a repeated or `name[]` key becomes a list, `name[key]` an object.
///
/// # Errors
/// 400 for too many fields.
pub(crate) fn form(bytes: &[u8]) -> Result<Value, ApiError> {
    if bytes.iter().filter(|byte| **byte == b'&').count() >= MOST_FIELDS {
        return Err(ApiError::bad_request(format!("The form has more than {MOST_FIELDS} fields.")));
    }
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
    Ok(Value::Object(object))
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
    use http_body_util::{BodyExt, Limited};
    use serde_json::json;
    use tower::ServiceExt;

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
    fn an_unreadable_parameter_does_not_hide_what_a_body_is() {
        let mut headers = HeaderMap::new();
        let value = http::HeaderValue::from_bytes(b"Application/JSON; charset=utf-8; name=caf\xe9").unwrap();
        headers.insert(CONTENT_TYPE, value);
        assert_eq!(parse(&headers, b"[1]").unwrap(), json!([1]));
    }

    #[test]
    fn a_byte_order_mark_before_the_body_means_nothing() {
        assert_eq!(read("application/json", b"\xef\xbb\xbf{\"a\":1}").unwrap(), json!({"a": 1}));
        let twice = read("application/json", b"\xef\xbb\xbf\xef\xbb\xbf{}");
        assert_eq!(twice.unwrap_err().status(), StatusCode::BAD_REQUEST);
    }

    #[test]
    fn half_a_surrogate_pair_is_named() {
        for body in [r#"{"a":"\ud83d"}"#, r#"{"a":"\ud83d\n"}"#, r#"{"a":"\ud83d\ud83d"}"#, r#"{"a":"\udc00"}"#] {
            let refused = read("application/json", body.as_bytes()).unwrap_err();
            let expected = "The body is not valid JSON: half of a surrogate pair in a text at line 1 column ";
            assert!(refused.message().starts_with(expected), "{body}: {}", refused.message());
        }
    }

    #[test]
    fn a_body_of_countless_small_values_is_refused() {
        let body = format!("[{}0]", "0,".repeat(MOST_VALUES + 1));
        let refused = read("application/json", body.as_bytes()).unwrap_err();
        assert_eq!((refused.status(), refused.message()), (StatusCode::BAD_REQUEST, "The body has too many values."));
        let many = format!("[{}0]", "0,".repeat(MOST_VALUES));
        assert!(read("application/json", many.as_bytes()).is_ok());
    }

    #[test]
    fn a_form_of_countless_fields_is_refused() {
        let fields = |count: usize| (0..count).map(|at| format!("f{at}=1")).collect::<Vec<_>>().join("&");
        let read = |body: String| read("application/x-www-form-urlencoded", body.as_bytes());
        assert_eq!(read(fields(MOST_FIELDS)).unwrap().as_object().unwrap().len(), MOST_FIELDS);
        for body in [fields(MOST_FIELDS + 1), "a=1&".repeat(60_000)] {
            assert_eq!(read(body).unwrap_err().status(), StatusCode::BAD_REQUEST);
        }
    }

    async fn sent(encoding: &str, body: Vec<u8>, most: usize) -> Result<Value, ApiError> {
        let route = axum::Router::new()
            .route("/", axum::routing::post(async |body: JsonBody| axum::Json(body.value)))
            .layer(axum::extract::DefaultBodyLimit::max(most));
        let request = Request::post("/").header(CONTENT_TYPE, "application/json").header("content-encoding", encoding);
        let response = route.oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
        let status = response.status();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        let value: Value = serde_json::from_slice(&bytes).unwrap();
        if status.is_success() { Ok(value) } else { Err(ApiError::new(status, value["message"].as_str().unwrap())) }
    }

    fn gzip(text: &[u8]) -> Vec<u8> {
        use std::io::Write;
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    #[tokio::test]
    async fn a_compressed_body_is_inflated_within_the_limit() {
        assert_eq!(sent("gzip", gzip(b"{\"a\":1}"), 1000).await.unwrap(), json!({"a": 1}));
        assert_eq!(sent("gzip", Vec::new(), 1000).await.unwrap(), json!({}));
        let bomb = gzip(format!("{{\"a\":\"{}\"}}", "a".repeat(1_000_000)).as_bytes());
        assert!(bomb.len() < 5000);
        assert_eq!(sent("gzip", bomb, 100_000).await.unwrap_err().status(), StatusCode::PAYLOAD_TOO_LARGE);
    }

    #[tokio::test]
    async fn a_body_that_is_not_compressed_as_it_says_is_refused_with_the_reason() {
        let plain = sent("gzip", b"{\"a\":1}".to_vec(), 1000).await.unwrap_err();
        let text = "The body is not valid gzip, as its Content-Encoding says it is.";
        assert_eq!((plain.status(), plain.message()), (StatusCode::BAD_REQUEST, text));
        let unknown = sent("br", b"{\"a\":1}".to_vec(), 1000).await.unwrap_err();
        assert_eq!(unknown.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
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
