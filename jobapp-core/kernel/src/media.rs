//! Pictures and files that people send.

use std::error::Error;

use async_trait::async_trait;

use crate::{ErrorKind, Kinded};

/// What a picture or file is sent for: it decides which types and sizes are taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UploadPurpose {
    /// A picture that clients show: it must be one.
    Picture,
    /// A file that clients download: of any type.
    File {
        /// What the sender calls its type, such as `zip` or `application/pdf`. Never trusted.
        file_type: Option<String>,
        /// What the sender calls it, such as `draft.pdf`. Never trusted.
        name: Option<String>,
    },
}

/// A picture or file to store.
#[derive(Clone, PartialEq, Eq)]
pub struct Upload {
    /// A base64 data URL, or the absolute `http` or `https` URL of something that is stored elsewhere already.
    pub source: String,
    /// What it is for.
    pub purpose: UploadPurpose,
    /// What the caller would like it to be known by at a host that names things. A store may ignore it; the URL of what
    /// is stored never lets itself be guessed from it.
    pub public_id: Option<String>,
}

impl Upload {
    /// A picture.
    pub fn picture(source: impl Into<String>) -> Self {
        Self { source: source.into(), purpose: UploadPurpose::Picture, public_id: None }
    }

    /// A file with the type and name its sender gave it.
    pub fn file(source: impl Into<String>, file_type: Option<String>, name: Option<String>) -> Self {
        Self { source: source.into(), purpose: UploadPurpose::File { file_type, name }, public_id: None }
    }

    /// The same upload, known by `id` at a host that names things.
    #[must_use]
    pub fn with_public_id(mut self, id: impl Into<String>) -> Self {
        self.public_id = Some(id.into());
        self
    }
}

impl std::fmt::Debug for Upload {
    /// Prints the beginning of the source only: sources are large, and private.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let beginning: String = self.source.chars().take(32).collect();
        f.debug_struct("Upload")
            .field("source", &format_args!("{beginning:?}… ({} bytes)", self.source.len()))
            .field("purpose", &self.purpose)
            .field("public_id", &self.public_id)
            .finish()
    }
}

/// What was stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredMedia {
    /// Where everybody who knows this URL can read it.
    pub url: String,
}

/// Why a picture or file was not stored. Nothing is ever half stored.
#[derive(Debug, thiserror::Error)]
pub enum MediaError {
    /// It is neither a data URL nor an absolute URL, its base64 is wrong, or it is no picture where one is needed.
    #[error("the upload cannot be used: {reason}")]
    Invalid {
        /// What is wrong with it, in words for its sender.
        reason: String,
    },
    /// It is larger than the store takes for this purpose.
    #[error("the upload is larger than {limit} bytes")]
    TooLarge {
        /// The most bytes that are taken.
        limit: u64,
    },
    /// The store is away, full or read-only.
    #[error("the upload could not be stored")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
}

impl MediaError {
    /// The upload is wrong for this `reason`.
    pub fn invalid(reason: impl Into<String>) -> Self {
        Self::Invalid { reason: reason.into() }
    }

    /// The store failed with `source`.
    pub fn unavailable(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Unavailable(source.into())
    }
}

impl Kinded for MediaError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Invalid { .. } => ErrorKind::Invalid,
            Self::TooLarge { .. } => ErrorKind::TooLarge,
            Self::Unavailable(_) => ErrorKind::Unavailable,
        }
    }
}

/// Stores pictures and files and gives them URLs that nobody can guess.
#[async_trait]
pub trait MediaStore: Send + Sync {
    /// Stores an upload and returns where to read it. An `http` or `https` source is never fetched.
    async fn store(&self, upload: Upload) -> Result<StoredMedia, MediaError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_does_not_show_the_content() {
        let upload = Upload::picture(format!("data:image/png;base64,{}", "A".repeat(1000)));
        assert!(format!("{upload:?}").len() < 200);
    }
}
