//! Sockets: who is behind their handshakes, and what they share with other gateways.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http::{HeaderMap, Method};
use jobapp_gigs::SelectedCategories;
use jobapp_http::ApiError;
use jobapp_memory::{MemoryFanout, MemoryPresence};
use jobapp_realtime::{Fanout, Handshake, Identity, Presence, Realtime, RealtimePorts, Unavailable};
use moka::future::Cache;
use serde_json::Value;

use crate::changes::Following;
use crate::ended::EndedSessions;
use crate::kept_users::KeptUsers;
use crate::local::call_auth;
use crate::session::Cookies;
use crate::tokens::Tokens;
use crate::{GatewayConfig, NoParts, Upstreams, Vitals};

/// For how long the word of the auth service about a session is believed: a page opens dozens of sockets at once. News of
/// its end come sooner, by themselves.
const BELIEVED: Duration = Duration::from_secs(10);

/// What gateways share about sockets.
#[derive(Clone)]
pub struct GatewayPorts {
    /// Who is online, at all gateways together.
    pub presence: Arc<dyn Presence>,
    /// The way to the other gateways.
    pub fanout: Arc<dyn Fanout>,
    /// Which category a user looked at last.
    pub categories: Arc<dyn SelectedCategories>,
    /// How the things are on which the services stand.
    pub vitals: Arc<dyn Vitals>,
}

impl GatewayPorts {
    /// For a gateway that is the only one.
    pub fn alone(categories: Arc<dyn SelectedCategories>) -> Self {
        Self {
            presence: Arc::new(MemoryPresence::default()),
            fanout: Arc::new(MemoryFanout::default()),
            categories,
            vitals: Arc::new(NoParts),
        }
    }

    /// The same, whose gateway tells how these things are.
    #[must_use]
    pub fn standing_on(self, vitals: Arc<dyn Vitals>) -> Self {
        Self { vitals, ..self }
    }
}

/// Starts the realtime server of a gateway.
pub(crate) async fn start(
    config: &Arc<GatewayConfig>,
    sessions: Sessions,
    news: Following,
    ports: GatewayPorts,
) -> Result<Realtime, Unavailable> {
    let GatewayPorts { presence, fanout, categories, vitals: _ } = ports;
    let mut realtime = config.realtime.clone();
    let origins = Arc::clone(config);
    realtime.allow_origin = Arc::new(move |origin| origins.allows(origin));
    let (handshake, news) = (Arc::new(sessions), Arc::new(news));
    Realtime::start(realtime, RealtimePorts { handshake, presence, fanout, news, categories }).await
}

/// Which sessions live.
pub(crate) struct Sessions {
    users: Tokens,
    ended: EndedSessions,
    kept_users: KeptUsers,
    upstreams: Upstreams,
    known: Cache<String, bool>,
}

impl Sessions {
    pub(crate) fn new(users: Tokens, ended: EndedSessions, kept_users: KeptUsers, upstreams: Upstreams) -> Self {
        let known = Cache::builder().time_to_live(BELIEVED).max_capacity(100_000).build();
        Self { users, ended, kept_users, upstreams, known }
    }

    /// Whether the auth service says that a session goes on. Asked at once by many, it is asked once.
    async fn goes_on(&self, sid: &str) -> Result<bool, Arc<ApiError>> {
        if self.ended.has(sid) {
            return Ok(false);
        }
        let asked = self.known.try_get_with(sid.to_owned(), async {
            let mut path = "/session/".to_owned();
            crate::forward::push_segment(&mut path, sid);
            path.push_str("/alive");
            let answer = call_auth(&self.upstreams, Method::GET, &path, Value::Null, None).await?;
            Ok::<_, ApiError>(answer["alive"] == true)
        });
        Ok(asked.await? && !self.ended.has(sid))
    }
}

#[async_trait]
impl Handshake for Sessions {
    async fn identify(&self, headers: &HeaderMap) -> Result<Option<Identity>, Unavailable> {
        let cookies = Cookies::read(headers);
        let Some(access) = cookies.access.as_deref() else { return Ok(None) };
        if let Ok(signed) = self.users.verify(access) {
            let claims = &signed.caller.claims;
            let live = !self.ended.has(&claims.sid);
            return Ok(live.then(|| Identity::new(&claims.username, &claims.sid)));
        }
        // An expired token of a session that lives is enough. Those of other issuers have no session to outlive them.
        let Some(claims) = self.users.verify_expired(access).ok().filter(|claims| !claims.sid.is_empty()) else {
            return Ok(None);
        };
        let live = self.goes_on(&claims.sid).await;
        let live = live.map_err(|error| Unavailable { what: "sessions", source: error.message().to_owned().into() })?;
        Ok(live.then(|| Identity::new(&claims.username, &claims.sid)))
    }

    fn named(&self, headers: &HeaderMap) -> Option<Identity> {
        let access = Cookies::read(headers).access?;
        if let Ok(signed) = self.users.verify(&access) {
            return Some(Identity::new(&signed.caller.claims.username, &signed.caller.claims.sid));
        }
        // Those of other issuers have no session to outlive them.
        let claims = self.users.verify_expired(&access).ok().filter(|claims| !claims.sid.is_empty())?;
        Some(Identity::new(&claims.username, &claims.sid))
    }

    async fn alive(&self, identity: &Identity) -> bool {
        if identity.sid.is_empty() {
            return true;
        }
        self.goes_on(&identity.sid).await.unwrap_or_else(|error| {
            tracing::debug!(error = error.message(), "whether a socket's session goes on could not be asked");
            !self.ended.has(&identity.sid)
        })
    }

    fn ended(&self, sid: &str) {
        self.ended.end(sid);
        self.kept_users.forget(sid);
    }
}

/// The name of a gateway: another one after each start.
pub(crate) fn fresh_name() -> String {
    use jobapp_kernel::Ids;
    format!("gateway-{}", jobapp_runtime::SystemIds::default().object_id())
}
