//! Media at a host: a store of objects, or a service for pictures.
//!
//! An upload waits on a disk of ours until it is complete and judged, so a host only ever gets what may be stored. What it got and was
//! not wanted in the end, because an answer was lost or whoever asked went away, is removed.

#[cfg(feature = "cloudinary")]
pub(crate) mod cloudinary;
mod error;
mod http;
mod redirects;
#[cfg(feature = "s3")]
pub(crate) mod s3;
mod settings;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ::http::Method;
use async_trait::async_trait;
use axum::Router;
use jobapp_kernel::{MediaError, MediaSink, MediaStore, StoredMedia, Upload, UploadPurpose};
use parking_lot::Mutex;

use crate::intake::Content;
use crate::limits::MediaLimits;
use crate::links::{MediaLinks, over};
use crate::place::{self, Place, blocking};
use crate::spool::{Accepted, Partial, Spool, judge};
use crate::{names, types};

pub use self::error::HostError;
pub use self::settings::HostAddressError;

use self::http::Http;

/// How long an address at the host is good that a reader is sent on to: he follows it at once.
const GOOD_FOR: Duration = Duration::from_secs(15 * 60);

/// A host of media. What it is given has a name of ours, and is given once.
#[async_trait]
pub(crate) trait Host: std::fmt::Debug + Send + Sync + 'static {
    /// Stores the content of a file, all of it or nothing.
    async fn put(&self, object: &Object<'_>, content: &Path) -> Result<(), HostError>;

    /// Removes what has this name, or says nothing if there is nothing.
    async fn remove(&self, name: &str) -> Result<(), HostError>;

    /// An address where one reader may read what has this name, saved as `shown`, for so long.
    async fn reading(&self, method: &Method, name: &str, shown: &str, good_for: Duration) -> Result<String, HostError>;

    /// What stands in front of a picture's name where everybody reads it at the host; `None` where the host shows nothing to everybody.
    fn pictures(&self) -> Option<&str>;

    /// Looks whether it is there and knows us, and changes nothing.
    async fn look(&self) -> Result<(), HostError>;
}

/// What a host is given.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Object<'a> {
    pub(crate) name: &'a str,
    pub(crate) length: u64,
    pub(crate) served: types::Served,
    pub(crate) is_picture: bool,
}

/// What media at a host need from outside.
#[derive(Debug)]
pub struct HostedConfig {
    /// Where browsers reach [`HostedMedia::router`], such as `https://jobapp.example`.
    pub public_url: String,
    /// How large pictures and files may be.
    pub limits: MediaLimits,
    /// Signs addresses of private files.
    pub links: MediaLinks,
}

/// Keeps media at a host. Pictures are read at the host where it shows them to everybody; files, and pictures elsewhere, under addresses of
/// ours from where readers are sent on.
#[derive(Debug, Clone)]
pub struct HostedMedia {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    host: Arc<dyn Host>,
    http: Http,
    spool: Arc<Spool>,
    config: HostedConfig,
    /// What else stood in front of the names of pictures, in records of earlier times.
    earlier: Vec<String>,
    trouble: Mutex<Option<String>>,
}

impl HostedMedia {
    fn new(
        host: Arc<dyn Host>,
        http: Http,
        at: settings::Common,
        config: HostedConfig,
    ) -> Result<Self, HostAddressError> {
        let folder = at.spool.unwrap_or_else(|| std::env::temp_dir().join("jobapp-uploads"));
        let spool = open_spool(&folder)?;
        let public_url = config.public_url.trim_end_matches('/').to_owned();
        let config = HostedConfig { public_url, ..config };
        let trouble = Mutex::new(None);
        Ok(Self { inner: Arc::new(Inner { host, http, spool, config, earlier: at.earlier, trouble }) })
    }

    /// `GET` and `HEAD` below `/media/`: sends readers on to the host, for pictures everybody, for files who was given a link.
    pub fn router(&self) -> Router {
        redirects::router(Arc::clone(&self.inner.host), self.inner.config.links.clone())
    }

    /// Looks whether the host is there and knows us, and changes nothing.
    ///
    /// # Errors
    /// [`HostError`].
    pub async fn look(&self) -> Result<(), HostError> {
        self.inner.host.look().await
    }

    /// What went wrong with the last upload; `None` when nothing did. Nobody is asked: hosts count questions.
    pub fn trouble(&self) -> Option<String> {
        self.inner.trouble.lock().clone()
    }
}

/// The folder where uploads wait, tried: a read-only one is found out now and not with the first upload.
fn open_spool(folder: &Path) -> Result<Arc<Spool>, HostAddressError> {
    let opened = Spool::open(folder.to_owned()).and_then(|spool| spool.file().map(|_| spool));
    opened.map(Arc::new).map_err(|source| HostAddressError::spool(folder, source))
}

#[async_trait]
impl MediaStore for HostedMedia {
    async fn store(&self, upload: Upload) -> Result<StoredMedia, MediaError> {
        place::store(self, upload).await
    }

    fn address(&self, stored: &str, name: &str) -> String {
        if names::extension_of_private(stored).is_none() {
            return self.picture(stored);
        }
        let HostedConfig { public_url, links, .. } = &self.inner.config;
        format!("{public_url}{}", names::signed_path(&links.sign(stored, name), name, stored))
    }

    fn picture(&self, stored: &str) -> String {
        let Some(name) = self.inner.picture_of(stored) else { return stored.to_owned() };
        match self.inner.host.pictures() {
            Some(before) => format!("{before}{name}"),
            None => format!("{}/media/{name}", self.inner.config.public_url),
        }
    }

    fn reference(&self, address: &str) -> String {
        self.inner.picture_of(address).unwrap_or(address).to_owned()
    }

    async fn begin(self: Arc<Self>) -> Result<Box<dyn MediaSink>, MediaError> {
        Ok(place::begin(self))
    }
}

#[async_trait]
impl Place for HostedMedia {
    fn spool(&self) -> &Arc<Spool> {
        &self.inner.spool
    }

    fn limits(&self) -> MediaLimits {
        self.inner.config.limits
    }

    async fn keep(&self, content: Accepted, purpose: &UploadPurpose) -> Result<StoredMedia, MediaError> {
        let name = names::for_purpose(purpose, &content.extension);
        let object = Object {
            name: &name,
            length: content.length,
            served: types::served(&content.extension),
            is_picture: matches!(purpose, UploadPurpose::Picture),
        };
        let unwanted = Unwanted { host: &self.inner.host, name: Some(&name) };
        let put = self.inner.host.put(&object, content.file.path()).await;
        self.inner.note(put.as_ref().err());
        put?;
        unwanted.keep();
        tracing::debug!(name, bytes = content.length, "stored an upload");
        Ok(StoredMedia { reference: name })
    }

    /// One of a private file of ours is good for a copy as long as it is good at all; it is never kept, because whoever reads the record
    /// would be given new ones for ever.
    async fn elsewhere(&self, address: String, purpose: &UploadPurpose) -> Result<StoredMedia, MediaError> {
        let Some(parts) = self.inner.own_link(&address) else {
            if self.inner.leads_nowhere(&address) {
                return Err(over());
            }
            return Ok(StoredMedia { reference: self.reference(&address) });
        };
        if !self.inner.config.links.is_good(parts.link, parts.file, &parts.shown) {
            return Err(over());
        }
        let content = self.read_back(parts.file, purpose).await?;
        self.keep(content, purpose).await
    }
}

impl HostedMedia {
    /// Reads what is stored under this name, for a purpose.
    async fn read_back(&self, name: &str, purpose: &UploadPurpose) -> Result<Accepted, MediaError> {
        const ATTEMPT: &str = "give back a file";
        let inner = &self.inner;
        let address = inner.host.reading(&Method::GET, name, "", GOOD_FOR).await?;
        let mut file = inner.http.get(&address).await.map_err(|source| HostError::new(ATTEMPT, source))?;
        let limits = inner.config.limits;
        let mut content = Content::new(Partial::new(Arc::clone(&inner.spool)), limits.of(purpose));
        while let Some(bytes) = http::next(&mut file).await.map_err(|source| HostError::new(ATTEMPT, source))? {
            content = blocking(move || content.take(&bytes).map(|()| content)).await?;
        }
        let purpose = purpose.clone();
        blocking(move || judge(content, &purpose, &limits)).await
    }
}

impl Inner {
    /// The picture of ours that a record means, or an address: where it is shown now, where it was shown before.
    fn picture_of<'a>(&self, stored: &'a str) -> Option<&'a str> {
        let is_name = |name: &&str| names::extension_of_public(name).is_some_and(|ending| types::served(ending).inline);
        if is_name(&stored) {
            return Some(stored);
        }
        let own = stored.strip_prefix(&*self.config.public_url).and_then(|path| path.strip_prefix("/media/"));
        let hosted = || self.host.pictures().and_then(|before| stored.strip_prefix(before));
        let earlier = || self.earlier.iter().find_map(|before| stored.strip_prefix(&**before));
        own.or_else(hosted).or_else(earlier).filter(is_name)
    }

    /// The parts of an address of a private file that we signed, or that looks so at a place of ours. What another marketplace signed is
    /// something elsewhere.
    fn own_link<'a>(&self, address: &'a str) -> Option<names::SignedParts<'a>> {
        let parts = names::signed_parts(address)?;
        let links = &self.config.links;
        let is_ours = address.starts_with(&format!("{}/", self.config.public_url))
            || links.was_signed(parts.link, parts.file, &parts.shown);
        is_ours.then_some(parts)
    }

    /// Whether this is an address of ours where no picture can be: one without a link, as earlier versions gave to every file.
    fn leads_nowhere(&self, address: &str) -> bool {
        let own = address.strip_prefix(&*self.config.public_url).and_then(names::public_of_address);
        own.is_some() && self.picture_of(address).is_none()
    }

    fn note(&self, error: Option<&HostError>) {
        let told = error.map(|error| jobapp_kernel::error_text(error));
        if let Some(error) = &told {
            tracing::warn!(error, "an upload was not stored");
        }
        *self.trouble.lock() = told;
    }
}

/// Something at a host that is removed unless it turns out to be wanted: also when whoever waited for it is gone.
struct Unwanted<'a> {
    host: &'a Arc<dyn Host>,
    name: Option<&'a str>,
}

impl Unwanted<'_> {
    fn keep(mut self) {
        self.name = None;
    }
}

impl Drop for Unwanted<'_> {
    fn drop(&mut self) {
        let Some(name) = self.name.map(str::to_owned) else { return };
        // Without a runtime the process is about to end.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let host = Arc::clone(self.host);
        runtime.spawn(async move {
            if let Err(error) = host.remove(&name).await {
                let error = jobapp_kernel::error_text(&error);
                tracing::warn!(name, error, "what was not wanted at the media host could not be removed");
            }
        });
    }
}
