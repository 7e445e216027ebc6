//! Cover pictures on their way to where they are stored.

use jobapp_http::ApiError;
use jobapp_kernel::{MediaError, Upload};

use crate::GigService;

/// Stores a cover picture, or takes over the URL of one.
pub(crate) async fn store(service: &GigService, source: String) -> Result<String, ApiError> {
    match service.shared.media.store(Upload::picture(source)).await {
        Ok(stored) => Ok(stored.reference),
        Err(MediaError::Invalid { reason }) => {
            tracing::debug!(reason, "a cover picture was refused");
            Err(ApiError::bad_request("File upload error. Try again."))
        }
        Err(error) => Err(error.into()),
    }
}
