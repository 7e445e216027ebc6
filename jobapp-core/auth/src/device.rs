//! What somebody signs in with.

use serde::{Deserialize, Serialize};

/// A browser on a kind of device, as the client calls them. Two sign-ins with the same pair come from the same place, as
/// far as anybody can tell.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Device {
    /// Such as `Chrome`.
    pub browser: String,
    /// Such as `browser` or `mobile`.
    pub kind: String,
}

impl Device {
    /// What a client that says nothing at sign-up is known by.
    pub const UNKNOWN: &'static str = "unknown";

    /// The pair, with [`Device::UNKNOWN`] for what is not said.
    pub fn or_unknown(browser: Option<String>, kind: Option<String>) -> Self {
        let or_unknown = |text: Option<String>| text.unwrap_or_else(|| Self::UNKNOWN.to_owned());
        Self { browser: or_unknown(browser), kind: or_unknown(kind) }
    }

    /// The pair, if both are said: half a pair is not known to anybody.
    pub fn pair(browser: Option<String>, kind: Option<String>) -> Option<Self> {
        Some(Self { browser: browser?, kind: kind? })
    }
}
