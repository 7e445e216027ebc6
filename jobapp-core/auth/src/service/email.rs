//! Verifying addresses.

use jobapp_kernel::Aggregate;

use super::{Auth, CallerId};
use crate::account::VerificationRefused;
use crate::{Account, AuthError, EmailAddress, OneTimeSecret};

impl Auth {
    /// Follows a verify link.
    ///
    /// # Errors
    /// [`AuthError::Verification`] for a link that is used up or was never good.
    pub async fn verify_email(&self, secret: &OneTimeSecret) -> Result<Account, AuthError> {
        let hash = secret.hash();
        let found = self.ports.accounts.find_by(Account::VERIFICATION, hash.as_str().into()).await?;
        let id = *found.ok_or(VerificationRefused)?.value.id();
        let now = self.ports.clock.now();
        self.change_account(id, |account| Ok(account.verify_email(secret, now)?.map(|account| (account, Vec::new()))))
            .await
    }

    /// Mails the caller another verify link. `email` and `account` are what the client believes to be the caller's.
    ///
    /// # Errors
    /// [`AuthError::NotOwnEmail`] or [`AuthError::NotOwn`] when they are somebody else's.
    pub async fn resend_verification(
        &self,
        caller: CallerId,
        email: &str,
        account: Option<&str>,
    ) -> Result<Account, AuthError> {
        let own = self.authenticated(caller).await?.value;
        if account.is_some_and(|account| account != caller.account.to_string()) {
            return Err(AuthError::NotOwn);
        }
        if EmailAddress::lookup(email).mailbox() != own.email().mailbox() {
            return Err(AuthError::NotOwnEmail);
        }
        let secret = OneTimeSecret::link(&*self.ports.secrets);
        let now = self.ports.clock.now();
        self.change_account(caller.account, |account| Ok(Some(account.request_verification(secret.clone(), now)))).await
    }
}
