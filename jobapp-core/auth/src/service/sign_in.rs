//! Signing in, with a mailed code from devices nobody knows yet.

use jobapp_kernel::{Change, PageRequest, Stored, Turn, in_turn_by, turn_by};

use super::{Auth, OpenSession, Origin, account_by_email, account_like_name};
use crate::attempts::Place;
use crate::pending::{BegunWith, CODE_COUNTED};
use crate::{
    Account, AuthError, Device, EmailAddress, Guess, OneTimeSecret, Password, PendingSignIn, PendingSignInId,
    TypedCode, Username,
};

/// How somebody says who they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Login {
    /// By name, as typed.
    Name(String),
    /// By address, as typed. Somebody of before may have a name that looks like one.
    Email(String),
}

impl Login {
    /// What failures are counted under: the same for every way to type it, whether anybody has it or not.
    fn counted_as(&self) -> String {
        match self {
            Self::Name(name) => format!("name {}", Username::lookup(name).skeleton()),
            Self::Email(email) => format!("email {}", EmailAddress::lookup(email).mailbox()),
        }
    }
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
    /// Where it is done.
    pub origin: Origin,
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
    /// The account has a second factor: a code of the authenticator is wanted.
    SecondFactor {
        /// What ties the code to this sign-in; for the browser to keep.
        token: OneTimeSecret,
        /// The device the account was last known by.
        known_device: Device,
    },
}

impl Auth {
    /// Signs in. For an account that does not exist it answers, works and counts as for a wrong password.
    ///
    /// # Errors
    /// [`AuthError::WrongCredentials`], [`AuthError::TooManyAttempts`] when this place guessed wrong often for this name, or
    /// [`AuthError::TooManyCodes`] when a code would be needed and many were sent.
    pub async fn sign_in(&self, sign_in: SignIn) -> Result<SignedIn, AuthError> {
        let password = Password::new(&sign_in.password);
        let account = self.find_by_login(&sign_in.login).await?.map(|stored| stored.value);
        let origin = &sign_in.origin;
        let token = origin.device_token.as_ref();
        let token = token.filter(|_| account.as_ref().is_some_and(|account| self.is_recognised(account, origin)));
        let place = token.map_or_else(|| Place::of_address(&origin.address), |token| Place::Device(token.hash()));
        let is_recognised = token.is_some();
        let name = sign_in.login.counted_as();
        let compared = self.attempt(&name, place, self.compare(account, &password)).await?;
        let (account, needs_rehash) = compared.ok_or(AuthError::WrongCredentials)?;
        let account = if needs_rehash { self.rehash(account, &password).await? } else { account };
        let begun_with = BegunWith { device: sign_in.device, is_recognised };
        if account.has_second_factor() {
            return self.ask_for_second_factor(&account, begun_with).await;
        }
        match &begun_with.device {
            Some(device) if account.knows(device) && (is_recognised || !self.is_under_attack(&name).await?) => {
                Ok(SignedIn::Open(Box::new(self.open(account, begun_with.device, origin).await?)))
            }
            _ => self.send_code(&account, begun_with).await,
        }
    }

    /// The account, if it is its password, and whether its hash should be made anew. As much work for no account.
    async fn compare(
        &self,
        account: Option<Account>,
        password: &Password,
    ) -> Result<Option<(Account, bool)>, AuthError> {
        if password.candidates().next().is_none() {
            // Longer than any that is right: hashed is something else, so that nobody makes us hash megabytes.
            self.ports.hasher.pretend("").await?;
            return Ok(None);
        }
        let Some(account) = account else {
            for candidate in password.candidates() {
                self.ports.hasher.pretend(candidate).await?;
            }
            return Ok(None);
        };
        let verified = self.verify(password, &account).await?;
        Ok(verified.matches.then_some((account, verified.needs_rehash)))
    }

    /// Ends a sign-in with its code: remembers the device and begins a session. `said` is what the client calls the device
    /// now, which may differ from what it said before: windows turn. The code is the mailed one, or for an account with a
    /// second factor one of the authenticator or a recovery code.
    ///
    /// # Errors
    /// [`AuthError::WrongCode`], whatever is wrong with the code or the token.
    pub async fn verify_code(
        &self,
        token: &OneTimeSecret,
        code: &str,
        said: Option<Device>,
        origin: &Origin,
    ) -> Result<OpenSession, AuthError> {
        let code = &TypedCode::new(code);
        let guesses = || self.guess(token, code);
        let pending = in_turn_by(&*self.ports.pending, PendingSignIn::TOKEN, token.hash().as_str(), guesses).await?;
        let begun_with = pending.device().cloned();
        let devices: Vec<Device> = begun_with.iter().chain(&said).cloned().collect();
        let now = self.ports.clock.now();
        let admit = |account: Account| {
            if pending.is_outdated(&account) {
                return Err(AuthError::WrongCode);
            }
            if !pending.needs_second_factor() {
                if account.has_second_factor() {
                    // Turned on meanwhile: a mailed code is not enough any more.
                    return Err(AuthError::WrongCode);
                }
                return Ok(account.remember(devices.clone(), now).map(|account| (account, Vec::new())));
            }
            // Again, now that it counts: the same code may have been used elsewhere in this moment.
            let account = account.use_second_factor(code, now).map_err(|_| AuthError::WrongCode)?;
            Ok(Some((account.clone().remember(devices.clone(), now).unwrap_or(account), Vec::new())))
        };
        let account = self.change_account(pending.account(), admit).await?;
        self.open(account, said.or(begun_with), origin).await
    }

    async fn guess(&self, token: &OneTimeSecret, code: &TypedCode) -> Result<PendingSignIn, AuthError> {
        let key = token.hash().as_str().into();
        let stored = self.ports.pending.find_by(PendingSignIn::TOKEN, key).await?.ok_or(AuthError::WrongCode)?;
        let now = self.ports.clock.now();
        let account = self.ports.accounts.find(&stored.value.account()).await?.ok_or(AuthError::WrongCode)?.value;
        if stored.value.is_outdated(&account) {
            return Err(AuthError::WrongCode);
        }
        let (pending, guess) = if stored.value.needs_second_factor() {
            stored.value.guess_second_factor(token, account.use_second_factor(code, now).is_ok(), now)
        } else {
            stored.value.guess(token, code, now)
        };
        if guess != Guess::Over {
            // Also a wrong guess is stored before it is answered: otherwise there would be endless tries.
            self.ports.pending.save(Change::update(stored.version, pending.clone(), Vec::new())).await.map(drop)?;
        }
        if guess == Guess::Right { Ok(pending) } else { Err(AuthError::WrongCode) }
    }

    async fn find_by_login(&self, login: &Login) -> Result<Option<Stored<Account>>, AuthError> {
        let accounts = &*self.ports.accounts;
        match login {
            Login::Name(name) => Ok(account_like_name(accounts, name).await?),
            Login::Email(email) => {
                let by_email = account_by_email(accounts, &EmailAddress::lookup(email)).await?;
                if !Username::has_length_of_one(email) {
                    return Ok(by_email);
                }
                let by_name = accounts.find_by(Account::USERNAME, Username::lookup(email).as_str().into()).await?;
                Ok(by_email.or(by_name))
            }
        }
    }

    async fn rehash(&self, account: Account, password: &Password) -> Result<Account, AuthError> {
        let better = self.hash(password).await?;
        let old = account.password_hash().to_owned();
        let id = *jobapp_kernel::Aggregate::id(&account);
        self.change_account(id, |account| Ok(account.rehash(&old, better.clone()).map(|account| (account, Vec::new()))))
            .await
    }

    async fn send_code(&self, account: &Account, begun_with: BegunWith) -> Result<SignedIn, AuthError> {
        let _turn = self.turn_to_begin(account).await;
        self.check_pending(account, begun_with.is_recognised).await?;
        let (token, code) = (OneTimeSecret::token(&*self.ports.secrets), OneTimeSecret::code(&*self.ports.secrets));
        let id = PendingSignInId(self.ports.ids.object_id());
        let now = self.ports.clock.now();
        let (pending, events) = PendingSignIn::start(id, account, begun_with, &token, code, now);
        self.ports.pending.save(Change::insert(pending, events)).await.map(drop)?;
        Ok(SignedIn::CodeSent { token, known_device: account.last_device() })
    }

    async fn ask_for_second_factor(&self, account: &Account, begun_with: BegunWith) -> Result<SignedIn, AuthError> {
        let _turn = self.turn_to_begin(account).await;
        self.check_pending(account, begun_with.is_recognised).await?;
        let token = OneTimeSecret::token(&*self.ports.secrets);
        let id = PendingSignInId(self.ports.ids.object_id());
        let now = self.ports.clock.now();
        let pending = PendingSignIn::start_for_second_factor(id, account, begun_with, &token, now);
        self.ports.pending.save(Change::insert(pending, Vec::new())).await.map(drop)?;
        Ok(SignedIn::SecondFactor { token, known_device: account.last_device() })
    }

    /// One's turn to begin a sign-in of this account that waits for a code: of many at once, each sees those before it.
    async fn turn_to_begin(&self, account: &Account) -> Turn {
        turn_by(&*self.ports.pending, PendingSignIn::ACCOUNT, jobapp_kernel::Aggregate::id(account).0).await
    }

    /// Refuses one more sign-in that waits for a code when there were many lately. Recognised devices are counted by
    /// themselves, so that who knows the password cannot use up the codes of its owner's devices.
    async fn check_pending(&self, account: &Account, is_recognised: bool) -> Result<(), AuthError> {
        let id = *jobapp_kernel::Aggregate::id(account);
        let now = self.ports.clock.now();
        let limit = self.policy.codes_per_hour;
        // Twice as many as there can be of one kind.
        let page = PageRequest::newest(limit.saturating_mul(2));
        let begun = self.ports.pending.list(PendingSignIn::ACCOUNT, id.0.into(), page).await?;
        let is_lately = |pending: &PendingSignIn| {
            pending.is_recognised() == is_recognised && now.since(pending.created_at()) < CODE_COUNTED
        };
        let lately = begun.items.iter().filter(|stored| is_lately(&stored.value)).count();
        if lately >= limit { Err(AuthError::TooManyCodes) } else { Ok(()) }
    }
}
