//! The use cases: load, decide, save.

mod email;
mod gate;
mod housekeeping;
mod operators;
mod passwords;
mod second_factor;
mod seed;
mod sessions;
mod sign_in;
mod sign_up;

use std::sync::Arc;

use jobapp_kernel::{
    AccountId, Change, Clock, Ids, MediaStore, PageRequest, Repository, RepositoryError, Sequence, Stored, in_turn,
};

pub use operators::{NewOperator, OperatorMade, RoleChanged};
pub use passwords::PasswordChanged;
pub use second_factor::{Enrolment, SecondFactorStatus};
pub use seed::{MAX_SEED, Seed};
pub use sessions::MAX_SESSIONS;
pub use sign_in::{Login, SignIn, SignedIn};
pub use sign_up::SignUp;

use crate::account::AccountEvent;
use crate::attempts::Place;
use crate::{
    Account, Attempts, AuthError, Device, EmailAddress, HashError, OneTimeSecret, Password, PasswordHasher,
    PendingSignIn, RefreshToken, Secrets, Session, SessionId, Username, Verified,
};

/// The most accounts that are looked at because they have something in common with a name or an address.
const ALIKE: usize = 50;

/// What the use cases work with.
#[derive(Clone)]
pub struct Ports {
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

/// Where a request comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// The network address, as text; empty when nobody said.
    pub address: String,
    /// What the device is recognised by, if it said something.
    pub device_token: Option<OneTimeSecret>,
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
    /// What the device is recognised by from now on; `None` when it keeps what it has.
    pub device_token: Option<OneTimeSecret>,
}

/// The use cases of accounts and sessions.
#[derive(Clone)]
pub struct Auth {
    ports: Ports,
    policy: Policy,
}

impl Auth {
    /// The use cases on these ports.
    pub fn new(ports: Ports, policy: Policy) -> Self {
        Self { ports, policy }
    }

    /// Begins a session. A device that is not recognised gets something to be recognised by.
    async fn open(&self, account: Account, device: Option<Device>, origin: &Origin) -> Result<OpenSession, AuthError> {
        self.end_surplus(*jobapp_kernel::Aggregate::id(&account)).await?;
        if self.is_recognised(&account, origin) {
            return self.start(account, device, None).await;
        }
        let now = self.ports.clock.now();
        let (account, token) = self.introduce(account, |account, token| account.give_device(token, now)).await?;
        self.start(account, device, Some(token)).await
    }

    /// Makes a token for a device to be recognised by and has it given. The account's password was compared before.
    async fn introduce(
        &self,
        account: Account,
        give: impl Fn(Account, &OneTimeSecret) -> Account + Send + Sync,
    ) -> Result<(Account, OneTimeSecret), AuthError> {
        let token = OneTimeSecret::token(&*self.ports.secrets);
        let epoch = account.epoch();
        let give = |account: Account| match account.epoch() == epoch {
            true => Ok(Some((give(account, &token), Vec::new()))),
            // The password was changed since it was compared.
            false => Err(AuthError::WrongCredentials),
        };
        let account = self.change_account(*jobapp_kernel::Aggregate::id(&account), give).await?;
        Ok((account, token))
    }

    /// Begins a session, whatever there is already.
    async fn start(
        &self,
        account: Account,
        device: Option<Device>,
        device_token: Option<OneTimeSecret>,
    ) -> Result<OpenSession, AuthError> {
        let now = self.ports.clock.now();
        let id = SessionId(self.ports.ids.object_id());
        let (session, refresh_token) = Session::start(id, &account, device, now, &*self.ports.secrets);
        self.ports.sessions.save(Change::insert(session, Vec::new())).await.map(drop)?;
        Ok(OpenSession { account, session: id, refresh_token, device_token })
    }

    fn is_recognised(&self, account: &Account, origin: &Origin) -> bool {
        let now = self.ports.clock.now();
        origin.device_token.as_ref().is_some_and(|token| account.recognises(token, now))
    }

    /// The hash of a password.
    async fn hash(&self, password: &Password) -> Result<String, HashError> {
        self.ports.hasher.hash(password.normal()).await
    }

    /// Whether it is the account's password. What a hash of before is of, which may be no normal form, is wanted hashed anew.
    async fn verify(&self, password: &Password, account: &Account) -> Result<Verified, HashError> {
        for candidate in password.candidates() {
            let verified = self.ports.hasher.verify(candidate, account.password_hash()).await?;
            if verified.matches {
                let needs_rehash = verified.needs_rehash || candidate != password.normal();
                return Ok(Verified { matches: true, needs_rehash });
            }
        }
        Ok(Verified { matches: false, needs_rehash: false })
    }

    /// Lets somebody who is signed in try to prove the password again, not more often than who signs in.
    async fn proving<T>(
        &self,
        caller: CallerId,
        account: &Account,
        compare: impl Future<Output = Result<Option<T>, AuthError>>,
    ) -> Result<Option<T>, AuthError> {
        let session = caller.session.map(|session| session.to_string()).unwrap_or_default();
        let name = format!("account {}", jobapp_kernel::Aggregate::id(account));
        self.attempt(&name, Place::Session(session), compare).await
    }

    /// Makes somebody who is signed in prove the password again.
    async fn prove_password(&self, caller: CallerId, account: &Account, password: &str) -> Result<(), AuthError> {
        let password = Password::new(password);
        let compare = async { Ok(self.verify(&password, account).await?.matches.then_some(())) };
        self.proving(caller, account, compare).await?.ok_or(AuthError::WrongPassword)
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

    /// Loads an account, decides and saves in one's turn with it. `None` decides that nothing changes.
    async fn change_account(
        &self,
        id: AccountId,
        decide: impl Fn(Account) -> Result<Option<(Account, Vec<AccountEvent>)>, AuthError> + Send + Sync,
    ) -> Result<Account, AuthError> {
        let decide = &decide;
        in_turn(&*self.ports.accounts, &id, || async move {
            let stored = self.ports.accounts.find(&id).await?.ok_or(AuthError::SessionOver)?;
            let Some((account, events)) = decide(stored.value.clone())? else { return Ok(stored.value) };
            self.ports.accounts.save(Change::update(stored.version, account.clone(), events)).await.map(drop)?;
            Ok(account)
        })
        .await
    }
}

/// The account with this name, however it is typed: the one that is called exactly so before one that is only alike.
async fn account_by_name(
    accounts: &dyn Repository<Account>,
    username: &str,
) -> Result<Option<Stored<Account>>, RepositoryError> {
    let found = account_like_name(accounts, username).await?;
    Ok(found.filter(|stored| stored.value.username().is_typed_like(&Username::lookup(username))))
}

/// As [`account_by_name`], or else the one account whose name people take for this one. Looks twice whatever it finds, so that
/// the time it takes does not tell.
async fn account_like_name(
    accounts: &dyn Repository<Account>,
    username: &str,
) -> Result<Option<Stored<Account>>, RepositoryError> {
    let name = Username::lookup(username);
    let exact = accounts.find_by(Account::USERNAME, name.as_str().into()).await?;
    let mut alike = accounts.list(Account::SKELETON, name.skeleton().into(), PageRequest::first(ALIKE)).await?.items;
    let typed_like = alike.iter().position(|stored| stored.value.username().is_typed_like(&name));
    let nearest = typed_like.or_else(|| (alike.len() == 1).then_some(0)).map(|index| alike.swap_remove(index));
    Ok(exact.or(nearest))
}

/// The account with this address, however it is written: the one that has it exactly so before one of the same mailbox. Looks
/// twice whatever it finds.
async fn account_by_email(
    accounts: &dyn Repository<Account>,
    email: &EmailAddress,
) -> Result<Option<Stored<Account>>, RepositoryError> {
    let exact = accounts.find_by(Account::EMAIL, email.as_str().into()).await?;
    let same = accounts.list(Account::MAILBOX, email.mailbox().into(), PageRequest::first(1)).await?;
    Ok(exact.or_else(|| same.items.into_iter().next()))
}

#[cfg(test)]
mod tests;
