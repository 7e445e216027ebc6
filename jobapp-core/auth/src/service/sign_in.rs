//! Signing in, with a mailed code from devices nobody knows yet.

use jobapp_kernel::{Change, PageRequest, Stored, retry_on_conflict};

use super::{Auth, OpenSession};
use crate::password::MAX_BYTES;
use crate::pending::CODE_COUNTED;
use crate::{Account, AuthError, Device, EmailAddress, Guess, OneTimeSecret, PendingSignIn, PendingSignInId, Username};

/// How somebody says who they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Login {
    /// By name, as typed.
    Name(String),
    /// By address, as typed.
    Email(String),
}

/// What somebody who signs in says.
#[derive(Clone)]
pub struct SignIn {
    /// Who they are.
    pub login: Login,
    /// The password, as typed.
    pub password: String,
    /// What it is done with; `None` when the client does not say, which is known to nobody.
    pub device: Option<Device>,
}

/// What became of a sign-in with the right password.
#[derive(Debug, Clone)]
pub enum SignedIn {
    /// The device is known: a session began.
    Open(Box<OpenSession>),
    /// It is not: a code was mailed.
    CodeSent {
        /// What ties the code to this sign-in; for the browser to keep.
        token: OneTimeSecret,
        /// The device the account was last known by.
        known_device: Device,
    },
}

impl Auth {
    /// Signs in. For an account that does not exist it answers, and works, as for a wrong password.
    ///
    /// # Errors
    /// [`AuthError::WrongCredentials`], or [`AuthError::TooManyCodes`] when a code would be needed and many were sent.
    pub async fn sign_in(&self, sign_in: SignIn) -> Result<SignedIn, AuthError> {
        let account = self.find_by_login(&sign_in.login).await?;
        let Some(account) = account.filter(|_| sign_in.password.len() <= MAX_BYTES) else {
            // Cut, so that nobody makes us hash megabytes; the right one is never that long.
            let cut: String = sign_in.password.chars().take(MAX_BYTES / 4).collect();
            self.ports.hasher.pretend(&cut).await?;
            return Err(AuthError::WrongCredentials);
        };
        let account = account.value;
        let verified = self.ports.hasher.verify(&sign_in.password, account.password_hash()).await?;
        if !verified.matches {
            return Err(AuthError::WrongCredentials);
        }
        let account = if verified.needs_rehash { self.rehash(account, &sign_in.password).await? } else { account };
        match sign_in.device {
            Some(device) if account.knows(&device) => {
                Ok(SignedIn::Open(Box::new(self.open(account, Some(device)).await?)))
            }
            device => self.send_code(&account, device).await,
        }
    }

    /// Ends a sign-in with its code: remembers the device and begins a session. `said` is what the client calls the device
    /// now, which may differ from what it said before: windows turn.
    ///
    /// # Errors
    /// [`AuthError::WrongCode`], whatever is wrong with the code or the token.
    pub async fn verify_code(
        &self,
        token: &OneTimeSecret,
        code: &str,
        said: Option<Device>,
    ) -> Result<OpenSession, AuthError> {
        let pending = retry_on_conflict(|| self.guess(token, code)).await?;
        let account = self.ports.accounts.find(&pending.account()).await?.ok_or(AuthError::WrongCode)?.value;
        if pending.is_outdated(&account) {
            return Err(AuthError::WrongCode);
        }
        let begun_with = pending.device().cloned();
        let devices: Vec<Device> = begun_with.iter().chain(&said).cloned().collect();
        let now = self.ports.clock.now();
        let remember =
            |account: Account| Ok(account.remember(devices.clone(), now).map(|account| (account, Vec::new())));
        let account = self.change_account(*jobapp_kernel::Aggregate::id(&account), remember).await?;
        self.open(account, said.or(begun_with)).await
    }

    async fn guess(&self, token: &OneTimeSecret, code: &str) -> Result<PendingSignIn, AuthError> {
        let key = token.hash().as_str().into();
        let stored = self.ports.pending.find_by(PendingSignIn::TOKEN, key).await?.ok_or(AuthError::WrongCode)?;
        let (pending, guess) = stored.value.guess(token, code, self.ports.clock.now());
        if guess != Guess::Over {
            // Also a wrong guess is stored before it is answered: otherwise there would be endless tries.
            self.ports.pending.save(Change::update(stored.version, pending.clone(), Vec::new())).await.map(drop)?;
        }
        if guess == Guess::Right { Ok(pending) } else { Err(AuthError::WrongCode) }
    }

    async fn find_by_login(&self, login: &Login) -> Result<Option<Stored<Account>>, AuthError> {
        let (key, value) = match login {
            Login::Name(name) => (Account::USERNAME, Username::lookup(name).as_str().to_owned()),
            Login::Email(email) => match EmailAddress::new(email) {
                Ok(email) => (Account::EMAIL, email.as_str().to_owned()),
                Err(_) => return Ok(None),
            },
        };
        Ok(self.ports.accounts.find_by(key, value.into()).await?)
    }

    async fn rehash(&self, account: Account, password: &str) -> Result<Account, AuthError> {
        let better = self.ports.hasher.hash(password).await?;
        let old = account.password_hash().to_owned();
        let id = *jobapp_kernel::Aggregate::id(&account);
        self.change_account(id, |account| Ok(account.rehash(&old, better.clone()).map(|account| (account, Vec::new()))))
            .await
    }

    async fn send_code(&self, account: &Account, device: Option<Device>) -> Result<SignedIn, AuthError> {
        let now = self.ports.clock.now();
        let id = *jobapp_kernel::Aggregate::id(account);
        let limit = self.policy.codes_per_hour;
        let sent = self.ports.pending.list(PendingSignIn::ACCOUNT, id.0.into(), PageRequest::newest(limit)).await?;
        let lately = sent.items.iter().filter(|pending| now.since(pending.value.created_at()) < CODE_COUNTED).count();
        if lately >= limit {
            return Err(AuthError::TooManyCodes);
        }
        let (token, code) = (OneTimeSecret::token(&*self.ports.secrets), OneTimeSecret::code(&*self.ports.secrets));
        let pending_id = PendingSignInId(self.ports.ids.object_id());
        let (pending, events) = PendingSignIn::start(pending_id, account, device, &token, code, now);
        self.ports.pending.save(Change::insert(pending, events)).await.map(drop)?;
        Ok(SignedIn::CodeSent { token, known_device: account.last_device() })
    }
}
