//! Bodies that may carry a file: read as they arrive, with the file on its way to the media store.

use std::sync::Arc;

use axum::RequestExt;
use axum::body::Body;
use axum::extract::{FromRef, FromRequest, Request};
use http_body_util::BodyExt;
use jobapp_kernel::{Cause, MediaStore, Received};
use serde_json::{Map, Value};

use crate::body::{ContentType, Hashing, IdempotencyKey, form, inflated, json, not_read, too_large};
use crate::field::{FieldReader, MARKER};
use crate::field_event::{Event, Fault};
use crate::{ApiError, Caller};

/// Bytes that are looked at before the store is given what was found in them.
const STEP: usize = 64 * 1024;

/// Where a route's files go.
#[derive(Clone)]
pub struct FileIntake {
    /// The store.
    pub media: Arc<dyn MediaStore>,
    /// The field that holds the file, as a data URL or an address.
    pub field: &'static str,
    /// The most bytes beside a large file. The route's own limit is for everything.
    pub limit: usize,
}

impl std::fmt::Debug for FileIntake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FileIntake").field("field", &self.field).field("limit", &self.limit).finish_non_exhaustive()
    }
}

/// As [`crate::JsonBody`], for a route that may carry a file.
///
/// A large file is never in memory as a whole: while it arrives, it goes to the media store. It is kept when the handler
/// keeps [`FileBody::received`]; if it does not, nothing is left of it.
#[derive(Debug)]
pub struct FileBody {
    /// The body; a large file's text is replaced by another one.
    pub value: Value,
    /// The large file.
    pub received: Option<Received>,
    /// The idempotency key, if the client sent one.
    pub idempotency: Option<IdempotencyKey>,
}

impl FileBody {
    /// As [`crate::JsonBody::cause_of`].
    pub fn cause_of(&self, caller: &Caller, route: &str) -> Option<Cause> {
        self.idempotency.as_ref().map(|key| key.cause(caller.username(), route))
    }
}

impl<S> FromRequest<S> for FileBody
where
    FileIntake: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let request = inflated(request)?;
        let content_type = ContentType::of(request.headers());
        let (hashing, mut failure) = match Hashing::begin(request.headers()) {
            Ok(hashing) => (hashing, None),
            Err(error) => (Hashing::default(), Some(error)),
        };
        let mut reading = Reading::new(content_type, FileIntake::from_ref(state), hashing);
        let mut body = request.into_limited_body();
        while let Some(bytes) = next(&mut body).await? {
            for step in bytes.chunks(STEP) {
                // What is refused is read to its end, so that the answer arrives.
                if failure.is_none() {
                    failure = reading.push(step).await.err();
                }
            }
            if failure.is_some() {
                reading.received = None;
            }
        }
        match failure {
            Some(error) => Err(error),
            None => reading.end(),
        }
    }
}

/// The next bytes of a body.
async fn next(body: &mut Body) -> Result<Option<axum::body::Bytes>, ApiError> {
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| not_read(&error))?;
        // Trailers mean nothing here.
        if let Ok(bytes) = frame.into_data() {
            return Ok(Some(bytes));
        }
    }
    Ok(None)
}

/// A body that is being read.
struct Reading {
    content: Content,
    intake: FileIntake,
    received: Option<Received>,
    hashing: Hashing,
    is_empty: bool,
}

enum Content {
    Json(FieldReader),
    Form(Vec<u8>),
    Other,
}

impl Reading {
    fn new(content_type: ContentType, intake: FileIntake, hashing: Hashing) -> Self {
        let content = match content_type {
            ContentType::Json => Content::Json(FieldReader::new(intake.field, intake.limit)),
            ContentType::Form => Content::Form(Vec::new()),
            ContentType::Other => Content::Other,
        };
        Self { content, intake, received: None, hashing, is_empty: true }
    }

    async fn push(&mut self, bytes: &[u8]) -> Result<(), ApiError> {
        self.is_empty &= bytes.is_empty();
        self.hashing.push(bytes);
        let reader = match &mut self.content {
            Content::Json(reader) => reader,
            Content::Form(form) if form.len() + bytes.len() > self.intake.limit => return Err(too_large()),
            Content::Form(form) => {
                form.extend_from_slice(bytes);
                return Ok(());
            }
            Content::Other => return Ok(()),
        };
        let mut events = Vec::new();
        reader.push(bytes, &mut events)?;
        for event in events {
            match event {
                Event::Begins => self.received = Some(Received::begin(Arc::clone(&self.intake.media)).await),
                Event::ComesAgain => self.received = None,
                Event::Piece(piece) => {
                    if let Some(received) = &mut self.received {
                        received.write(&piece).await;
                    }
                }
            }
        }
        Ok(())
    }

    fn end(self) -> Result<FileBody, ApiError> {
        let idempotency = self.hashing.end();
        let value = match self.content {
            _ if self.is_empty => Value::Object(Map::new()),
            Content::Json(reader) => {
                let (rest, shortened) = reader.end();
                json(&rest).map_err(|error| error.refusal(!shortened))?
            }
            Content::Form(bytes) => form(&bytes)?,
            Content::Other => Value::Object(Map::new()),
        };
        debug_assert!(self.received.is_none() || value[self.intake.field] == MARKER, "the text is in the store");
        Ok(FileBody { value, received: self.received, idempotency })
    }
}

impl From<Fault> for ApiError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::TooLarge => too_large(),
            Fault::NotUtf8 => crate::body::NotJson::NotUtf8.refusal(false),
            Fault::NotJson(reason) => Self::bad_request(format!("The body is not valid JSON: {reason}.")),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use async_trait::async_trait;
    use axum::extract::{DefaultBodyLimit, State};
    use axum::routing::post;
    use axum::{Json, Router};
    use bytes::Bytes;
    use futures::stream;
    use http::{Response, StatusCode};
    use jobapp_kernel::{Collected, MediaError, MediaSink, StoredMedia, Upload, UploadPurpose};
    use serde_json::json;
    use tower::ServiceExt;

    use super::*;
    use crate::JsonBody;

    const LIMIT: usize = 1024 * 1024;

    /// Answers with how long the source was; refuses one that ends in `bad`.
    struct Lengths;

    #[async_trait]
    impl MediaStore for Lengths {
        async fn store(&self, upload: Upload) -> Result<StoredMedia, MediaError> {
            if upload.source.ends_with("bad") {
                return Err(MediaError::invalid("it is bad"));
            }
            Ok(StoredMedia { reference: upload.source.len().to_string() })
        }

        async fn begin(self: Arc<Self>) -> Result<Box<dyn MediaSink>, MediaError> {
            Ok(Collected::begin(self))
        }
    }

    #[derive(Clone)]
    struct Service;

    impl FromRef<Service> for FileIntake {
        fn from_ref(_: &Service) -> Self {
            Self { media: Arc::new(Lengths), field: "file", limit: 100_000 }
        }
    }

    async fn streamed(State(Service): State<Service>, body: FileBody) -> Result<Json<Value>, ApiError> {
        let stored = match body.received {
            Some(received) => Some(received.keep(UploadPurpose::Picture, None).await?.reference),
            None => None,
        };
        let key = body.idempotency.map(|key| format!("{:?}", key.cause("me", "here")));
        Ok(Json(json!({"value": body.value, "stored": stored, "key": key})))
    }

    async fn whole(body: JsonBody) -> Json<Value> {
        let key = body.cause("me", "here").map(|cause| format!("{cause:?}"));
        Json(json!({"value": body.value, "stored": null, "key": key}))
    }

    async fn ask(path: &str, content_type: &str, key: Option<&str>, body: &[u8]) -> (StatusCode, Value) {
        ask_with(path, &[("content-type", content_type)], key, body).await
    }

    async fn ask_with(path: &str, headers: &[(&str, &str)], key: Option<&str>, body: &[u8]) -> (StatusCode, Value) {
        let router = Router::new()
            .route("/streamed", post(streamed))
            .route("/whole", post(whole))
            .layer(DefaultBodyLimit::max(LIMIT))
            .with_state(Service);
        let pieces: Vec<_> =
            body.chunks(10_007).map(|piece| Ok::<_, Infallible>(Bytes::copy_from_slice(piece))).collect();
        let mut request = Request::post(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let request = request.body(Body::from_stream(stream::iter(pieces))).unwrap();
        read(router.oneshot(request).await.unwrap()).await
    }

    async fn read(response: Response<Body>) -> (StatusCode, Value) {
        let status = response.status();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&bytes).unwrap())
    }

    const JSON: &str = "application/json; charset=utf-8";

    #[tokio::test]
    async fn without_a_large_file_it_reads_and_refuses_as_every_other_route_does() {
        for (content_type, body) in [
            (JSON, &br#"{"file":"data:;base64,aGk=","a":[1]}"#[..]),
            (JSON, br#"[1]"#),
            (JSON, b""),
            (JSON, b"{"),
            (JSON, b"{\n \"a\": x}"),
            (JSON, b"7"),
            (JSON, b"{\"a\":\"\xff\"}"),
            (JSON, b"\xef\xbb\xbf{\"a\":1}"),
            (JSON, br#"{"a":"\ud800"}"#),
            ("application/x-www-form-urlencoded", b"file=x&a%5B%5D=1"),
            ("text/plain", b"hello"),
        ] {
            for key in [None, Some("k-1"), Some(""), Some("\t")] {
                let expected = ask("/whole", content_type, key, body).await;
                assert_eq!(ask("/streamed", content_type, key, body).await, expected, "{content_type} {key:?}");
            }
        }
    }

    #[tokio::test]
    async fn a_large_file_goes_to_the_store_and_the_rest_is_read() {
        let file = format!("data:;base64,{}", "A".repeat(300_000));
        let body = json!({"a": "b", "file": file, "z": [1, 2]}).to_string();
        let (status, answer) = ask("/streamed", JSON, Some("k-1"), body.as_bytes()).await;
        assert_eq!((status, &answer["stored"]), (StatusCode::OK, &json!("300013")));
        assert_eq!(answer["value"], json!({"a": "b", "file": MARKER, "z": [1, 2]}));
        // The key is the same whether or not the file was taken out.
        let (_, whole) = ask("/whole", JSON, Some("k-1"), body.as_bytes()).await;
        assert_eq!(answer["key"], whole["key"]);
    }

    #[tokio::test]
    async fn a_compressed_file_goes_to_the_store_as_it_was_and_counts_as_large_as_it_was() {
        let gzip = |text: &str| {
            use std::io::Write;
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
            encoder.write_all(text.as_bytes()).unwrap();
            encoder.finish().unwrap()
        };
        let headers = [("content-type", JSON), ("content-encoding", "gzip")];
        let body = |size: usize| json!({"a": "b", "file": format!("data:;base64,{}", "A".repeat(size))}).to_string();
        let (status, answer) = ask_with("/streamed", &headers, Some("k-1"), &gzip(&body(300_000))).await;
        assert_eq!((status, &answer["stored"]), (StatusCode::OK, &json!("300013")));
        // What is done once is the same whether or not it was compressed on its way.
        let (_, plain) = ask("/streamed", JSON, Some("k-1"), body(300_000).as_bytes()).await;
        assert_eq!(answer["key"], plain["key"]);
        let bomb = gzip(&body(4 * LIMIT));
        assert!(bomb.len() < LIMIT / 10);
        let (status, _) = ask_with("/streamed", &headers, None, &bomb).await;
        assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
        let (status, _) = ask_with("/streamed", &headers, None, body(300_000).as_bytes()).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
    }

    #[tokio::test]
    async fn a_broken_body_with_a_large_file_is_refused() {
        let file = "A".repeat(300_000);
        for (body, status, message) in [
            (format!(r#"{{"file":"{file}""#), 400, "The body is not valid JSON: EOF while parsing an object."),
            (format!(r#"{{"file":"{file}","#), 400, "The body is not valid JSON: EOF while parsing a value."),
            (format!(r#"{{"file":"{file}\q"}}"#), 400, "The body is not valid JSON: invalid escape."),
            (format!(r#"{{"file":"{file}bad"}}"#), 400, "the upload cannot be used: it is bad"),
            (
                format!(r#"{{"a":"{file}"}}"#),
                413,
                "This is too large. Choose a smaller picture or file, or send less text.",
            ),
            (
                format!(r#"{{"a":{{"file":"{file}"}}}}"#),
                413,
                "This is too large. Choose a smaller picture or file, or send less text.",
            ),
            (
                format!(r#"{{"file":"{}"}}"#, "A".repeat(LIMIT)),
                413,
                "This is too large. Choose a smaller picture or file, or send less text.",
            ),
        ] {
            let (got, answer) = ask("/streamed", JSON, None, body.as_bytes()).await;
            assert_eq!((got.as_u16(), &answer["message"]), (status, &json!(message)));
        }
        let (status, _) = ask("/streamed", "application/x-www-form-urlencoded", None, file.as_bytes()).await;
        assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
        let latin = [br#"{"file":""#, file.as_bytes(), b"\xe9\"}"].concat();
        let (status, answer) = ask("/streamed", JSON, None, &latin).await;
        assert_eq!((status.as_u16(), &answer["message"]), (400, &json!("The body is not valid UTF-8.")));
    }
}
