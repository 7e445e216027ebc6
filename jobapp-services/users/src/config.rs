//! The settings of the users service.

use std::time::Duration;

/// The settings of the users service.
#[derive(Debug, Clone)]
pub struct UsersConfig {
    /// Whether the route that makes sample sellers exists.
    pub seed: bool,
    /// The largest body, in bytes.
    pub body_limit: usize,
    /// The largest body with a picture, in bytes.
    pub picture_body_limit: usize,
    /// How long a signed-in user's request waits for the event that makes his buyer.
    pub profile_wait: Duration,
}

impl Default for UsersConfig {
    fn default() -> Self {
        Self {
            seed: false,
            body_limit: 256 * 1024,
            picture_body_limit: 20 * 1024 * 1024,
            profile_wait: Duration::from_secs(3),
        }
    }
}
