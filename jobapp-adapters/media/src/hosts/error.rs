//! Why a host did not do something.

use std::error::Error;

use jobapp_kernel::MediaError;

/// Why a host did not do something.
#[derive(Debug, thiserror::Error)]
#[error("the media host did not {attempt}")]
pub struct HostError {
    attempt: &'static str,
    #[source]
    source: Box<dyn Error + Send + Sync>,
    /// Whether the host looked at the content and does not take it.
    is_refusal: bool,
}

impl HostError {
    pub(crate) fn new(attempt: &'static str, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { attempt, source: source.into(), is_refusal: false }
    }

    #[cfg(feature = "cloudinary")]
    pub(crate) fn refused(attempt: &'static str, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { is_refusal: true, ..Self::new(attempt, source) }
    }
}

impl From<HostError> for MediaError {
    fn from(error: HostError) -> Self {
        if error.is_refusal {
            return Self::refused("The picture is damaged: it cannot be read. Choose another one.");
        }
        Self::unavailable(error)
    }
}
