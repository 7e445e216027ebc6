//! Sessions that were ended, so that the check of an access token stays local.

use std::sync::Arc;
use std::time::Duration;

use http::Method;
use jobapp_http::ApiError;
use jobapp_realtime::Realtime;
use moka::sync::Cache;
use serde_json::Value;
use tokio::sync::Notify;

use crate::kept_users::KeptUsers;
use crate::local;
use crate::upstreams::Upstreams;

/// How long an ended session is remembered: longer than any access token lives.
const REMEMBERED: Duration = Duration::from_secs(20 * 60);
/// The first and the longest pause before the auth service is asked again.
const PAUSE: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(10));

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

/// Ends sessions at this gateway: what it knows of them, and their sockets.
#[derive(Clone)]
pub(crate) struct Endings {
    pub(crate) ended: EndedSessions,
    pub(crate) kept_users: KeptUsers,
    pub(crate) realtime: Realtime,
    pub(crate) upstreams: Upstreams,
}

impl Endings {
    /// This session is over.
    pub(crate) fn end(&self, sid: &str) {
        self.ended.end(sid);
        self.kept_users.forget(sid);
        self.realtime.demote(sid);
    }

    /// Asks the auth service which sessions ended lately: what a gateway does not hear of while it is not running, or is cut off.
    pub(crate) async fn load(&self) -> Result<(), ApiError> {
        let answer = local::call_auth(&self.upstreams, Method::GET, "/session/ended", Value::Null, None).await?;
        let sessions = answer["sessions"].as_array().map(Vec::as_slice).unwrap_or_default();
        for sid in sessions.iter().filter_map(|session| session["sid"].as_str()) {
            self.end(sid);
        }
        Ok(())
    }

    /// Loads them again each time that news may have been missed. While the auth service does not answer, it is asked again.
    pub(crate) async fn load_after_gaps(self, gaps: Arc<Notify>) {
        loop {
            gaps.notified().await;
            let mut pause = PAUSE.0;
            while let Err(error) = self.load().await {
                tracing::warn!(error = error.message(), "which sessions ended meanwhile could not be asked");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(PAUSE.1);
            }
        }
    }
}
