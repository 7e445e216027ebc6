//! Media at Cloudinary.

mod form;
mod signature;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use backon::{ExponentialBuilder, Retryable};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE};
use http::{HeaderName, Method, Request, StatusCode};
use http_body_util::{BodyExt, Empty, Full};
use percent_encoding::percent_decode_str;
use serde_json::Value;
use url::form_urlencoded;

use self::signature::{Parameters, Signer};
use super::http::{AskError, Body, BoxError, Http};
use super::settings::{Common, parsed, web_address};
use super::{Host, HostAddressError, HostError, HostedConfig, HostedMedia, Object};
use crate::names;

/// How its addresses look.
const EXAMPLE: &str = "cloudinary://<key>:<secret>@<cloud name>?folder=jobapp";

/// What is larger goes in chunks of this size. Cloudinary takes none below 5 MiB, but the last, and nothing above 100 MB at once.
const CHUNK: u64 = 20 * 1024 * 1024;

/// How often a request is made that may succeed the next time.
const TRIES: usize = 3;

/// An account at Cloudinary.
#[derive(Debug)]
pub struct CloudinaryConfig {
    signer: Signer,
    cloud: String,
    api: String,
    folder: String,
    is_encrypted: bool,
    common: Common,
}

impl CloudinaryConfig {
    /// Of an address: `cloudinary://<key>:<secret>@<cloud name>?folder=…&signature=…&endpoint=…&public=…&earlier=…&spool=…`.
    ///
    /// # Errors
    /// [`HostAddressError`] says what is wrong, and what would be right.
    pub fn from_url(url: &str) -> Result<Self, HostAddressError> {
        let url = parsed(url, EXAMPLE)?;
        let missing = |what: &str| HostAddressError::new(format!("{what}, as in {EXAMPLE}"));
        let cloud = url.host_str().filter(|cloud| !cloud.is_empty()).ok_or_else(|| missing("name the cloud"))?;
        let decoded = |part: &str| percent_decode_str(part).decode_utf8().map(String::from);
        let key = decoded(url.username()).ok().filter(|key| !key.is_empty());
        let secret = url.password().and_then(|secret| decoded(secret).ok()).filter(|secret| !secret.is_empty());
        let (Some(key), Some(secret)) = (key, secret) else {
            return Err(missing("an API key and its secret are needed, from the page of the account"));
        };
        let (mut folder, mut endpoint) = ("jobapp".to_owned(), "https://api.cloudinary.com".to_owned());
        let mut digest = signature::Digest::default();
        let common = Common::read(&url, &["folder", "signature", "endpoint"], |name, value| {
            match name {
                "folder" if is_folder(value) => folder = value.to_owned(),
                "folder" => {
                    let expected = "letters, digits, dashes and slashes";
                    return Err(HostAddressError::new(format!("folder={value} has something else than {expected}")));
                }
                "signature" => digest = value.parse()?,
                "endpoint" => endpoint = web_address(name, value)?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(Self {
            signer: Signer::new(key, secret, digest),
            cloud: cloud.to_owned(),
            is_encrypted: endpoint.starts_with("https:"),
            api: format!("{endpoint}/v1_1/{cloud}"),
            folder,
            common,
        })
    }
}

fn is_folder(text: &str) -> bool {
    let is_part = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    text.split('/').all(is_part)
}

impl HostedMedia {
    /// Media at Cloudinary. Nothing is asked of it yet.
    ///
    /// # Errors
    /// [`HostAddressError`] when there is no way to reach it, or uploads have no place to wait.
    pub fn at_cloudinary(account: CloudinaryConfig, config: HostedConfig) -> Result<Self, HostAddressError> {
        let CloudinaryConfig { signer, cloud, api, folder, is_encrypted, common } = account;
        let http = Http::new(is_encrypted)?;
        let usual = || format!("https://res.cloudinary.com/{cloud}/image/upload/{folder}/");
        let pictures = common.public.clone().unwrap_or_else(usual);
        let host = Cloudinary { http: http.clone(), signer, api, folder, pictures };
        Self::new(Arc::new(host), http, common, config)
    }
}

/// An account at Cloudinary.
#[derive(Debug)]
struct Cloudinary {
    http: Http,
    signer: Signer,
    api: String,
    folder: String,
    pictures: String,
}

/// What Cloudinary calls something of ours.
#[derive(Debug)]
struct Asset {
    /// What it is treated as.
    resource: &'static str,
    /// Who may read it.
    delivery: &'static str,
    public_id: String,
}

/// A part of a file that is sent in chunks.
struct Chunk<'a> {
    upload: &'a str,
    first: u64,
    count: u64,
    of: u64,
}

impl Cloudinary {
    /// Pictures are shown to everybody, under their name without its ending; files to those for whom we sign an address.
    fn asset(&self, name: &str) -> Asset {
        let folder = &self.folder;
        if names::extension_of_private(name).is_some() {
            return Asset { resource: "raw", delivery: "authenticated", public_id: format!("{folder}/{name}") };
        }
        let bare = name.split_once('.').map_or(name, |(bare, _)| bare);
        Asset { resource: "image", delivery: "upload", public_id: format!("{folder}/{bare}") }
    }

    /// What says which asset is meant. Signed anew for each attempt: a signature is good for an hour.
    fn signed(&self, asset: &Asset, more: &[(&'static str, &str)]) -> Parameters {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let mut parameters = Parameters::from([
            ("public_id", asset.public_id.clone()),
            ("timestamp", now.to_string()),
            ("type", asset.delivery.to_owned()),
        ]);
        parameters.extend(more.iter().map(|(name, value)| (*name, (*value).to_owned())));
        self.signer.sign(parameters)
    }

    /// Asks until there is an answer, or no hope.
    async fn until_answered<F>(&self, attempt: impl FnMut() -> F) -> Result<Value, Failure>
    where
        F: Future<Output = Result<Value, Failure>>,
    {
        let pauses = ExponentialBuilder::default().with_min_delay(Duration::from_millis(200)).with_max_times(TRIES - 1);
        attempt.retry(pauses).when(Failure::may_pass).await
    }

    async fn answered(&self, request: Request<Body>) -> Result<Value, Failure> {
        let answer = self.http.ask(request).await.map_err(Failure::Unanswered)?;
        let told: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
        if answer.status().is_success() {
            return Ok(told);
        }
        let reason = told["error"]["message"].as_str().unwrap_or("it does not say why").to_owned();
        Err(Failure::Answered { status: answer.status(), reason })
    }

    async fn send(&self, asset: &Asset, content: &Path, chunk: &Chunk<'_>) -> Result<Value, Failure> {
        let fields = self.signed(asset, &[]);
        let form = form::Form::new(&fields, chunk.count);
        let mut request = Request::post(format!("{}/{}/upload", self.api, asset.resource))
            .header(CONTENT_TYPE, form.content_type())
            .header(CONTENT_LENGTH, form.length());
        if chunk.count < chunk.of {
            let last = chunk.first + chunk.count - 1;
            request = request
                .header(HeaderName::from_static("x-unique-upload-id"), chunk.upload)
                .header(CONTENT_RANGE, format!("bytes {}-{last}/{}", chunk.first, chunk.of));
        }
        let body = form.body(content, chunk.first).await.map_err(|error| Failure::Hopeless(error.into()))?;
        self.answered(request.body(body).map_err(|error| Failure::Hopeless(error.into()))?).await
    }
}

#[async_trait]
impl Host for Cloudinary {
    async fn put(&self, object: &Object<'_>, content: &Path) -> Result<(), HostError> {
        const ATTEMPT: &str = "store an upload";
        let asset = self.asset(object.name);
        let size = if object.length > CHUNK { CHUNK } else { object.length };
        let mut told = Value::Null;
        let mut first = 0;
        while first < object.length {
            let count = size.min(object.length - first);
            let chunk = Chunk { upload: object.name, first, count, of: object.length };
            told =
                self.until_answered(|| self.send(&asset, content, &chunk)).await.map_err(|failure| match failure {
                    // Our own look at a picture goes no further than its headers.
                    Failure::Answered { status: StatusCode::BAD_REQUEST, .. } if object.is_picture => {
                        HostError::refused(ATTEMPT, failure)
                    }
                    failure => HostError::new(ATTEMPT, failure),
                })?;
            first += count;
        }
        // Pictures may be made smaller on their way in, if the account says so.
        let stored = told["bytes"].as_u64();
        if stored == Some(object.length) || object.is_picture && stored.is_some() {
            return Ok(());
        }
        Err(HostError::new(ATTEMPT, format!("it has {stored:?} of {} bytes", object.length)))
    }

    async fn remove(&self, name: &str) -> Result<(), HostError> {
        let asset = self.asset(name);
        let address = format!("{}/{}/destroy", self.api, asset.resource);
        let destroy = || async {
            let fields = self.signed(&asset, &[("invalidate", "true")]);
            let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(&fields).finish();
            let request = Request::post(&address)
                .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(Full::new(Bytes::from(body)).map_err(Into::into).boxed_unsync())
                .map_err(|error| Failure::Hopeless(error.into()))?;
            self.answered(request).await
        };
        let told = self.until_answered(destroy).await;
        let told = told.map_err(|failure| HostError::new("remove an upload", failure))?;
        match told["result"].as_str() {
            Some("ok" | "not found") => Ok(()),
            other => Err(HostError::new("remove an upload", format!("it answers {other:?}"))),
        }
    }

    async fn reading(&self, _: &Method, name: &str, _: &str, good_for: Duration) -> Result<String, HostError> {
        let asset = self.asset(name);
        let end = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default() + good_for;
        let end = end.as_secs().to_string();
        // The name it is saved as cannot be told there: it is that of the file.
        let fields = self.signed(&asset, &[("attachment", "true"), ("expires_at", &end)]);
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(&fields).finish();
        Ok(format!("{}/{}/download?{query}", self.api, asset.resource))
    }

    fn pictures(&self) -> Option<&str> {
        Some(&self.pictures)
    }

    async fn look(&self) -> Result<(), HostError> {
        let known_as = format!("Basic {}", STANDARD.encode(self.signer.basic()));
        let ping = || async {
            let request = Request::get(format!("{}/ping", self.api))
                .header(AUTHORIZATION, &known_as)
                .body(Empty::new().map_err(Into::into).boxed_unsync())
                .map_err(|error| Failure::Hopeless(error.into()))?;
            self.answered(request).await
        };
        self.until_answered(ping).await.map(drop).map_err(|failure| HostError::new("answer", failure))
    }
}

/// Why Cloudinary did not do something.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Unanswered(AskError),
    #[error("it answers {status}: {reason}")]
    Answered { status: StatusCode, reason: String },
    #[error(transparent)]
    Hopeless(BoxError),
}

impl Failure {
    /// Whether trying again may help in time. Whatever is asked may be done twice.
    fn may_pass(&self) -> bool {
        match self {
            Self::Unanswered(AskError::Late) | Self::Hopeless(_) => false,
            Self::Unanswered(AskError::Unreachable(_) | AskError::Lost(_)) => true,
            Self::Answered { status, .. } => status.is_server_error(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_says_whose_the_account_is() {
        let config = CloudinaryConfig::from_url("cloudinary://123:s%40id@demo?folder=a/b&signature=sha256").unwrap();
        assert_eq!((&*config.api, &*config.folder), ("https://api.cloudinary.com/v1_1/demo", "a/b"));
        assert_eq!(config.signer.basic(), "123:s@id");
        assert!(config.is_encrypted);
        assert!(!format!("{config:?}").contains("s@id"));
    }

    #[test]
    fn a_wrong_address_is_told_with_its_remedy_and_without_its_secret() {
        for (url, remedy) in [
            ("cloudinary:", "name the cloud, as in cloudinary://"),
            ("cloudinary://demo", "an API key and its secret are needed"),
            ("cloudinary://123:hush@demo?folder=a b", "folder=a b has something else than letters"),
            ("cloudinary://123:hush@demo?signature=md5", "signature=md5"),
            ("cloudinary://123:hush@demo?region=x", "there is no parameter \"region\"; known are folder, signature"),
        ] {
            let error = CloudinaryConfig::from_url(url).unwrap_err().to_string();
            assert!(error.contains(remedy) && !error.contains("hush"), "{url}: {error}");
        }
    }
}
