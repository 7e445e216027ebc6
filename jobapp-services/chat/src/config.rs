//! The settings of the chat service.

use std::time::Duration;

/// The settings of the chat service.
#[derive(Debug, Clone)]
pub struct ChatConfig {
    /// Where the browser client is, without a slash at the end: mails link to its pages.
    pub client_url: String,
    /// The largest body, in bytes.
    pub body_limit: usize,
    /// The largest body of a message, which may carry a file, in bytes.
    pub file_body_limit: usize,
    /// How long a message waits for the events that tell who its users are.
    pub profile_wait: Duration,
}

impl Default for ChatConfig {
    fn default() -> Self {
        Self {
            client_url: "http://localhost:3000".to_owned(),
            body_limit: 256 * 1024,
            file_body_limit: 140 * 1024 * 1024,
            profile_wait: Duration::from_secs(3),
        }
    }
}
