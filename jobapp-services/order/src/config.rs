//! The settings of the order service.

use std::time::Duration;

use jobapp_orders::Patience;

/// The settings of the order service.
#[derive(Debug, Clone)]
pub struct OrderConfig {
    /// Where the client lives, without a slash at the end: mails link to it.
    pub client_url: String,
    /// The largest body, in bytes.
    pub body_limit: usize,
    /// The largest body that may carry a delivered file, in bytes.
    pub file_body_limit: usize,
    /// How long a request waits for an event that is about to arrive.
    pub fact_wait: Duration,
    /// How long orders, payments and refunds may be left lying.
    pub patience: Patience,
}

impl Default for OrderConfig {
    fn default() -> Self {
        Self {
            client_url: "http://localhost:3000".to_owned(),
            body_limit: 256 * 1024,
            file_body_limit: 140 * 1024 * 1024,
            fact_wait: Duration::from_secs(3),
            patience: Patience::default(),
        }
    }
}
