//! The auth service: accounts, sign-in, sessions and their tokens.
//!
//! [`AuthService`] is what a process runs of it, a [`Service`] as all are. It forgets what nobody needs, and consumes nothing. What
//! is decided is decided in `jobapp-auth`.
//!
//! Answers that begin or renew a session carry the tokens in the open (`token`, `refreshToken`, `pendingToken`,
//! `deviceToken`): the gateway makes http-only cookies of them and takes them out. It tells where a request comes from in the
//! headers `x-client-address` and `x-device-token`. Four routes are the gateway's own: `session/refresh`, `session/end`,
//! `session/ended` (what it loads before it is ready; from then on it hears of ended sessions from the bus) and the
//! caller's `sessions`.

mod config;
mod hasher;
mod http;
mod messages;
mod ports;
mod secrets;
mod sign_ins;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use jobapp_auth::{Auth, Policy};
use jobapp_platform::{Service, Shared, Task};
use jobapp_runtime::{Exclusive, Translate, error_text};
use utoipa::openapi::OpenApi;

pub use config::AuthConfig;
pub use hasher::Argon2Hasher;
pub use ports::AuthPorts;
pub use secrets::SystemSecrets;
use sign_ins::SignIns;

/// How often what nobody needs any more is forgotten.
const HOUSEKEEPING: Duration = Duration::from_secs(600);

/// The auth service.
#[derive(Clone)]
pub struct AuthService {
    auth: Auth,
    exclusive: Exclusive,
    shared: Shared,
    config: Arc<AuthConfig>,
    sign_ins: SignIns,
}

impl AuthService {
    /// The audiences its gateway tokens have.
    pub const AUDIENCES: &'static [&'static str] = &["auth"];

    /// On these ports.
    pub fn new(ports: AuthPorts, config: AuthConfig) -> Self {
        let policy = Policy { codes_per_hour: config.codes_per_hour };
        let AuthPorts { auth, exclusive, shared } = ports;
        let sign_ins = SignIns::new(&shared.metrics);
        Self { auth: Auth::new(auth, policy), exclusive, shared, config: Arc::new(config), sign_ins }
    }

    /// The use cases themselves, for programs that run beside the routes.
    pub const fn use_cases(&self) -> &Auth {
        &self.auth
    }

    /// Forgets expired sessions and codes.
    async fn forget_old(&self) {
        match self.auth.forget_old().await {
            Ok(0) => {}
            Ok(count) => tracing::debug!(count, "forgot {count} old sessions and codes"),
            Err(error) => tracing::warn!(error = error_text(&error), "old sessions could not be forgotten"),
        }
    }
}

impl Service for AuthService {
    fn name(&self) -> &'static str {
        "auth"
    }

    fn audiences(&self) -> &'static [&'static str] {
        Self::AUDIENCES
    }

    fn router(&self) -> Router {
        http::router(self)
    }

    fn openapi(&self) -> Option<OpenApi> {
        Some(http::openapi())
    }

    /// Links in mails begin with the client's address.
    fn translator(&self) -> Option<Translate> {
        let client_url = self.config.client_url.trim_end_matches('/').to_owned();
        let media = Arc::clone(&self.shared.media);
        Some(Arc::new(move |entry| messages::translate(&client_url, &*media, entry)))
    }

    fn tasks(&self) -> Vec<Task> {
        let service = self.clone();
        vec![Task::of_one("forget old sessions and codes", self.exclusive.clone(), HOUSEKEEPING, move || {
            let service = service.clone();
            async move { service.forget_old().await }
        })]
    }
}
