//! Setting up the second factor and taking it away.

use jobapp_kernel::Aggregate;

use super::{Auth, CallerId};
use crate::account::SecondFactorRefused;
use crate::second_factor::recovery_codes;
use crate::{Account, AuthError, AuthenticatorKey, OneTimeSecret, Password, TypedCode};

/// What an authenticator is set up with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enrolment {
    /// The key as people type it: base32.
    pub key: OneTimeSecret,
    /// The key as authenticators scan it: an `otpauth://` address.
    pub url: OneTimeSecret,
}

/// How the caller's second factor stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SecondFactorStatus {
    /// Whether signing in needs a code of the authenticator.
    pub is_on: bool,
    /// How many recovery codes are left.
    pub recovery_codes_left: usize,
}

impl Auth {
    /// How the caller's second factor stands.
    ///
    /// # Errors
    /// [`AuthError::SessionOver`].
    pub async fn second_factor(&self, caller: CallerId) -> Result<SecondFactorStatus, AuthError> {
        let account = self.authenticated(caller).await?.value;
        let (is_on, recovery_codes_left) = (account.has_second_factor(), account.recovery_codes_left());
        Ok(SecondFactorStatus { is_on, recovery_codes_left })
    }

    /// Begins to set up the caller's second factor. It counts from [`Auth::confirm_second_factor`] on. Needs the password, so
    /// that a session left open somewhere is not enough to shut its owner out.
    ///
    /// # Errors
    /// [`AuthError::WrongPassword`], [`AuthError::TooManyAttempts`], [`AuthError::SecondFactor`] when it is on already.
    pub async fn begin_second_factor(&self, caller: CallerId, password: &str) -> Result<Enrolment, AuthError> {
        let account = self.authenticated(caller).await?.value;
        self.prove_password(caller, &account, password).await?;
        let key = AuthenticatorKey::random(&*self.ports.secrets);
        let now = self.ports.clock.now();
        let begin = |account: Account| Ok(Some((account.begin_second_factor(key.clone(), now)?, Vec::new())));
        let account = self.change_account(*account.id(), begin).await?;
        let url = OneTimeSecret::new(key.to_url(account.username()));
        Ok(Enrolment { key: OneTimeSecret::new(key.to_base32()), url })
    }

    /// Turns the caller's second factor on with a first code of the authenticator. The recovery codes are told this once.
    ///
    /// # Errors
    /// [`AuthError::SecondFactor`] when the code is wrong, nothing was begun, or it is on already.
    pub async fn confirm_second_factor(&self, caller: CallerId, code: &str) -> Result<Vec<OneTimeSecret>, AuthError> {
        let account = self.authenticated(caller).await?.value;
        let recovery = recovery_codes(&*self.ports.secrets);
        let now = self.ports.clock.now();
        let code = TypedCode::new(code);
        let confirm = |account: Account| Ok(Some((account.confirm_second_factor(&code, &recovery, now)?, Vec::new())));
        self.change_account(*account.id(), confirm).await?;
        Ok(recovery)
    }

    /// Takes the caller's second factor away. Needs the password and a code, one of the authenticator or a recovery code.
    ///
    /// # Errors
    /// [`AuthError::WrongPassword`], [`AuthError::TooManyAttempts`], [`AuthError::SecondFactor`] when the code is wrong or
    /// there is none.
    pub async fn end_second_factor(&self, caller: CallerId, password: &str, code: &str) -> Result<(), AuthError> {
        let account = self.authenticated(caller).await?.value;
        let (password, code, now) = (Password::new(password), TypedCode::new(code), self.ports.clock.now());
        let mut refusal = AuthError::WrongPassword;
        let compare = async {
            if !self.verify(&password, &account).await?.matches {
                return Ok(None);
            }
            let end = |account: Account| Ok(Some((account.end_second_factor(&code, now)?, Vec::new())));
            match self.change_account(*account.id(), end).await {
                Ok(_) => Ok(Some(())),
                // Six digits are guessed sooner than a password.
                Err(error @ AuthError::SecondFactor(SecondFactorRefused::WrongCode)) => {
                    refusal = error;
                    Ok(None)
                }
                Err(error) => Err(error),
            }
        };
        self.proving(caller, &account, compare).await?.ok_or(refusal)
    }
}
