//! The use cases: load, decide, save.

mod email;
mod housekeeping;
mod passwords;
mod seed;
mod sessions;
mod sign_in;
mod sign_up;

use std::sync::Arc;

use jobapp_kernel::{AccountId, Change, Clock, Ids, MediaStore, Repository, Sequence, Stored, retry_on_conflict};

pub use passwords::PasswordChanged;
pub use seed::{MAX_SEED, Seed};
pub use sign_in::{Login, SignIn, SignedIn};
pub use sign_up::SignUp;

use crate::account::AccountEvent;
use crate::{Account, AuthError, Device, PasswordHasher, PendingSignIn, RefreshToken, Secrets, Session, SessionId};

/// What the use cases work with.
#[derive(Clone)]
pub struct Ports {
    /// Accounts.
    pub accounts: Arc<dyn Repository<Account>>,
    /// Sessions.
    pub sessions: Arc<dyn Repository<Session>>,
    /// Sign-ins that wait for their codes.
    pub pending: Arc<dyn Repository<PendingSignIn>>,
    /// Numbers for accounts.
    pub numbers: Arc<dyn Sequence>,
    /// Pictures.
    pub media: Arc<dyn MediaStore>,
    /// Hashes passwords.
    pub hasher: Arc<dyn PasswordHasher>,
    /// Random bytes.
    pub secrets: Arc<dyn Secrets>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Ids.
    pub ids: Arc<dyn Ids>,
}

/// What an operator may choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// How many codes an account is mailed within an hour. Each may be guessed five times.
    pub codes_per_hour: usize,
}

impl Default for Policy {
    fn default() -> Self {
        Self { codes_per_hour: 10 }
    }
}

/// Who calls, as an access token says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallerId {
    /// The account.
    pub account: AccountId,
    /// The session; `None` for tokens of a system that had none.
    pub session: Option<SessionId>,
}

impl CallerId {
    /// The caller of a token with these claims; an empty `sid` is none.
    ///
    /// # Errors
    /// [`AuthError::SessionOver`] when the session id cannot be one.
    pub fn new(account: i64, sid: &str) -> Result<Self, AuthError> {
        let session = match sid {
            "" => None,
            sid => Some(sid.parse().map_err(|_| AuthError::SessionOver)?),
        };
        Ok(Self { account: AccountId(account), session })
    }
}

/// A session somebody has just begun or renewed.
#[derive(Debug, Clone)]
pub struct OpenSession {
    /// Whose it is.
    pub account: Account,
    /// The session.
    pub session: SessionId,
    /// What renews it next time.
    pub refresh_token: RefreshToken,
}

/// The use cases of accounts and sessions.
#[derive(Clone)]
pub struct Auth {
    ports: Ports,
    policy: Policy,
}

impl Auth {
    /// The use cases on these ports.
    pub const fn new(ports: Ports, policy: Policy) -> Self {
        Self { ports, policy }
    }

    /// Begins a session.
    async fn open(&self, account: Account, device: Option<Device>) -> Result<OpenSession, AuthError> {
        let now = self.ports.clock.now();
        let id = SessionId(self.ports.ids.object_id());
        let (session, refresh_token) = Session::start(id, &account, device, now, &*self.ports.secrets);
        self.ports.sessions.save(Change::insert(session, Vec::new())).await.map(drop)?;
        Ok(OpenSession { account, session: id, refresh_token })
    }

    /// The caller's account, if the caller's session lives.
    async fn authenticated(&self, caller: CallerId) -> Result<Stored<Account>, AuthError> {
        let account = self.ports.accounts.find(&caller.account).await?.ok_or(AuthError::SessionOver)?;
        if let Some(id) = caller.session {
            let session = self.ports.sessions.find(&id).await?.ok_or(AuthError::SessionOver)?.value;
            let is_good = session.account() == caller.account
                && session.is_live(self.ports.clock.now())
                && !session.is_outdated(&account.value);
            if !is_good {
                return Err(AuthError::SessionOver);
            }
        }
        Ok(account)
    }

    /// Loads an account, decides and saves, again while somebody else was faster. `None` decides that nothing changes.
    async fn change_account(
        &self,
        id: AccountId,
        decide: impl Fn(Account) -> Result<Option<(Account, Vec<AccountEvent>)>, AuthError> + Send + Sync,
    ) -> Result<Account, AuthError> {
        let decide = &decide;
        retry_on_conflict(|| async move {
            let stored = self.ports.accounts.find(&id).await?.ok_or(AuthError::SessionOver)?;
            let Some((account, events)) = decide(stored.value.clone())? else { return Ok(stored.value) };
            self.ports.accounts.save(Change::update(stored.version, account.clone(), events)).await.map(drop)?;
            Ok(account)
        })
        .await
    }
}

#[cfg(test)]
mod tests;
