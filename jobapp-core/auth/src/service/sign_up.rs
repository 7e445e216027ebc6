//! Signing up.

use std::time::Duration;

use jobapp_kernel::{AccountId, Cause, Change, PageRequest, RepositoryError, Saved, Upload};

use super::{Auth, OpenSession};
use crate::account::Registration;
use crate::secret::uuid;
use crate::{Account, AuthError, Device, EmailAddress, OneTimeSecret, Password, Username, check_new};

/// How long a sign-up can be repeated.
const REPEATS: Duration = Duration::from_secs(3600);

/// What somebody who signs up says.
#[derive(Clone)]
pub struct SignUp {
    /// The name, as typed.
    pub username: String,
    /// The address, as typed.
    pub email: String,
    /// The password.
    pub password: String,
    /// Free text.
    pub country: String,
    /// A base64 data URL or an absolute URL.
    pub picture: String,
    /// What it is done with.
    pub device: Device,
}

impl Auth {
    /// Makes an account and begins its first session.
    ///
    /// The same `cause` again, with the same password, answers with the account made the first time. A cause must not
    /// contain a hash of the password: it is stored for weeks, and made to be fast.
    ///
    /// # Errors
    /// [`AuthError::Taken`] when the name or address is in use, and whatever is wrong with name, address, password or
    /// picture.
    pub async fn sign_up(&self, sign_up: SignUp, cause: Option<Cause>) -> Result<OpenSession, AuthError> {
        let username = Username::new(&sign_up.username)?;
        let email = EmailAddress::new(&sign_up.email)?;
        let password = check_new(&sign_up.password)?;
        if let Some(cause) = &cause
            && let Some(id) = self.ports.accounts.caused(cause).await?
        {
            return self.sign_up_again(id, &sign_up, &password).await;
        }
        if self.is_taken(&username, &email).await? {
            return Err(AuthError::Taken);
        }
        let profile_public_id = uuid(&*self.ports.secrets);
        let upload = Upload::picture(sign_up.picture.clone()).with_public_id(profile_public_id.clone());
        let profile_picture = self.ports.media.store(upload).await.map_err(AuthError::Picture)?.reference;
        let registration = Registration {
            id: self.next_number().await?,
            username,
            email,
            password_hash: self.hash(&password).await?,
            profile_public_id,
            profile_picture,
            country: sign_up.country.clone(),
            devices: vec![sign_up.device.clone()],
        };
        let verification = OneTimeSecret::link(&*self.ports.secrets);
        let now = self.ports.clock.now();
        let (account, events) = Account::register(registration, Some(verification), now);
        let device_token = OneTimeSecret::token(&*self.ports.secrets);
        let account = account.give_device(&device_token, now);
        match self.ports.accounts.save(Change::insert(account.clone(), events).caused_by(cause)).await {
            Ok(Saved::Stored(_)) => self.start(account, Some(sign_up.device), Some(device_token)).await,
            Ok(Saved::Duplicate { id }) => {
                let unreadable =
                    |error: jobapp_kernel::InvalidId| RepositoryError::unavailable("read an account's id", error);
                self.sign_up_again(id.parse().map_err(unreadable)?, &sign_up, &password).await
            }
            Err(error) => Err(taken_or(error)),
        }
    }

    /// The second half of a sign-up that was made before: only for who knows the password.
    async fn sign_up_again(
        &self,
        id: AccountId,
        sign_up: &SignUp,
        password: &Password,
    ) -> Result<OpenSession, AuthError> {
        let account = self.ports.accounts.find(&id).await?.ok_or(AuthError::Taken)?.value;
        // A repetition comes soon; later this would be a way to sign in past everything that guards signing in.
        if self.ports.clock.now().since(account.created_at()) > REPEATS || account.has_second_factor() {
            return Err(AuthError::Taken);
        }
        if !self.verify(password, &account).await?.matches {
            return Err(RepositoryError::CauseReused.into());
        }
        self.end_surplus(id).await?;
        let (account, token) = self.introduce(account, Account::give_first_device_again).await?;
        self.start(account, Some(sign_up.device.clone()), Some(token)).await
    }

    pub(super) async fn is_taken(&self, username: &Username, email: &EmailAddress) -> Result<bool, AuthError> {
        let (accounts, one) = (&*self.ports.accounts, PageRequest::first(1));
        let by_name = accounts.list(Account::SKELETON, username.skeleton().into(), one.clone()).await?;
        let by_email = accounts.list(Account::MAILBOX, email.mailbox().into(), one).await?;
        Ok(!by_name.items.is_empty() || !by_email.items.is_empty())
    }

    pub(super) async fn next_number(&self) -> Result<AccountId, AuthError> {
        Ok(AccountId(self.ports.numbers.next(Account::NUMBERS, 1).await?))
    }
}

/// Somebody else took the name or the address between the look and the insert.
pub(super) fn taken_or(error: RepositoryError) -> AuthError {
    match error.taken_key() {
        Some("username" | "claim" | "email") => AuthError::Taken,
        _ => error.into(),
    }
}
