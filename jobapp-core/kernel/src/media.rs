//! Pictures and files that people send.

use std::error::Error;
use std::sync::Arc;

use async_trait::async_trait;

use crate::{ErrorKind, Kinded};

/// What a picture or file is sent for: it decides which types and sizes are taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UploadPurpose {
    /// A picture that clients show to everybody: it must be one.
    Picture,
    /// A file of any type, for those who may see the record that names it and nobody else.
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

    /// Stores the upload. Where its source was `received` in pieces, that is stored in its place.
    ///
    /// # Errors
    /// [`MediaError`].
    pub async fn keep(self, store: &dyn MediaStore, received: Option<Received>) -> Result<StoredMedia, MediaError> {
        match received {
            Some(received) => received.keep(self.purpose, self.public_id).await,
            None => store.store(self).await,
        }
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
    /// What a record keeps of it: a name of the store's own, which says nothing of where it is read, or the URL of something that is stored
    /// elsewhere. [`MediaStore::picture`] makes a URL of a picture; [`MediaStore::address`] makes one of a file, for those who may see the
    /// record.
    pub reference: String,
}

/// Why a picture or file was not stored. Nothing is ever half stored.
#[derive(Debug, thiserror::Error)]
pub enum MediaError {
    /// It is neither a data URL nor an absolute URL, or its base64 is wrong.
    #[error("the upload cannot be used: {reason}")]
    Invalid {
        /// What is wrong with it, for the log: clients make such sources, not people.
        reason: String,
    },
    /// It was read and is not taken: a picture that is none or of no size, the link to a file that is not good any more.
    #[error("{reason}")]
    Refused {
        /// Why, in words for people who chose it.
        reason: String,
    },
    /// It is larger than the store takes for this purpose.
    #[error("The file is too large: choose one of at most {}.", ByteSize(*limit))]
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

    /// The upload is not taken for this `reason`, a sentence.
    pub fn refused(reason: impl Into<String>) -> Self {
        Self::Refused { reason: reason.into() }
    }

    /// The store failed with `source`.
    pub fn unavailable(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Unavailable(source.into())
    }
}

impl Kinded for MediaError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Invalid { .. } | Self::Refused { .. } => ErrorKind::Invalid,
            Self::TooLarge { .. } => ErrorKind::TooLarge,
            Self::Unavailable(_) => ErrorKind::Unavailable,
        }
    }
}

/// A number of bytes in the words of people, rounded down: `15 MB`, `262 KB`, `5 bytes`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(pub u64);

impl ByteSize {
    /// As much content as a JSON body of `body` bytes brings as base64, beside a few words.
    pub const fn content_of(body: usize) -> Self {
        let body = body as u64;
        let quarter = body / 4;
        let words = if quarter < 64 * 1024 { quarter } else { 64 * 1024 };
        Self((body - words) / 4 * 3)
    }
}

impl std::fmt::Display for ByteSize {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            bytes @ 1_000_000.. => write!(f, "{} MB", bytes / 1_000_000),
            bytes @ 1_000.. => write!(f, "{} KB", bytes / 1_000),
            bytes => write!(f, "{bytes} bytes"),
        }
    }
}

/// Stores pictures and files. Pictures get URLs that nobody can guess; files are read with an address that was made for a
/// reader and is soon over. No URL is ever stored: where things are read may change, and every answer changes with it.
#[async_trait]
pub trait MediaStore: Send + Sync + 'static {
    /// Stores an upload and returns what a record keeps of it. An `http` or `https` source is never fetched.
    async fn store(&self, upload: Upload) -> Result<StoredMedia, MediaError>;

    /// Where somebody reads what a record keeps as [`StoredMedia::reference`]: to be asked each time the record is shown to
    /// somebody who may see it, and never to be stored. A file is saved under the name that is given.
    ///
    /// A store that keeps nothing private answers with what it was given.
    fn address(&self, stored: &str, _name: &str) -> String {
        stored.to_owned()
    }

    /// Where everybody sees the picture that a record keeps: as [`MediaStore::address`], for what is a picture of a profile or
    /// a gig and therefore never private, so that no store needs to look.
    fn picture(&self, stored: &str) -> String {
        stored.to_owned()
    }

    /// What a record keeps of the picture that is shown at this address: the way back from [`MediaStore::picture`], for who was told the
    /// address. That of a picture that is stored elsewhere is kept as it is.
    fn reference(&self, address: &str) -> String {
        address.to_owned()
    }

    /// Begins an upload whose source arrives in pieces, before it is known what it is for. What arrived waits on a disk, not in
    /// memory: a file may be large, and so may be the number of those who send one.
    async fn begin(self: Arc<Self>) -> Result<Box<dyn MediaSink>, MediaError>;
}

/// Takes the source of one upload in pieces. Nobody can read what was taken until it is finished; a sink that is dropped
/// before leaves nothing behind.
#[async_trait]
pub trait MediaSink: Send {
    /// Takes the next piece. After a failure the upload is lost.
    async fn write(&mut self, piece: &str) -> Result<(), MediaError>;

    /// The source is complete: stores it as [`MediaStore::store`] does.
    async fn finish(
        self: Box<Self>,
        purpose: UploadPurpose,
        public_id: Option<String>,
    ) -> Result<StoredMedia, MediaError>;
}

/// Collects the pieces in memory for a store that takes uploads whole: for stores of tests, which only know small ones.
pub struct Collected<S: ?Sized> {
    store: Arc<S>,
    source: String,
}

impl<S: MediaStore + ?Sized> Collected<S> {
    /// What [`MediaStore::begin`] of such a store answers.
    #[must_use]
    pub fn begin(store: Arc<S>) -> Box<dyn MediaSink>
    where
        S: Sized,
    {
        Box::new(Self { store, source: String::new() })
    }
}

#[async_trait]
impl<S: MediaStore + ?Sized> MediaSink for Collected<S> {
    async fn write(&mut self, piece: &str) -> Result<(), MediaError> {
        self.source.push_str(piece);
        Ok(())
    }

    async fn finish(
        self: Box<Self>,
        purpose: UploadPurpose,
        public_id: Option<String>,
    ) -> Result<StoredMedia, MediaError> {
        self.store.store(Upload { source: self.source, purpose, public_id }).await
    }
}

/// The source of an upload that arrived in pieces and waits to be kept. Dropped, it leaves nothing behind.
///
/// A request is judged in the order of its rules, and the file comes last. So a failure on the way is only told when the
/// file would be kept.
pub struct Received {
    sink: Result<Box<dyn MediaSink>, MediaError>,
}

impl Received {
    /// Begins to receive a source for this store.
    pub async fn begin(store: Arc<dyn MediaStore>) -> Self {
        Self { sink: store.begin().await }
    }

    /// Takes the next piece of the source. Nothing is taken any more once something went wrong.
    pub async fn write(&mut self, piece: &str) {
        if let Ok(sink) = &mut self.sink
            && let Err(error) = sink.write(piece).await
        {
            self.sink = Err(error);
        }
    }

    /// Stores what was received.
    ///
    /// # Errors
    /// What went wrong on the way, or now.
    pub async fn keep(self, purpose: UploadPurpose, public_id: Option<String>) -> Result<StoredMedia, MediaError> {
        self.sink?.finish(purpose, public_id).await
    }
}

impl std::fmt::Debug for Received {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Received").field("failed", &self.sink.as_ref().err()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers with the source; refuses `bad`.
    struct Echo;

    #[async_trait]
    impl MediaStore for Echo {
        async fn store(&self, upload: Upload) -> Result<StoredMedia, MediaError> {
            match upload.source.as_str() {
                "bad" => Err(MediaError::invalid("it is bad")),
                _ => {
                    Ok(StoredMedia { reference: format!("{}#{}", upload.source, upload.public_id.unwrap_or_default()) })
                }
            }
        }

        async fn begin(self: Arc<Self>) -> Result<Box<dyn MediaSink>, MediaError> {
            Ok(Collected::begin(self))
        }
    }

    async fn received(pieces: &[&str]) -> Result<String, MediaError> {
        let mut received = Received::begin(Arc::new(Echo)).await;
        for piece in pieces {
            received.write(piece).await;
        }
        Ok(received.keep(UploadPurpose::Picture, Some("id".into())).await?.reference)
    }

    #[tokio::test]
    async fn a_store_that_takes_uploads_whole_takes_pieces_too() {
        assert_eq!(received(&["on", "e"]).await.unwrap(), "one#id");
        assert!(matches!(received(&["b", "ad"]).await, Err(MediaError::Invalid { .. })));
    }

    #[tokio::test]
    async fn what_was_received_stands_for_the_source() {
        let mut pieces = Received::begin(Arc::new(Echo)).await;
        pieces.write("all of it").await;
        assert_eq!(Upload::picture("a part").keep(&Echo, Some(pieces)).await.unwrap().reference, "all of it#");
        assert_eq!(Upload::picture("a part").keep(&Echo, None).await.unwrap().reference, "a part#");
    }

    #[test]
    fn sizes_are_told_in_the_words_of_people() {
        let cases = [(0, "0 bytes"), (999, "999 bytes"), (262_144, "262 KB"), (15_678_336, "15 MB")];
        for (bytes, text) in cases {
            assert_eq!(ByteSize(bytes).to_string(), text);
        }
        let too_large = MediaError::TooLarge { limit: 110_051_328 };
        assert_eq!(too_large.to_string(), "The file is too large: choose one of at most 110 MB.");
    }

    #[test]
    fn what_a_body_brings_fits_into_it_as_base64() {
        for body in [0, 1, 4096, 256 * 1024, 20 * 1024 * 1024, 140 * 1024 * 1024] {
            let ByteSize(content) = ByteSize::content_of(body);
            assert!(content.div_ceil(3) * 4 <= body as u64, "{body}");
        }
        assert_eq!(ByteSize::content_of(20 * 1024 * 1024).to_string(), "15 MB");
    }

    #[test]
    fn debug_output_does_not_show_the_content() {
        let upload = Upload::picture(format!("data:image/png;base64,{}", "A".repeat(1000)));
        assert!(format!("{upload:?}").len() < 200);
    }
}
