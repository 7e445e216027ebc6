//! The settings of the gig service.

use std::time::Duration;

/// The settings of the gig service.
#[derive(Debug, Clone)]
pub struct GigConfig {
    /// Whether sample gigs can be asked for.
    pub seed: bool,
    /// The largest body, in bytes.
    pub body_limit: usize,
    /// The largest body with a picture, in bytes.
    pub picture_body_limit: usize,
    /// How long a request waits for the event that tells who is which seller.
    pub profile_wait: Duration,
}

impl Default for GigConfig {
    fn default() -> Self {
        Self {
            seed: false,
            body_limit: 256 * 1024,
            picture_body_limit: 20 * 1024 * 1024,
            profile_wait: Duration::from_secs(3),
        }
    }
}
