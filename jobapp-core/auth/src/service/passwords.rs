//! Forgotten and changed passwords.

use jobapp_kernel::{AccountId, Aggregate, turn_by};

use super::{Auth, CallerId, account_by_email};
use crate::session::EndReason;
use crate::{Account, AuthError, EmailAddress, OneTimeSecret, check_new};

/// Counts the links that were asked for in vain.
const FORGOTTEN_BY_NOBODY: &str = "forgotten_by_nobody";

/// A password is another one now.
#[derive(Debug)]
#[must_use = "what was left undone must be logged"]
pub struct PasswordChanged {
    /// Why not every session could be ended at once. Those that are left cannot be renewed; their access tokens run out.
    pub unfinished: Option<AuthError>,
}

impl Auth {
    /// Mails a link that resets the password, if there is such an account. The answer does not tell.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn forgot_password(&self, email: &str) -> Result<(), AuthError> {
        let email = EmailAddress::lookup(email);
        // Before anything is looked for: those who ask at once wait for each other whether there is an account or not.
        let _turn = turn_by(&*self.ports.accounts, Account::MAILBOX, email.mailbox()).await;
        let Some(found) = account_by_email(&*self.ports.accounts, &email).await? else {
            // One more look and one write here as well: the time they take would tell that there is an account.
            self.ports.accounts.find(&AccountId(0)).await?;
            return Ok(self.ports.numbers.next(FORGOTTEN_BY_NOBODY, 1).await.map(drop)?);
        };
        let reset = OneTimeSecret::link(&*self.ports.secrets);
        let now = self.ports.clock.now();
        self.change_account(*found.value.id(), |account| Ok(Some(account.request_reset(reset.clone(), now))))
            .await
            .map(drop)
    }

    /// Sets the password with the secret of a link and ends every session of the account.
    ///
    /// # Errors
    /// [`AuthError::Reset`] for a link that is used up or too old, [`AuthError::WeakPassword`].
    pub async fn reset_password(&self, secret: &OneTimeSecret, password: &str) -> Result<PasswordChanged, AuthError> {
        let password = check_new(password)?;
        let refused = crate::account::ResetRefused;
        let found = self.ports.accounts.find_by(Account::RESET, secret.hash().as_str().into()).await?.ok_or(refused)?;
        let now = self.ports.clock.now();
        // Before the hash is made: inventing links must be cheap for us.
        found.value.check_reset(secret, now)?;
        let hash = self.hash(&password).await?;
        let id = *found.value.id();
        self.change_account(id, |account| Ok(Some(account.reset_password(secret, hash.clone(), now)?))).await?;
        Ok(PasswordChanged { unfinished: self.end_all(id, EndReason::PasswordChanged).await.err() })
    }

    /// Sets the caller's password and ends every session of the account, the caller's too.
    ///
    /// # Errors
    /// [`AuthError::WrongPassword`] when `current` is not the password, [`AuthError::TooManyAttempts`],
    /// [`AuthError::WeakPassword`].
    pub async fn change_password(
        &self,
        caller: CallerId,
        current: &str,
        new: &str,
    ) -> Result<PasswordChanged, AuthError> {
        let new = check_new(new)?;
        let account = self.authenticated(caller).await?.value;
        let old = account.password_hash().to_owned();
        self.prove_password(caller, &account, current).await?;
        let hash = self.hash(&new).await?;
        let now = self.ports.clock.now();
        let change = |account: Account| {
            // Somebody else changed it since `current` was compared.
            if account.password_hash() != old {
                return Err(AuthError::WrongPassword);
            }
            Ok(Some(account.change_password(hash.clone(), now)))
        };
        self.change_account(caller.account, change).await?;
        Ok(PasswordChanged { unfinished: self.end_all(caller.account, EndReason::PasswordChanged).await.err() })
    }
}
