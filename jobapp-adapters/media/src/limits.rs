//! How large uploads may be.

use jobapp_kernel::{ByteSize, UploadPurpose};

/// What is taken for each purpose. Bytes are counted after decoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MediaLimits {
    /// The most bytes of a picture.
    pub picture: u64,
    /// The most bytes of a file.
    pub file: u64,
    /// The most pixels of a picture's side.
    pub side: u32,
    /// The most pixels of a picture. Whoever looks at it needs four bytes of memory for each, however few it was sent in.
    pub pixels: u64,
}

impl Default for MediaLimits {
    /// What fits into bodies of 20 and 140 MiB: 15 and 110 MB. Pictures as the cameras of telephones make them.
    fn default() -> Self {
        Self::within(20 * 1024 * 1024, 140 * 1024 * 1024)
    }
}

impl MediaLimits {
    /// What fits into the bodies that bring pictures and files, given in bytes.
    pub const fn within(picture_body: usize, file_body: usize) -> Self {
        let (ByteSize(picture), ByteSize(file)) = (ByteSize::content_of(picture_body), ByteSize::content_of(file_body));
        Self { picture, file, side: 10_000, pixels: 65_000_000 }
    }

    pub(crate) const fn of(&self, purpose: &UploadPurpose) -> u64 {
        match purpose {
            UploadPurpose::Picture => self.picture,
            UploadPurpose::File { .. } => self.file,
        }
    }

    /// The most bytes that are taken for any purpose.
    pub(crate) fn largest(&self) -> u64 {
        self.picture.max(self.file)
    }
}
