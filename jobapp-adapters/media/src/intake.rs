//! Takes the source of one upload in pieces and hands on its content.

use jobapp_kernel::MediaError;

use crate::source::{Reader, Source};

/// Characters of a source that are decoded at a time.
const STEP: usize = 256 * 1024;

/// As many bytes of the content tell its type.
pub(crate) const BEGINNING: usize = 48 * 1024;

/// Where decoded content goes.
pub(crate) trait Keep {
    /// Keeps the next bytes.
    fn keep(&mut self, bytes: &[u8]) -> Result<(), MediaError>;
}

/// Takes the source of one upload, within a limit.
#[derive(Debug)]
pub(crate) struct Intake<K> {
    pub(crate) kept: K,
    reader: Reader,
    decoded: Vec<u8>,
    beginning: Vec<u8>,
    length: u64,
    limit: u64,
}

/// An upload that is complete.
#[derive(Debug)]
pub(crate) enum Complete<K> {
    /// The address of something stored elsewhere.
    Elsewhere(String),
    /// Content, with its first bytes and its length.
    Content { kept: K, beginning: Vec<u8>, length: u64 },
}

impl<K: Keep> Intake<K> {
    /// Takes at most `limit` bytes of content.
    pub(crate) const fn new(kept: K, limit: u64) -> Self {
        Self { kept, reader: Reader::new(), decoded: Vec::new(), beginning: Vec::new(), length: 0, limit }
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
            Source::Content => Complete::Content { kept: self.kept, beginning: self.beginning, length: self.length },
        })
    }

    fn hand_on(&mut self) -> Result<(), MediaError> {
        self.length += self.decoded.len() as u64;
        if self.length > self.limit {
            return Err(MediaError::TooLarge { limit: self.limit });
        }
        let missing = BEGINNING.saturating_sub(self.beginning.len()).min(self.decoded.len());
        self.beginning.extend_from_slice(&self.decoded[..missing]);
        self.kept.keep(&self.decoded)?;
        self.decoded.clear();
        Ok(())
    }
}
