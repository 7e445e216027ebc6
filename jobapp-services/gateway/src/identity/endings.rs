//! The ends of sessions, and how a gateway learns of them.

use std::sync::Arc;
use std::time::Duration;

use http::Method;
use jobapp_http::ApiError;
use jobapp_realtime::Realtime;
use serde_json::Value;
use tokio::sync::Notify;

use super::known::Known;
use crate::calls::auth::call_auth;
use crate::calls::upstreams::Upstreams;

/// The first and the longest pause before the auth service is asked again.
const PAUSE: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(10));

/// Ends sessions at this gateway: what it knows of them, and their sockets.
#[derive(Clone)]
pub(crate) struct Endings {
    pub(crate) known: Known,
    pub(crate) realtime: Realtime,
    pub(crate) upstreams: Upstreams,
}

impl Endings {
    /// This session is over.
    pub(crate) fn end(&self, sid: &str) {
        self.known.end(sid);
        self.realtime.demote(sid);
    }

    /// Asks the auth service which sessions ended lately: what a gateway does not hear of while it is not running, or is cut off.
    pub(crate) async fn load(&self) -> Result<(), ApiError> {
        let answer = call_auth(&self.upstreams, Method::GET, "/session/ended", Value::Null, None).await?;
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
