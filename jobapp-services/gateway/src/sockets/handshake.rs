//! Who is behind a socket's handshake.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http::{HeaderMap, Method};
use jobapp_http::ApiError;
use jobapp_realtime::{Handshake, Identity, Unavailable};
use moka::future::Cache;
use serde_json::Value;

use crate::calls::auth::call_auth;
use crate::calls::segment::push_segment;
use crate::calls::upstreams::Upstreams;
use crate::identity::cookies::Cookies;
use crate::identity::known::Known;

/// For how long the word of the auth service about a session is believed: a page opens dozens of sockets at once. News of
/// its end come sooner, by themselves.
const BELIEVED: Duration = Duration::from_secs(10);

/// Which sessions live.
pub(crate) struct Handshakes {
    known: Known,
    upstreams: Upstreams,
    alive: Cache<String, bool>,
}

impl Handshakes {
    /// By what is known of sessions, and otherwise by the word of the auth service.
    pub(crate) fn new(known: Known, upstreams: Upstreams) -> Self {
        let alive = Cache::builder().time_to_live(BELIEVED).max_capacity(100_000).build();
        Self { known, upstreams, alive }
    }

    /// Whether the auth service says that a session goes on. Asked at once by many, it is asked once.
    async fn goes_on(&self, sid: &str) -> Result<bool, Arc<ApiError>> {
        if self.known.ended.has(sid) {
            return Ok(false);
        }
        let asked = self.alive.try_get_with(sid.to_owned(), async {
            let mut path = "/session/".to_owned();
            push_segment(&mut path, sid);
            path.push_str("/alive");
            let answer = call_auth(&self.upstreams, Method::GET, &path, Value::Null, None).await?;
            Ok::<_, ApiError>(answer["alive"] == true)
        });
        Ok(asked.await? && !self.known.ended.has(sid))
    }
}

#[async_trait]
impl Handshake for Handshakes {
    async fn identify(&self, headers: &HeaderMap) -> Result<Option<Identity>, Unavailable> {
        let cookies = Cookies::read(headers);
        let Some(access) = cookies.access.as_deref() else { return Ok(None) };
        if let Ok(signed) = self.known.tokens.verify(access) {
            let claims = &signed.caller.claims;
            let live = !self.known.ended.has(&claims.sid);
            return Ok(live.then(|| Identity::new(&claims.username, &claims.sid)));
        }
        // An expired token of a session that lives is enough. Those of other issuers have no session to outlive them.
        let Some(claims) = self.known.tokens.verify_expired(access).ok().filter(|claims| !claims.sid.is_empty()) else {
            return Ok(None);
        };
        let live = self.goes_on(&claims.sid).await;
        let live = live.map_err(|error| Unavailable { what: "sessions", source: error.message().to_owned().into() })?;
        Ok(live.then(|| Identity::new(&claims.username, &claims.sid)))
    }

    fn named(&self, headers: &HeaderMap) -> Option<Identity> {
        let access = Cookies::read(headers).access?;
        if let Ok(signed) = self.known.tokens.verify(&access) {
            return Some(Identity::new(&signed.caller.claims.username, &signed.caller.claims.sid));
        }
        // Those of other issuers have no session to outlive them.
        let claims = self.known.tokens.verify_expired(&access).ok().filter(|claims| !claims.sid.is_empty())?;
        Some(Identity::new(&claims.username, &claims.sid))
    }

    async fn alive(&self, identity: &Identity) -> bool {
        if identity.sid.is_empty() {
            return true;
        }
        self.goes_on(&identity.sid).await.unwrap_or_else(|error| {
            tracing::debug!(error = error.message(), "whether a socket's session goes on could not be asked");
            !self.known.ended.has(&identity.sid)
        })
    }

    fn ended(&self, sid: &str) {
        self.known.end(sid);
    }
}
