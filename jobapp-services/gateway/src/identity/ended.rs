//! Sessions that were ended, so that the check of an access token stays local.

use std::time::Duration;

use moka::sync::Cache;

/// How long an ended session is remembered: longer than any access token lives.
const REMEMBERED: Duration = Duration::from_secs(20 * 60);

/// The ids of sessions that were ended lately.
#[derive(Debug, Clone)]
pub(crate) struct EndedSessions(Cache<String, ()>);

impl Default for EndedSessions {
    fn default() -> Self {
        Self(Cache::builder().time_to_live(REMEMBERED).max_capacity(1_000_000).build())
    }
}

impl EndedSessions {
    /// This session is over.
    pub(crate) fn end(&self, sid: &str) {
        self.0.insert(sid.to_owned(), ());
    }

    /// Whether this session is over. Tokens of other issuers have no session and end by themselves.
    pub(crate) fn has(&self, sid: &str) -> bool {
        !sid.is_empty() && self.0.contains_key(sid)
    }
}
