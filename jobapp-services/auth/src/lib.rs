//! The auth service: accounts, sign-in, sessions and their tokens.
//!
//! [`AuthService`] composes it: [`AuthService::router`] serves, [`AuthService::translator`] turns what was stored into
//! messages, [`AuthService::housekeeping`] forgets what nobody needs. What is decided is decided in `jobapp-auth`. It
//! consumes nothing.
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
mod secrets;

use std::sync::Arc;
use std::time::Duration;

use jobapp_auth::{Account, Attempts, Auth, PasswordHasher, PendingSignIn, Policy, Ports, Secrets, Session};
use jobapp_http::ServiceGuard;
use jobapp_kernel::{Clock, Handler, Ids, MediaStore, Queue, Repository, Sequence, Subscription};
use jobapp_runtime::{Translate, error_text};

pub use config::AuthConfig;
pub use hasher::Argon2Hasher;
pub use secrets::SystemSecrets;

/// How often what nobody needs any more is forgotten.
const HOUSEKEEPING: Duration = Duration::from_secs(600);

/// What the auth service stands on.
#[derive(Clone)]
pub struct AuthPorts {
    /// Accounts.
    pub accounts: Arc<dyn Repository<Account>>,
    /// Sessions.
    pub sessions: Arc<dyn Repository<Session>>,
    /// Sign-ins that wait for their codes.
    pub pending: Arc<dyn Repository<PendingSignIn>>,
    /// Failed sign-ins.
    pub attempts: Arc<dyn Repository<Attempts>>,
    /// Numbers for accounts.
    pub numbers: Arc<dyn Sequence>,
    /// Pictures.
    pub media: Arc<dyn MediaStore>,
    /// Hashes passwords: [`Argon2Hasher`].
    pub hasher: Arc<dyn PasswordHasher>,
    /// Random bytes: [`SystemSecrets`].
    pub secrets: Arc<dyn Secrets>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Makes ids.
    pub ids: Arc<dyn Ids>,
    /// Checks who calls: audience `auth`. Its user tokens are also the ones that are issued.
    pub guard: Arc<ServiceGuard>,
}

/// The auth service.
#[derive(Clone)]
pub struct AuthService {
    auth: Auth,
    media: Arc<dyn MediaStore>,
    clock: Arc<dyn Clock>,
    guard: Arc<ServiceGuard>,
    config: Arc<AuthConfig>,
}

impl AuthService {
    /// The audiences its gateway tokens have.
    pub const AUDIENCES: &'static [&'static str] = &["auth"];

    /// On these ports.
    pub fn new(ports: AuthPorts, config: AuthConfig) -> Self {
        let (clock, media) = (Arc::clone(&ports.clock), Arc::clone(&ports.media));
        let policy = Policy { codes_per_hour: config.codes_per_hour };
        let use_cases = Ports {
            accounts: ports.accounts,
            sessions: ports.sessions,
            pending: ports.pending,
            attempts: ports.attempts,
            numbers: ports.numbers,
            media: ports.media,
            hasher: ports.hasher,
            secrets: ports.secrets,
            clock: ports.clock,
            ids: ports.ids,
        };
        Self { auth: Auth::new(use_cases, policy), media, clock, guard: ports.guard, config: Arc::new(config) }
    }

    /// The use cases themselves, for programs that run beside the routes.
    pub const fn use_cases(&self) -> &Auth {
        &self.auth
    }

    /// Every route with its full path; the health route is outside the guard.
    pub fn router(&self) -> axum::Router {
        http::router(self)
    }

    /// What the routes accept and answer.
    pub fn openapi() -> utoipa::openapi::OpenApi {
        http::openapi()
    }

    /// What it consumes: nothing.
    pub fn queues() -> Vec<Queue> {
        Vec::new()
    }

    /// Who consumes it: nobody.
    pub fn consumers(&self) -> Vec<(Subscription, Arc<dyn Handler>)> {
        Vec::new()
    }

    /// Makes the messages of an outbox entry. Not a plain function, because links in mails begin with the client's address.
    pub fn translator(&self) -> Translate {
        let client_url = self.config.client_url.trim_end_matches('/').to_owned();
        Arc::new(move |entry| messages::translate(&client_url, entry))
    }

    /// Forgets expired sessions and codes, now and then, for ever: run it beside the server and drop it to stop.
    pub async fn housekeeping(&self) {
        let mut ticks = tokio::time::interval(HOUSEKEEPING);
        loop {
            ticks.tick().await;
            match self.auth.forget_old().await {
                Ok(0) => {}
                Ok(count) => tracing::debug!(count, "forgot {count} old sessions and codes"),
                Err(error) => tracing::warn!(error = error_text(&error), "old sessions could not be forgotten"),
            }
        }
    }
}
