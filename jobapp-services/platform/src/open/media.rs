//! Where pictures and files are stored.

use std::sync::Arc;

use axum::Router;
use jobapp_kernel::MediaStore;
#[cfg(feature = "cloudinary")]
use jobapp_media::CloudinaryConfig;
#[cfg(feature = "s3")]
use jobapp_media::S3Config;
use jobapp_media::{FolderMedia, MediaLimits, MediaLinks, MemoryMedia};
#[cfg(any(feature = "s3", feature = "cloudinary"))]
use jobapp_media::{HostAddressError, HostedConfig, HostedMedia};
use jobapp_runtime::SystemClock;
use secrecy::{ExposeSecret, SecretString};

use super::{Address, OpenError};

/// How its addresses look.
const KNOWN: &[&str] = &[
    "memory:",
    "file:<folder>",
    #[cfg(feature = "s3")]
    "s3://<bucket>/<prefix>?region=<region>",
    #[cfg(feature = "cloudinary")]
    "cloudinary://<key>:<secret>@<cloud name>",
];

/// What a store of media needs from outside.
pub struct MediaConfig {
    /// Where the server is reached that shows what is stored.
    pub public_url: String,
    /// How large pictures and files may be.
    pub limits: MediaLimits,
    /// Signs addresses of private files.
    pub links: MediaLinks,
}

impl MediaConfig {
    /// Addresses of private files are signed with a key made of this secret, which no client sees a use of.
    pub fn signed_by(secret: &SecretString, public_url: &str, limits: MediaLimits) -> Self {
        let secret = secret.expose_secret().as_bytes();
        let links = MediaLinks::new(secret, [secret], Arc::new(SystemClock));
        Self { public_url: public_url.to_owned(), limits, links }
    }
}

/// Stores pictures and files. A clone is another handle.
#[derive(Clone)]
pub struct Media(Technology);

#[derive(Clone)]
enum Technology {
    Memory(Arc<MemoryMedia>),
    Folder(FolderMedia),
    #[cfg(any(feature = "s3", feature = "cloudinary"))]
    Hosted(HostedMedia),
}

impl Media {
    /// Opens the store at this address. A host need not be there yet: meanwhile uploads are refused.
    ///
    /// # Errors
    /// [`OpenError`] when that cannot be done, or nothing here opens such an address.
    pub fn open(address: &Address, config: MediaConfig) -> Result<Self, OpenError> {
        let MediaConfig { public_url, limits, links } = config;
        match address.scheme() {
            "memory" => Ok(Self(Technology::Memory(Arc::new(MemoryMedia::with_limits(limits))))),
            "file" => FolderMedia::open(address.path(), &public_url, limits, links)
                .map(|folder| Self(Technology::Folder(folder)))
                .map_err(OpenError::of),
            #[cfg(feature = "s3")]
            "s3" => {
                // Settings of the cloud's own, which every program of it reads.
                let variables = std::env::vars_os()
                    .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
                let bucket = S3Config::from_url(&address.url(), variables);
                let opened = bucket
                    .and_then(|bucket| HostedMedia::in_bucket(bucket, HostedConfig { public_url, limits, links }));
                hosted(address, opened)
            }
            #[cfg(feature = "cloudinary")]
            "cloudinary" => {
                let account = CloudinaryConfig::from_url(&address.url());
                let opened = account.and_then(|account| {
                    HostedMedia::at_cloudinary(account, HostedConfig { public_url, limits, links })
                });
                hosted(address, opened)
            }
            _ => Err(OpenError::unknown(address, "a store of media", KNOWN)),
        }
    }

    /// The port.
    pub fn store(&self) -> Arc<dyn MediaStore> {
        match &self.0 {
            Technology::Memory(media) => Arc::clone(media) as _,
            Technology::Folder(media) => Arc::new(media.clone()),
            #[cfg(any(feature = "s3", feature = "cloudinary"))]
            Technology::Hosted(media) => Arc::new(media.clone()),
        }
    }

    /// The folder, if it is one: what it holds can be looked through.
    pub const fn folder(&self) -> Option<&FolderMedia> {
        match &self.0 {
            Technology::Folder(media) => Some(media),
            _ => None,
        }
    }

    /// The pages that show what is stored, or send on to where it is shown.
    pub fn router(&self) -> Router {
        match &self.0 {
            Technology::Memory(_) => Router::new(),
            Technology::Folder(media) => media.router(),
            #[cfg(any(feature = "s3", feature = "cloudinary"))]
            Technology::Hosted(media) => media.router(),
        }
    }

    /// Looks whether a host is there and knows us, and changes nothing.
    ///
    /// # Errors
    /// [`OpenError::away`] when it does not answer as it should.
    pub async fn look(&self) -> Result<(), OpenError> {
        match &self.0 {
            #[cfg(any(feature = "s3", feature = "cloudinary"))]
            Technology::Hosted(media) => media.look().await.map_err(OpenError::away),
            _ => Ok(()),
        }
    }

    /// What went wrong with the last upload to a host, in words; `None` while all is well.
    pub fn trouble(&self) -> Option<String> {
        match &self.0 {
            #[cfg(any(feature = "s3", feature = "cloudinary"))]
            Technology::Hosted(media) => media.trouble(),
            _ => None,
        }
    }
}

#[cfg(any(feature = "s3", feature = "cloudinary"))]
fn hosted(address: &Address, opened: Result<HostedMedia, HostAddressError>) -> Result<Media, OpenError> {
    let named = |error: HostAddressError| {
        OpenError::of(format!("{}: {}", address.setting(), jobapp_kernel::error_text(&error)))
    };
    opened.map(|media| Media(Technology::Hosted(media))).map_err(named)
}

#[cfg(all(test, feature = "s3", feature = "cloudinary"))]
mod tests {
    use jobapp_runtime::SystemClock;

    use super::*;

    fn open(text: &str) -> Result<Media, OpenError> {
        let links = MediaLinks::new(b"a secret", [], Arc::new(SystemClock));
        let public_url = "http://localhost:4000".to_owned();
        let config = MediaConfig { public_url, limits: MediaLimits::default(), links };
        Media::open(&Address::parse("JOBAPP_MEDIA", text), config)
    }

    #[tokio::test]
    async fn a_host_is_opened_by_its_scheme_and_need_not_be_there() {
        // Nobody listens there.
        let away = "cloudinary://123:hush@demo?endpoint=http://127.0.0.1:1";
        let media = open(away).unwrap();
        let error = media.look().await.unwrap_err();
        assert!(error.may_pass() && !format!("{error:?}").contains("hush"), "{error:?}");
        assert!(media.folder().is_none());
    }

    #[tokio::test]
    async fn what_is_wrong_with_an_address_is_told_with_its_setting_and_without_its_secret() {
        for (text, told) in [
            ("s3://market?region=x&acl=public", "there is no parameter \"acl\""),
            ("cloudinary://123:hush@demo?signature=md5", "neither sha1 nor sha256"),
            ("dropbox:hush", "known are memory:, file:<folder>, s3://<bucket>"),
        ] {
            let error = open(text).err().unwrap();
            let told_all = error.to_string();
            assert!(told_all.starts_with("JOBAPP_MEDIA: ") && told_all.contains(told), "{told_all}");
            assert!(!error.may_pass() && !told_all.contains(":hush@"), "{told_all}");
        }
    }
}
