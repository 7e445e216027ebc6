//! Where pictures and files are stored.

use std::sync::Arc;

use axum::Router;
use jobapp_kernel::MediaStore;
use jobapp_media::{FolderMedia, MediaLimits, MediaLinks, MemoryMedia};

use super::{Address, OpenError};

/// How its addresses look.
const KNOWN: &[&str] = &["memory:", "file:<folder>"];

/// What a store of media needs from outside.
pub struct MediaConfig {
    /// Where the server is reached that shows what is stored.
    pub public_url: String,
    /// How large pictures and files may be.
    pub limits: MediaLimits,
    /// Signs addresses of private files.
    pub links: MediaLinks,
}

/// Stores pictures and files. A clone is another handle.
#[derive(Clone)]
pub struct Media(Technology);

#[derive(Clone)]
enum Technology {
    Memory(Arc<MemoryMedia>),
    Folder(FolderMedia),
}

impl Media {
    /// Opens the store at this address.
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
            _ => Err(OpenError::unknown(address, "a store of media", KNOWN)),
        }
    }

    /// The port.
    pub fn store(&self) -> Arc<dyn MediaStore> {
        match &self.0 {
            Technology::Memory(media) => Arc::clone(media) as _,
            Technology::Folder(media) => Arc::new(media.clone()),
        }
    }

    /// The folder, if it is one: what it holds can be looked through.
    pub fn folder(&self) -> Option<&FolderMedia> {
        match &self.0 {
            Technology::Memory(_) => None,
            Technology::Folder(media) => Some(media),
        }
    }

    /// The pages that show what is stored, where we show it ourselves.
    pub fn router(&self) -> Router {
        self.folder().map(FolderMedia::router).unwrap_or_default()
    }
}
