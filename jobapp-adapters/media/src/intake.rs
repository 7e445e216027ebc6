//! Takes the source of one upload in pieces and hands on its content.

use std::io::{BufRead, Seek};

use jobapp_kernel::{MediaError, UploadPurpose};

use crate::limits::MediaLimits;
use crate::source::{Reader, Source};
use crate::{picture, types};

/// Characters of a source that are decoded at a time.
const STEP: usize = 256 * 1024;

/// As many bytes of the content tell its type.
pub(crate) const BEGINNING: usize = 48 * 1024;

/// Where decoded content goes.
pub(crate) trait Keep {
    /// Keeps the next bytes.
    fn keep(&mut self, bytes: &[u8]) -> Result<(), MediaError>;
}

/// Content on its way to where it is kept, within a limit.
#[derive(Debug)]
pub(crate) struct Content<K> {
    pub(crate) kept: K,
    /// Its first bytes.
    pub(crate) beginning: Vec<u8>,
    pub(crate) length: u64,
    limit: u64,
}

impl<K: Keep> Content<K> {
    /// Takes at most `limit` bytes.
    pub(crate) const fn new(kept: K, limit: u64) -> Self {
        Self { kept, beginning: Vec::new(), length: 0, limit }
    }

    pub(crate) fn take(&mut self, bytes: &[u8]) -> Result<(), MediaError> {
        self.length += bytes.len() as u64;
        if self.length > self.limit {
            return Err(MediaError::TooLarge { limit: self.limit });
        }
        let missing = BEGINNING.saturating_sub(self.beginning.len()).min(bytes.len());
        self.beginning.extend_from_slice(&bytes[..missing]);
        self.kept.keep(bytes)
    }
}

/// Takes the source of one upload, within a limit.
#[derive(Debug)]
pub(crate) struct Intake<K> {
    content: Content<K>,
    reader: Reader,
    decoded: Vec<u8>,
}

/// An upload that is complete.
#[derive(Debug)]
pub(crate) enum Complete<K> {
    /// The address of something stored elsewhere.
    Elsewhere(String),
    /// Content.
    Content(Content<K>),
}

impl<K: Keep> Intake<K> {
    /// Takes at most `limit` bytes of content.
    pub(crate) const fn new(kept: K, limit: u64) -> Self {
        Self { content: Content::new(kept, limit), reader: Reader::new(), decoded: Vec::new() }
    }

    pub(crate) fn push(&mut self, mut piece: &str) -> Result<(), MediaError> {
        while !piece.is_empty() {
            let (step, rest) = piece.split_at(piece.floor_char_boundary(STEP));
            self.reader.push(step, &mut self.decoded)?;
            self.hand_on()?;
            piece = rest;
        }
        Ok(())
    }

    pub(crate) fn end(mut self) -> Result<Complete<K>, MediaError> {
        let reader = std::mem::replace(&mut self.reader, Reader::new());
        let source = reader.end(&mut self.decoded)?;
        self.hand_on()?;
        Ok(match source {
            Source::Elsewhere(url) => Complete::Elsewhere(url),
            Source::Content => Complete::Content(self.content),
        })
    }

    fn hand_on(&mut self) -> Result<(), MediaError> {
        self.content.take(&self.decoded)?;
        self.decoded.clear();
        Ok(())
    }
}

/// Judges content of this length that begins with these bytes: the name ending under which it may be stored.
pub(crate) fn judged<R: BufRead + Seek>(
    length: u64,
    beginning: &[u8],
    content: R,
    purpose: &UploadPurpose,
    limits: &MediaLimits,
) -> Result<String, MediaError> {
    let limit = limits.of(purpose);
    if length > limit {
        return Err(MediaError::TooLarge { limit });
    }
    let extension = types::extension(beginning, purpose).ok_or_else(picture::none)?;
    picture::judged(extension, purpose, content, limits)
}
