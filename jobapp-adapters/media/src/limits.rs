//! How large uploads may be.

use jobapp_kernel::UploadPurpose;

/// The most bytes taken for each purpose, counted after decoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MediaLimits {
    /// For a picture.
    pub picture: u64,
    /// For a file.
    pub file: u64,
}

impl Default for MediaLimits {
    /// 10 MiB for a picture, 100 MiB for a file.
    fn default() -> Self {
        Self { picture: 10 << 20, file: 100 << 20 }
    }
}

impl MediaLimits {
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
