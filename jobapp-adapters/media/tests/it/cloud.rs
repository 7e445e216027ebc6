//! A Cloudinary to try things with: it checks signatures as the documentation says, and keeps what it is sent.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::{HeaderMap, StatusCode};
use jobapp_media::{CloudinaryConfig, HostedConfig, HostedMedia, MediaLimits};
use parking_lot::Mutex;
use serde_json::{Value, json};
use sha1::Sha1;
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::{URL, links};

const KEY: &str = "1234";
const SECRET: &str = "shh@it";

/// What it does in place of what it is asked to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    Answer(StatusCode),
    /// It is done, and the answer is lost.
    LostAnswer,
}

type Faults = Arc<Mutex<Box<dyn FnMut(&str) -> Option<Fault> + Send>>>;

/// An account that keeps nothing yet.
#[derive(Clone)]
pub struct Cloud {
    pub address: String,
    kept: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
    /// What came of uploads in chunks.
    chunks: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
    faults: Faults,
    server: Arc<Mutex<Option<JoinHandle<()>>>>,
}

type Fields = BTreeMap<String, String>;

impl Cloud {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let cloud = Self {
            address,
            kept: Arc::default(),
            chunks: Arc::default(),
            faults: Arc::new(Mutex::new(Box::new(|_| None))),
            server: Arc::default(),
        };
        let router = Router::new()
            .route("/v1_1/demo/{resource}/upload", post(upload))
            .route("/v1_1/demo/{resource}/destroy", post(destroy))
            .route("/v1_1/demo/{resource}/download", get(download))
            .route("/v1_1/demo/ping", get(ping))
            .route("/pictures/{*picture}", get(picture))
            .layer(DefaultBodyLimit::disable())
            .with_state(cloud.clone());
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        *cloud.server.lock() = Some(server);
        cloud
    }

    /// From now on it fails as this says of what it is asked to do, such as `image/upload`.
    pub fn fail(&self, faults: impl FnMut(&str) -> Option<Fault> + Send + 'static) {
        *self.faults.lock() = Box::new(faults);
    }

    pub fn url(&self, secret: &str, parameters: &str) -> String {
        let address = &self.address;
        format!("cloudinary://{KEY}:{secret}@demo?endpoint={address}&public={address}/pictures/jobapp{parameters}")
    }

    pub fn media(&self, limits: MediaLimits, parameters: &str) -> HostedMedia {
        self.media_of(&self.url("shh%40it", parameters), limits)
    }

    pub fn media_of(&self, url: &str, limits: MediaLimits) -> HostedMedia {
        let config = HostedConfig { public_url: URL.to_owned(), limits, links: links() };
        HostedMedia::at_cloudinary(CloudinaryConfig::from_url(url).unwrap(), config).unwrap()
    }

    pub fn kept(&self) -> usize {
        self.kept.lock().len()
    }

    /// What is kept as this.
    pub fn content(&self, key: &str) -> Option<Vec<u8>> {
        self.kept.lock().get(key).cloned()
    }

    pub fn stop(&self) {
        self.server.lock().take().unwrap().abort();
    }

    /// The answer to a request that is not signed as the documentation says, or not now.
    fn unsigned(fields: &Fields) -> Option<Answer> {
        let refused = |why: &str| Some(answer(StatusCode::UNAUTHORIZED, json!({ "error": { "message": why } })));
        let signed = fields.iter().filter(|(name, _)| !matches!(&***name, "file" | "api_key" | "signature"));
        let pairs: Vec<String> = signed.map(|(name, value)| format!("{name}={value}")).collect();
        let text = pairs.join("&") + SECRET;
        let signatures = [hex::encode(Sha1::digest(&text)), hex::encode(Sha256::digest(&text))];
        if fields.get("api_key").map(String::as_str) != Some(KEY) {
            return refused("unknown api_key");
        }
        if !fields.get("signature").is_some_and(|signature| signatures.contains(signature)) {
            return refused("Invalid Signature");
        }
        let at: u64 = fields["timestamp"].parse().unwrap();
        if now().abs_diff(at) > 3600 {
            return refused("Stale request");
        }
        None
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

type Answer = Response;

fn answer(status: StatusCode, body: Value) -> Answer {
    (status, axum::Json(body)).into_response()
}

/// Ends the connection in place of an answer.
fn lost() -> Answer {
    let ended = futures::stream::iter([Ok(Bytes::from_static(b"{")), Err(std::io::Error::other("it was told to end"))]);
    Response::new(axum::body::Body::from_stream(ended))
}

async fn upload(State(cloud): State<Cloud>, Path(resource): Path<String>, headers: HeaderMap, body: Bytes) -> Answer {
    let fault = (*cloud.faults.lock())(&format!("{resource}/upload"));
    if let Some(Fault::Answer(status)) = fault {
        return answer(status, json!({ "error": { "message": "it was told to" } }));
    }
    let (fields, file) = form(&headers, &body);
    if let Some(refused) = Cloud::unsigned(&fields) {
        return refused;
    }
    let key = format!("{resource}/{}/{}", fields["type"], fields["public_id"]);
    let whole = match headers.get("content-range") {
        None => file,
        Some(range) => {
            let range = range.to_str().unwrap().strip_prefix("bytes ").unwrap();
            let (part, total) = range.split_once('/').unwrap();
            let (first, last) = part.split_once('-').unwrap();
            let [first, last, total] = [first, last, total].map(|number| number.parse::<usize>().unwrap());
            assert_eq!(last - first + 1, file.len());
            let upload = headers["x-unique-upload-id"].to_str().unwrap().to_owned();
            let mut chunks = cloud.chunks.lock();
            let so_far = chunks.entry(upload.clone()).or_default();
            so_far.truncate(first);
            assert_eq!(so_far.len(), first, "a chunk is missing");
            so_far.extend(file);
            if so_far.len() < total {
                return answer(StatusCode::OK, json!({ "done": false, "kind": "upload" }));
            }
            chunks.remove(&upload).unwrap()
        }
    };
    let length = whole.len();
    cloud.kept.lock().insert(key, whole);
    if fault == Some(Fault::LostAnswer) {
        return lost();
    }
    answer(StatusCode::OK, json!({ "public_id": fields["public_id"], "bytes": length }))
}

async fn destroy(
    State(cloud): State<Cloud>,
    Path(resource): Path<String>,
    axum::Form(fields): axum::Form<Fields>,
) -> Answer {
    if let Some(refused) = Cloud::unsigned(&fields) {
        return refused;
    }
    let key = format!("{resource}/{}/{}", fields["type"], fields["public_id"]);
    let result = if cloud.kept.lock().remove(&key).is_some() { "ok" } else { "not found" };
    answer(StatusCode::OK, json!({ "result": result }))
}

async fn download(State(cloud): State<Cloud>, Path(resource): Path<String>, Query(fields): Query<Fields>) -> Answer {
    if let Some(refused) = Cloud::unsigned(&fields) {
        return refused;
    }
    if fields["expires_at"].parse::<u64>().unwrap() < now() {
        return answer(StatusCode::UNAUTHORIZED, json!({ "error": { "message": "Expired" } }));
    }
    let key = format!("{resource}/{}/{}", fields["type"], fields["public_id"]);
    found(cloud.content(&key))
}

/// Pictures are for everybody, under their name with the ending of a type.
async fn picture(State(cloud): State<Cloud>, Path(picture): Path<String>) -> Answer {
    let bare = picture.rsplit_once('.').map_or(&*picture, |(bare, _)| bare);
    found(cloud.content(&format!("image/upload/{bare}")))
}

fn found(content: Option<Vec<u8>>) -> Answer {
    content.map_or_else(|| StatusCode::NOT_FOUND.into_response(), IntoResponse::into_response)
}

async fn ping(headers: HeaderMap) -> Answer {
    use base64::Engine as _;
    let known = base64::engine::general_purpose::STANDARD.encode(format!("{KEY}:{SECRET}"));
    if headers["authorization"] == format!("Basic {known}") {
        return answer(StatusCode::OK, json!({ "status": "ok" }));
    }
    answer(StatusCode::UNAUTHORIZED, json!({ "error": { "message": "Invalid credentials" } }))
}

/// The fields of a form, and its file.
fn form(headers: &HeaderMap, body: &[u8]) -> (Fields, Vec<u8>) {
    let kind = headers["content-type"].to_str().unwrap();
    let boundary = format!("--{}", kind.strip_prefix("multipart/form-data; boundary=").unwrap());
    let (mut fields, mut file) = (Fields::new(), Vec::new());
    for part in split(body, boundary.as_bytes()) {
        let Some(part) = part.strip_prefix(b"\r\n") else { continue };
        let end = part.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
        let (head, content) = (String::from_utf8(part[..end].to_vec()).unwrap(), &part[end + 4..]);
        let content = content.strip_suffix(b"\r\n").unwrap();
        let name = head.split("name=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        if name == "file" {
            file = content.to_vec();
        } else {
            fields.insert(name, String::from_utf8(content.to_vec()).unwrap());
        }
    }
    (fields, file)
}

fn split<'a>(mut text: &'a [u8], at: &[u8]) -> Vec<&'a [u8]> {
    let mut parts = Vec::new();
    while let Some(place) = text.windows(at.len()).position(|window| window == at) {
        parts.push(&text[..place]);
        text = &text[place + at.len()..];
    }
    parts.push(text);
    parts
}
