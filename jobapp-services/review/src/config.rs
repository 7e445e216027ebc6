//! The settings of the review service.

use std::time::Duration;

/// The settings of the review service.
#[derive(Debug, Clone)]
pub struct ReviewConfig {
    /// The largest body, in bytes.
    pub body_limit: usize,
    /// How long a review waits for the events that tell of its order and its writer.
    pub fact_wait: Duration,
    /// How long the analytics may take to answer before it is told that they are away.
    pub analytics_wait: Duration,
}

impl Default for ReviewConfig {
    fn default() -> Self {
        Self { body_limit: 256 * 1024, fact_wait: Duration::from_secs(3), analytics_wait: Duration::from_secs(3) }
    }
}
