//! Media in a bucket of an S3-compatible store of objects.

use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use futures::TryStreamExt;
use futures::stream::FuturesUnordered;
use http::Method;
use http_body_util::{BodyExt, Full};
use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey};
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpResponseBody, HttpService,
};
use object_store::list::{PaginatedListOptions, PaginatedListStore};
use object_store::path::Path as Key;
use object_store::signer::{SignedUrlOptions, Signer};
use object_store::{
    Attribute, Attributes, BackoffConfig, ClientOptions, Error, MultipartUpload, ObjectStore, ObjectStoreExt,
    PutMultipartOptions, PutOptions, RetryConfig,
};
use tokio::io::AsyncReadExt;

use super::http::{AskError, BoxError, Http};
use super::settings::{Common, parsed, web_address};
use super::{Host, HostAddressError, HostError, HostedConfig, HostedMedia, Object};
use crate::{names, types};

/// How its addresses look.
const EXAMPLE: &str = "s3://bucket/prefix?region=eu-west-1";

/// What is larger goes in parts of this size. A store takes none below 5 MiB, but the last.
const PART: u64 = 8 * 1024 * 1024;
/// How many parts of an upload are on their way at once, in memory.
const PARTS_AT_ONCE: usize = 3;

/// A request whose answer is an error is made again so often, within this time: the gateway waits twenty seconds for everything.
const RETRIES: usize = 2;
const RETRIED_WITHIN: Duration = Duration::from_secs(6);

/// A bucket, and how it is reached.
#[derive(Debug)]
pub struct S3Config {
    builder: AmazonS3Builder,
    prefix: String,
    is_encrypted: bool,
    common: Common,
}

impl S3Config {
    /// Of an address: `s3://<bucket>/<prefix>?region=…&endpoint=…&public=…&earlier=…&spool=…`. Keys and whatever else is not in the address
    /// are taken from the usual variables: `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`, `AWS_REGION`…
    ///
    /// # Errors
    /// [`HostAddressError`] says what is wrong, and what would be right.
    pub fn from_url(
        url: &str,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, HostAddressError> {
        use AmazonS3ConfigKey as Setting;

        let url = parsed(url, EXAMPLE)?;
        let wrong = |what: &str| HostAddressError::new(format!("{what}, as in {EXAMPLE}"));
        let bucket = url.host_str().filter(|bucket| !bucket.is_empty()).ok_or_else(|| wrong("name a bucket"))?;
        let of_variables = variables.into_iter().filter_map(|(name, value)| {
            let name = name.strip_prefix("AWS_").map(|_| name.to_ascii_lowercase())?;
            name.parse::<Setting>().ok().filter(|_| !value.is_empty()).map(|setting| (setting, value))
        });
        let mut builder = of_variables
            .fold(AmazonS3Builder::new(), |builder, (setting, value)| builder.with_config(setting, value))
            .with_bucket_name(bucket);
        let (mut region, mut endpoint) = (None, None);
        let common = Common::read(&url, &["region", "endpoint"], |name, value| {
            match name {
                "region" => region = Some(value.to_owned()),
                "endpoint" => endpoint = Some(web_address(name, value)?),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        if let Some(region) = region {
            builder = builder.with_region(region);
        }
        if let Some(endpoint) = endpoint {
            builder = builder.with_config(Setting::S3Endpoint, endpoint);
        }
        let said = |setting: Setting| builder.get_config_value(&setting);
        let endpoint = said(Setting::S3Endpoint).or_else(|| said(Setting::Endpoint));
        match &endpoint {
            Some(endpoint) if said(Setting::AccessKeyId).is_none() => {
                return Err(HostAddressError::new(format!(
                    "{endpoint} needs keys: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
                )));
            }
            None if said(Setting::Region).is_none() => {
                return Err(wrong("name the region of the bucket, or set AWS_REGION"));
            }
            _ => {}
        }
        let is_encrypted = endpoint.is_none_or(|endpoint| !endpoint.starts_with("http://"));
        let prefix = url.path().trim_matches('/').to_owned();
        Ok(Self { builder, prefix, is_encrypted, common })
    }
}

impl HostedMedia {
    /// Media in a bucket. Nothing is asked of it yet.
    ///
    /// # Errors
    /// [`HostAddressError`] when there is no way to reach it, or uploads have no place to wait.
    pub fn in_bucket(bucket: S3Config, config: HostedConfig) -> Result<Self, HostAddressError> {
        let http = Http::new(bucket.is_encrypted)?;
        let backoff = BackoffConfig {
            init_backoff: Duration::from_millis(100),
            max_backoff: Duration::from_secs(1),
            ..BackoffConfig::default()
        };
        let retry = RetryConfig { backoff, max_retries: RETRIES, retry_timeout: RETRIED_WITHIN };
        let store = bucket
            .builder
            .with_retry(retry)
            .with_http_connector(Connector(http.clone()))
            .build()
            .map_err(|error| HostAddressError::because("the bucket cannot be reached", error))?;
        let host = Bucket { store, prefix: bucket.prefix, public: bucket.common.public.clone() };
        Self::new(std::sync::Arc::new(host), http, bucket.common, config)
    }
}

/// A bucket.
#[derive(Debug)]
struct Bucket {
    store: AmazonS3,
    prefix: String,
    public: Option<String>,
}

impl Bucket {
    /// Pictures and files have folders of their own, so that a policy can tell them apart.
    fn key(&self, name: &str) -> Key {
        let folder = if names::extension_of_private(name).is_some() { "files" } else { "pictures" };
        Key::from_iter(self.prefix.split('/').filter(|part| !part.is_empty()).chain([folder, name]))
    }

    async fn put_in_parts(&self, key: &Key, attributes: Attributes, content: &Path) -> Result<(), BoxError> {
        let options = PutMultipartOptions { attributes, ..PutMultipartOptions::default() };
        let mut unfinished = Unfinished(Some(self.store.put_multipart_opts(key, options).await?));
        let Some(upload) = &mut unfinished.0 else { return Ok(()) };
        let mut file = tokio::fs::File::open(content).await?;
        let mut on_their_way = FuturesUnordered::new();
        loop {
            let mut part = Vec::new();
            (&mut file).take(PART).read_to_end(&mut part).await?;
            if part.is_empty() {
                break;
            }
            if on_their_way.len() >= PARTS_AT_ONCE {
                on_their_way.try_next().await?;
            }
            on_their_way.push(upload.put_part(part.into()));
        }
        while on_their_way.try_next().await?.is_some() {}
        upload.complete().await?;
        unfinished.0 = None;
        Ok(())
    }
}

#[async_trait]
impl Host for Bucket {
    async fn put(&self, object: &Object<'_>, content: &Path) -> Result<(), HostError> {
        let key = self.key(object.name);
        let attributes = attributes(object);
        let put = async {
            if object.length > PART {
                return self.put_in_parts(&key, attributes, content).await;
            }
            let options = PutOptions { attributes, ..PutOptions::default() };
            let bytes = tokio::fs::read(content).await?;
            self.store.put_opts(&key, bytes.into(), options).await?;
            Ok(())
        };
        put.await.map_err(|source| HostError::new("store an upload", source))
    }

    async fn remove(&self, name: &str) -> Result<(), HostError> {
        match self.store.delete(&self.key(name)).await {
            Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(HostError::new("remove an upload", error)),
        }
    }

    async fn reading(&self, method: &Method, name: &str, shown: &str, good_for: Duration) -> Result<String, HostError> {
        let mut options = SignedUrlOptions::new();
        if let Some(extension) = names::extension_of_private(name) {
            let disposition = names::disposition(types::served(extension).inline, shown);
            options = options.with_query([
                ("response-content-disposition", disposition),
                ("response-cache-control", "private, no-store".to_owned()),
            ]);
        }
        let signed = self.store.signed_url_opts(method.clone(), &self.key(name), good_for, &options).await;
        Ok(signed.map_err(|error| HostError::new("let a file be read", error))?.into())
    }

    fn pictures(&self) -> Option<&str> {
        self.public.as_deref()
    }

    async fn look(&self) -> Result<(), HostError> {
        let options = PaginatedListOptions { max_keys: Some(1), ..PaginatedListOptions::default() };
        let looked = self
            .store
            .list_paginated(Some(&self.prefix).filter(|prefix| !prefix.is_empty()).map(|prefix| &**prefix), options);
        looked.await.map(drop).map_err(|error| HostError::new("answer", error))
    }
}

/// What is said of an object to who reads it.
fn attributes(object: &Object<'_>) -> Attributes {
    let disposition = if object.served.inline { "inline" } else { "attachment" };
    // A name is given once, so what is behind it never changes.
    let keeping = if object.is_picture { "public, max-age=31536000, immutable" } else { "private, no-store" };
    Attributes::from_iter([
        (Attribute::ContentType, object.served.content_type),
        (Attribute::ContentDisposition, disposition),
        (Attribute::CacheControl, keeping),
    ])
}

/// An upload in parts. It aborts itself unless it is finished, also when whoever waited for it is gone: nobody reads its parts, but they are
/// paid for.
struct Unfinished(Option<Box<dyn MultipartUpload>>);

impl Drop for Unfinished {
    fn drop(&mut self) {
        let Some(mut upload) = self.0.take() else { return };
        // Without a runtime the process is about to end: a rule of the bucket removes what is left.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        runtime.spawn(async move {
            match upload.abort().await {
                Ok(()) | Err(Error::NotFound { .. }) => {}
                Err(error) => {
                    let error = jobapp_kernel::error_text(&error);
                    tracing::warn!(error, "the parts of an unfinished upload could not be removed");
                }
            }
        });
    }
}

/// Gives the driver our way to ask.
#[derive(Debug)]
struct Connector(Http);

impl HttpConnector for Connector {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.0.clone()))
    }
}

#[async_trait]
impl HttpService for Http {
    /// All answers are small: the driver reads no object.
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let request = request.map(|body| body.map_err(Into::into).boxed_unsync());
        let answer = self.ask(request).await.map_err(|error| {
            let kind = match &error {
                AskError::Unreachable(_) => HttpErrorKind::Connect,
                AskError::Lost(_) => HttpErrorKind::Interrupted,
                AskError::Late => HttpErrorKind::Timeout,
            };
            HttpError::new(kind, error)
        })?;
        Ok(answer.map(|bytes| HttpResponseBody::new(Full::new(bytes).map_err(|never| match never {}))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> Vec<(String, String)> {
        let pairs = [("AWS_ACCESS_KEY_ID", "key"), ("AWS_SECRET_ACCESS_KEY", "hush"), ("HOME", "/root")];
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
    }

    #[test]
    fn an_address_says_where_the_bucket_is() {
        let url =
            "s3://market/a/b/?endpoint=http://127.0.0.1:9000/&public=https://cdn.example.org/a/b/pictures/&spool=/x";
        let config = S3Config::from_url(url, keys()).unwrap();
        assert_eq!((config.prefix.as_str(), config.is_encrypted), ("a/b", false));
        assert_eq!(config.common.public.as_deref(), Some("https://cdn.example.org/a/b/pictures/"));
        assert_eq!(config.common.spool.as_deref(), Some(Path::new("/x")));
        let value = |key| config.builder.get_config_value(&key);
        assert_eq!(value(AmazonS3ConfigKey::S3Endpoint).as_deref(), Some("http://127.0.0.1:9000"));
        assert_eq!(value(AmazonS3ConfigKey::Bucket).as_deref(), Some("market"));
        assert!(S3Config::from_url("s3://market?region=eu-west-1", []).unwrap().is_encrypted);
    }

    #[test]
    fn a_wrong_address_is_told_with_its_remedy() {
        for (url, remedy) in [
            ("s3:", "name a bucket, as in s3://"),
            ("s3://market/a", "AWS_REGION"),
            ("s3://market?endpoint=minio:9000", "endpoint=minio:9000 is no address such as https://"),
            ("s3://market?region=a&acl=public", "there is no parameter \"acl\"; known are region, endpoint, public"),
            ("s3://market?region=a&public=cdn", "public=cdn is no address"),
        ] {
            let error = S3Config::from_url(url, keys()).unwrap_err().to_string();
            assert!(error.contains(remedy), "{url}: {error}");
        }
        let error = S3Config::from_url("s3://market?endpoint=http://minio:9000", []).unwrap_err().to_string();
        assert!(error.contains("http://minio:9000 needs keys: set AWS_ACCESS_KEY_ID"), "{error}");
    }
}
