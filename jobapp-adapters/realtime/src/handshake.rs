//! Who is behind a handshake.

use async_trait::async_trait;
use http::HeaderMap;
use jobapp_realtime_core::{Identity, Unavailable};

/// Tells who is behind a handshake. Never renews or rotates anything: a page opens dozens of connections at once.
#[async_trait]
pub trait Handshake: Send + Sync {
    /// Who sent a request with these headers; `None` without a live session. A session that lives is enough, even when
    /// its access token has expired. When it cannot be told the connection is taken for one without a session.
    async fn identify(&self, headers: &HeaderMap) -> Result<Option<Identity>, Unavailable>;

    /// Whose session a request with these headers names, by a token that is genuine, expired or not. Whether the session
    /// lives is not asked: see [`Handshake::alive`].
    fn named(&self, headers: &HeaderMap) -> Option<Identity>;

    /// Whether a session still lives. Asked now and then for the sessions behind open sockets; in doubt, yes.
    async fn alive(&self, identity: &Identity) -> bool;

    /// A session ended: every gateway hears so, before its sockets there fall silent.
    fn ended(&self, sid: &str);
}
