//! Where traces go, and which.

use std::path::PathBuf;
use std::time::Duration;

use http::{HeaderName, HeaderValue, Uri};

/// Which traces are told.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sampling {
    /// How many of those that begin here, from 0 to 1.
    pub ratio: f64,
    /// Whether the decision of whoever began a trace holds; otherwise the ratio does.
    pub heeds_parents: bool,
}

impl Default for Sampling {
    fn default() -> Self {
        Self { ratio: 1.0, heeds_parents: true }
    }
}

/// Where traces go, and which.
#[derive(Debug, Clone)]
pub struct TracesConfig {
    /// Where the collector takes them, with the path.
    pub endpoint: Uri,
    /// What each request to it has beside. Values that are secrets are marked as such.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Whom the collector's certificate is verified by; the system's roots, where none is named.
    pub certificates: Option<PathBuf>,
    /// What this process is called.
    pub service: String,
    /// What else is said of it.
    pub about: Vec<(String, String)>,
    /// Which traces are told.
    pub sampling: Sampling,
    /// How long the collector has for what it is sent at once, tries again included.
    pub patience: Duration,
    /// How long a span waits for others at most.
    pub wait: Duration,
    /// How many spans wait at most. Those for which there is no place are lost, and counted.
    pub space: usize,
    /// How long the spans that wait have at the end of the process.
    pub last_patience: Duration,
}

impl TracesConfig {
    /// To this collector, as OpenTelemetry has it where nobody says otherwise.
    pub fn to(endpoint: Uri, service: impl Into<String>) -> Self {
        Self {
            endpoint,
            headers: Vec::new(),
            certificates: None,
            service: service.into(),
            about: Vec::new(),
            sampling: Sampling::default(),
            patience: Duration::from_secs(10),
            wait: Duration::from_secs(5),
            space: 2048,
            last_patience: Duration::from_secs(3),
        }
    }
}
