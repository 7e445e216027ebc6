//! The account: who somebody is and how they prove it.

use std::time::Duration;

use jobapp_kernel::{AccountId, Aggregate, InvalidState, Key, Timestamp};
use serde::{Deserialize, Serialize};

use crate::second_factor::{RecoveryCode, SecondFactor};
use crate::secret::TypedCode;
use crate::{AuthenticatorKey, Device, EmailAddress, OneTimeSecret, SecretHash, Username};

/// How long a verify link that was used repeats its success: clients may send it twice.
pub const VERIFY_REPEATS: Duration = Duration::from_secs(600);
/// How long a link that resets a password is good.
pub const RESET_LIFETIME: Duration = Duration::from_secs(3600);
/// How many devices are remembered; the one learned first is forgotten first.
pub const MAX_DEVICES: usize = 20;
/// How many device tokens are remembered; the one given out first is forgotten first.
pub const MAX_DEVICE_TOKENS: usize = 20;
/// How long a device token is good.
pub const DEVICE_TOKEN_LIFETIME: Duration = Duration::from_secs(400 * 24 * 3600);

/// An account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    id: AccountId,
    data: AccountV1,
}

/// What happened to an account. Secrets in it are on their way to a mail: the store forgets the event once it is published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum AccountEvent {
    /// It was made: a buyer is to be, and the address is to be verified.
    Registered {
        /// The account.
        account: AccountId,
        /// Stored form.
        username: Username,
        /// Stored form.
        email: EmailAddress,
        /// URL.
        profile_picture: String,
        /// Free text.
        country: String,
        /// What the link in the mail carries; `None` when there is nothing to verify.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        verification: Option<OneTimeSecret>,
        /// When.
        at: Timestamp,
    },
    /// Another verify link was asked for.
    VerificationRequested {
        /// Stored form.
        username: Username,
        /// Where the link goes.
        email: EmailAddress,
        /// What the link carries.
        verification: OneTimeSecret,
    },
    /// A link to reset the password was asked for.
    ResetRequested {
        /// Stored form.
        username: Username,
        /// Where the link goes.
        email: EmailAddress,
        /// What the link carries.
        reset: OneTimeSecret,
    },
    /// The password is another one now.
    PasswordChanged {
        /// Stored form.
        username: Username,
        /// Who should know.
        email: EmailAddress,
    },
    /// It may do more now, or less.
    RoleChanged {
        /// Stored form.
        username: Username,
        /// What it is now; `None` for an ordinary user.
        role: Option<Role>,
    },
}

/// What an account may do beyond what everybody may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Runs the marketplace.
    Operator,
}

impl Role {
    /// The role in tokens.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Operator => "operator",
        }
    }
}

/// What an account is made of.
#[derive(Debug, Clone)]
pub struct Registration {
    /// The number.
    pub id: AccountId,
    /// The name.
    pub username: Username,
    /// The address.
    pub email: EmailAddress,
    /// The hash of the password, a text that says how it was made.
    pub password_hash: String,
    /// What the picture is known by: a UUID.
    pub profile_public_id: String,
    /// URL of the picture.
    pub profile_picture: String,
    /// Free text.
    pub country: String,
    /// What it was made with; remembered.
    pub devices: Vec<Device>,
}

/// An account that another system kept until now.
#[derive(Debug, Clone)]
pub struct FormerAccount {
    /// What it is made of. The hash of its password is one that our hasher verifies.
    pub registration: Registration,
    /// Whether its address was verified there.
    pub email_verified: bool,
    /// What the link carries that was mailed there and not followed yet. It stays good.
    pub verification: Option<OneTimeSecret>,
    /// When it was made there.
    pub created_at: Timestamp,
    /// When it was changed there last.
    pub updated_at: Timestamp,
}

/// A verify link that is used up, or none of this account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Verification token is either invalid or is already used.")]
pub struct VerificationRefused;

/// A reset link that is used up or too old, or none of this account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Reset token has expired")]
pub struct ResetRefused;

/// A wish about the second factor that does not fit how things are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SecondFactorRefused {
    /// It is on already.
    #[error("The second factor is on already.")]
    On,
    /// It is not on, or was not begun.
    #[error("The second factor is not set up.")]
    Off,
    /// The code is wrong or used up.
    #[error("OTP is invalid.")]
    WrongCode,
}

impl Account {
    /// The sequence of account numbers.
    pub const NUMBERS: &'static str = "accounts";

    /// Accounts by name, stored form.
    pub const USERNAME: Key<Self> =
        Key::<Self>::text("username", |account| vec![account.data.username.as_str().into()]).unique();
    /// Accounts by what people may take for their name. Those of before may have it in common.
    pub const SKELETON: Key<Self> =
        Key::<Self>::text("skeleton", |account| vec![account.data.username.skeleton().into()]);
    /// Accounts by the skeleton that was kept for their name, which nobody else gets. Those of before kept none. It is stored,
    /// so that no newer table of look-alikes makes two accounts claim the same.
    pub const CLAIM: Key<Self> =
        Key::<Self>::text("claim", |account| account.data.claim.iter().map(|claim| claim.as_str().into()).collect())
            .unique();
    /// Accounts by address, stored form.
    pub const EMAIL: Key<Self> =
        Key::<Self>::text("email", |account| vec![account.data.email.as_str().into()]).unique();
    /// Accounts by mailbox: however the address is written. Those of before may have it in common.
    pub const MAILBOX: Key<Self> = Key::<Self>::text("mailbox", |account| vec![account.data.email.mailbox().into()]);
    /// Accounts by the hash of their verify link's secret.
    pub const VERIFICATION: Key<Self> = Key::<Self>::text("verification", |account| {
        account.data.verification.iter().map(|link| link.hash.as_str().into()).collect()
    })
    .unique();
    /// Accounts by the hash of their reset link's secret.
    pub const RESET: Key<Self> =
        Key::<Self>::text("reset", |account| account.data.reset.iter().map(|link| link.hash.as_str().into()).collect())
            .unique();

    /// A new account, whose address waits to be verified with this secret; without one it counts as verified.
    pub fn register(
        registration: Registration,
        verification: Option<OneTimeSecret>,
        now: Timestamp,
    ) -> (Self, Vec<AccountEvent>) {
        let Registration { id, username, email, password_hash, profile_public_id, profile_picture, country, devices } =
            registration;
        let event = AccountEvent::Registered {
            account: id,
            username: username.clone(),
            email: email.clone(),
            profile_picture: profile_picture.clone(),
            country: country.clone(),
            verification: verification.clone(),
            at: now,
        };
        let data = AccountV1 {
            claim: Some(username.skeleton()),
            username,
            email,
            password_hash,
            profile_public_id,
            profile_picture,
            country,
            email_verified: verification.is_none(),
            verification: verification.map(|secret| VerifyLink { hash: secret.hash(), used_at: None }),
            reset: None,
            devices,
            device_tokens: Vec::new(),
            second_factor: None,
            role: None,
            epoch: 0,
            created_at: now,
            updated_at: now,
        };
        (Self { id, data }, vec![event])
    }

    /// Takes over what another system kept. Nothing has happened: there is no event, and nothing to mail. Its name is not kept
    /// from others who look alike, since some of those are on their way here as well.
    ///
    /// # Errors
    /// [`InvalidState`] when it could not be stored.
    pub fn taken_over(former: FormerAccount) -> Result<Self, InvalidState> {
        let FormerAccount { registration, email_verified, verification, created_at, updated_at } = former;
        let Registration { id, username, email, password_hash, profile_public_id, profile_picture, country, devices } =
            registration;
        let data = AccountV1 {
            username,
            claim: None,
            email,
            password_hash,
            profile_public_id,
            profile_picture,
            country,
            email_verified,
            verification: verification.map(|secret| VerifyLink { hash: secret.hash(), used_at: None }),
            reset: None,
            devices,
            device_tokens: Vec::new(),
            second_factor: None,
            role: None,
            epoch: 0,
            created_at,
            updated_at,
        };
        Self::from_state(AccountState::V1(Box::new(StoredAccountV1 { id, data })))
    }

    /// Stored form.
    pub const fn username(&self) -> &Username {
        &self.data.username
    }

    /// Stored form.
    pub const fn email(&self) -> &EmailAddress {
        &self.data.email
    }

    /// The hash of the password.
    pub fn password_hash(&self) -> &str {
        &self.data.password_hash
    }

    /// What the picture is known by.
    pub fn profile_public_id(&self) -> &str {
        &self.data.profile_public_id
    }

    /// URL of the picture.
    pub fn profile_picture(&self) -> &str {
        &self.data.profile_picture
    }

    /// Free text.
    pub fn country(&self) -> &str {
        &self.data.country
    }

    /// Whether the address was verified.
    pub const fn is_email_verified(&self) -> bool {
        self.data.email_verified
    }

    /// When it was made.
    pub const fn created_at(&self) -> Timestamp {
        self.data.created_at
    }

    /// When it was changed last.
    pub const fn updated_at(&self) -> Timestamp {
        self.data.updated_at
    }

    /// How often the password or the role was changed. What began before the last change, a session or a sign-in that waits
    /// for its code, has a smaller number and is over, even if nothing else could say so.
    pub const fn epoch(&self) -> u64 {
        self.data.epoch
    }

    /// Whether somebody signed in with this device before.
    pub fn knows(&self, device: &Device) -> bool {
        self.data.devices.contains(device)
    }

    /// The device learned last.
    pub fn last_device(&self) -> Device {
        self.data.devices.last().cloned().unwrap_or_else(|| Device::or_unknown(None, None))
    }

    /// Whether the token was given to a device of this account: proof that the device was used by its owner before.
    pub fn recognises(&self, token: &OneTimeSecret, now: Timestamp) -> bool {
        let hash = token.hash();
        let is_good = |own: &DeviceToken| own.hash.matches(&hash) && now < own.given_at.plus(DEVICE_TOKEN_LIFETIME);
        // All of them are compared, so that the time does not tell which one it was.
        self.data.device_tokens.iter().filter(|own| is_good(own)).count() > 0
    }

    /// Gives a device this token to be recognised by.
    #[must_use]
    pub fn give_device(mut self, token: &OneTimeSecret, now: Timestamp) -> Self {
        self.data.device_tokens.push(DeviceToken { hash: token.hash(), given_at: now });
        let surplus = self.data.device_tokens.len().saturating_sub(MAX_DEVICE_TOKENS);
        drop(self.data.device_tokens.drain(..surplus));
        self
    }

    /// Gives the device of the sign-up this token instead of the one it was given first, of which it never heard.
    #[must_use]
    pub fn give_first_device_again(mut self, token: &OneTimeSecret) -> Self {
        let signed_up_at = self.data.created_at;
        self.data.device_tokens.retain(|own| own.given_at != signed_up_at);
        self.give_device(token, signed_up_at)
    }

    /// What it may do beyond what everybody may.
    pub const fn role(&self) -> Option<Role> {
        self.data.role
    }

    /// Gives or takes a role. Sessions begun before are over: their tokens say something else. `None` when it has that role.
    pub fn set_role(mut self, role: Option<Role>, now: Timestamp) -> Option<(Self, Vec<AccountEvent>)> {
        if self.data.role == role {
            return None;
        }
        self.data.role = role;
        self.data.epoch += 1;
        self.data.updated_at = now;
        let username = self.data.username.clone();
        Some((self, vec![AccountEvent::RoleChanged { username, role }]))
    }

    /// Whether signing in needs a code of an authenticator.
    pub fn has_second_factor(&self) -> bool {
        self.data.second_factor.as_ref().is_some_and(|factor| factor.confirmed_at.is_some())
    }

    /// How many recovery codes are left.
    pub fn recovery_codes_left(&self) -> usize {
        self.data.second_factor.as_ref().map_or(0, |factor| factor.recovery.len())
    }

    /// Begins to set up the second factor with this key; nothing changes for sign-ins before
    /// [`Account::confirm_second_factor`]. Beginning again replaces the key.
    ///
    /// # Errors
    /// [`SecondFactorRefused::On`].
    pub fn begin_second_factor(mut self, key: AuthenticatorKey, now: Timestamp) -> Result<Self, SecondFactorRefused> {
        if self.has_second_factor() {
            return Err(SecondFactorRefused::On);
        }
        self.data.second_factor = Some(SecondFactor::new(key));
        self.data.updated_at = now;
        Ok(self)
    }

    /// Turns the second factor on, with a first code as proof that the authenticator has the key.
    ///
    /// # Errors
    /// [`SecondFactorRefused`] when it was not begun, is on already, or the code is wrong.
    pub fn confirm_second_factor(
        mut self,
        code: &TypedCode,
        recovery: &[OneTimeSecret],
        now: Timestamp,
    ) -> Result<Self, SecondFactorRefused> {
        if self.has_second_factor() {
            return Err(SecondFactorRefused::On);
        }
        let begun = self.data.second_factor.take().ok_or(SecondFactorRefused::Off)?;
        let mut factor = begun.use_code(code, now).ok_or(SecondFactorRefused::WrongCode)?;
        factor.confirmed_at = Some(now);
        factor.recovery = recovery.iter().map(|code| RecoveryCode::of(&TypedCode::new(code.expose()))).collect();
        self.data.second_factor = Some(factor);
        self.data.updated_at = now;
        Ok(self)
    }

    /// Uses a code of the authenticator or a recovery code, which is used up by that.
    ///
    /// # Errors
    /// [`SecondFactorRefused`] when there is no second factor, or the code is wrong or used up.
    pub fn use_second_factor(mut self, code: &TypedCode, now: Timestamp) -> Result<Self, SecondFactorRefused> {
        if !self.has_second_factor() {
            return Err(SecondFactorRefused::Off);
        }
        let factor = self.data.second_factor.take().ok_or(SecondFactorRefused::Off)?;
        self.data.second_factor = Some(factor.use_any(code, now).ok_or(SecondFactorRefused::WrongCode)?);
        Ok(self)
    }

    /// Turns the second factor off, with a code as proof that the authenticator is at hand.
    ///
    /// # Errors
    /// [`SecondFactorRefused`] when there is none, or the code is wrong or used up.
    pub fn end_second_factor(self, code: &TypedCode, now: Timestamp) -> Result<Self, SecondFactorRefused> {
        let mut account = self.use_second_factor(code, now)?;
        account.data.second_factor = None;
        account.data.updated_at = now;
        Ok(account)
    }

    /// Remembers devices. `None` when all are known.
    #[must_use]
    pub fn remember(mut self, devices: impl IntoIterator<Item = Device>, now: Timestamp) -> Option<Self> {
        let mut is_changed = false;
        for device in devices {
            if !self.knows(&device) {
                self.data.devices.push(device);
                is_changed = true;
            }
        }
        let surplus = self.data.devices.len().saturating_sub(MAX_DEVICES);
        drop(self.data.devices.drain(..surplus));
        self.data.updated_at = now;
        is_changed.then_some(self)
    }

    /// Follows a verify link. `None` when it was followed already and repeats its success.
    ///
    /// # Errors
    /// [`VerificationRefused`] when it is used up or another account's.
    pub fn verify_email(&self, secret: &OneTimeSecret, now: Timestamp) -> Result<Option<Self>, VerificationRefused> {
        let link = self.data.verification.as_ref().filter(|link| link.hash.matches(&secret.hash()));
        match link.ok_or(VerificationRefused)?.used_at {
            Some(at) if now.since(at) <= VERIFY_REPEATS => Ok(None),
            Some(_) => Err(VerificationRefused),
            None => {
                let mut account = self.clone();
                account.data.email_verified = true;
                account.data.verification = Some(VerifyLink { hash: secret.hash(), used_at: Some(now) });
                account.data.updated_at = now;
                Ok(Some(account))
            }
        }
    }

    /// Asks for another verify link; the one before is worth nothing from now on. An address that was verified stays so.
    pub fn request_verification(mut self, verification: OneTimeSecret, now: Timestamp) -> (Self, Vec<AccountEvent>) {
        self.data.verification = Some(VerifyLink { hash: verification.hash(), used_at: None });
        self.data.updated_at = now;
        let (username, email) = (self.data.username.clone(), self.data.email.clone());
        (self, vec![AccountEvent::VerificationRequested { username, email, verification }])
    }

    /// Asks for a link that resets the password; the one before is worth nothing from now on.
    pub fn request_reset(mut self, reset: OneTimeSecret, now: Timestamp) -> (Self, Vec<AccountEvent>) {
        self.data.reset = Some(ResetLink { hash: reset.hash(), expires_at: now.plus(RESET_LIFETIME) });
        self.data.updated_at = now;
        let (username, email) = (self.data.username.clone(), self.data.email.clone());
        (self, vec![AccountEvent::ResetRequested { username, email, reset }])
    }

    /// Whether the password may be reset with this secret.
    ///
    /// # Errors
    /// [`ResetRefused`] when it is another account's, used up or too old.
    pub fn check_reset(&self, secret: &OneTimeSecret, now: Timestamp) -> Result<(), ResetRefused> {
        let link = self.data.reset.as_ref().filter(|link| link.hash.matches(&secret.hash()) && now < link.expires_at);
        link.map(|_| ()).ok_or(ResetRefused)
    }

    /// Sets the password with a link, which is used up by that.
    ///
    /// # Errors
    /// [`ResetRefused`] when the link is another account's, used up or too old.
    pub fn reset_password(
        self,
        secret: &OneTimeSecret,
        password_hash: String,
        now: Timestamp,
    ) -> Result<(Self, Vec<AccountEvent>), ResetRefused> {
        self.check_reset(secret, now)?;
        Ok(self.change_password(password_hash, now))
    }

    /// Makes this secret good for setting the password, without a mail: for somebody who hands the link over.
    #[must_use]
    pub fn hand_over_reset(mut self, reset: &OneTimeSecret, now: Timestamp) -> Self {
        self.data.reset = Some(ResetLink { hash: reset.hash(), expires_at: now.plus(RESET_LIFETIME) });
        self.data.updated_at = now;
        self
    }

    /// Sets the password. Everything that began with the one before is over: sessions, an open reset link, the recognition of
    /// devices.
    pub fn change_password(mut self, password_hash: String, now: Timestamp) -> (Self, Vec<AccountEvent>) {
        self.data.password_hash = password_hash;
        self.data.reset = None;
        self.data.device_tokens.clear();
        self.data.epoch += 1;
        self.data.updated_at = now;
        let (username, email) = (self.data.username.clone(), self.data.email.clone());
        (self, vec![AccountEvent::PasswordChanged { username, email }])
    }

    /// Puts another hash of the same password in the place of `old`. `None` when the password was changed meanwhile: that
    /// must not be undone.
    #[must_use]
    pub fn rehash(mut self, old: &str, password_hash: String) -> Option<Self> {
        if self.data.password_hash != old {
            return None;
        }
        self.data.password_hash = password_hash;
        Some(self)
    }
}

/// What is stored of an account.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "v")]
pub enum AccountState {
    /// The first form.
    #[serde(rename = "1")]
    V1(Box<StoredAccountV1>),
}
jobapp_kernel::forms!(AccountState { "1" => V1 });

/// The first form of a stored account.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StoredAccountV1 {
    id: AccountId,
    #[serde(flatten)]
    data: AccountV1,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct AccountV1 {
    username: Username,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    claim: Option<String>,
    email: EmailAddress,
    password_hash: String,
    profile_public_id: String,
    profile_picture: String,
    country: String,
    email_verified: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    verification: Option<VerifyLink>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reset: Option<ResetLink>,
    devices: Vec<Device>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    device_tokens: Vec<DeviceToken>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    second_factor: Option<SecondFactor>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    role: Option<Role>,
    epoch: u64,
    created_at: Timestamp,
    updated_at: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct DeviceToken {
    hash: SecretHash,
    given_at: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct VerifyLink {
    hash: SecretHash,
    used_at: Option<Timestamp>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct ResetLink {
    hash: SecretHash,
    expires_at: Timestamp,
}

impl Aggregate for Account {
    const NAME: &'static str = "account";
    type Id = AccountId;
    type Event = AccountEvent;
    type State = AccountState;

    fn id(&self) -> &AccountId {
        &self.id
    }

    fn keys() -> &'static [Key<Self>] {
        const {
            &[
                Account::USERNAME,
                Account::SKELETON,
                Account::CLAIM,
                Account::EMAIL,
                Account::MAILBOX,
                Account::VERIFICATION,
                Account::RESET,
            ]
        }
    }

    fn to_state(&self) -> AccountState {
        AccountState::V1(Box::new(StoredAccountV1 { id: self.id, data: self.data.clone() }))
    }

    fn from_state(state: AccountState) -> Result<Self, InvalidState> {
        let AccountState::V1(stored) = state;
        let StoredAccountV1 { id, data } = *stored;
        if id.0 <= 0 {
            return Err(InvalidState::new(format!("the number {id} is not positive")));
        }
        if data.username.as_str().is_empty() || data.email.as_str().is_empty() || data.password_hash.is_empty() {
            return Err(InvalidState::new(format!("the account {id} has no name, address or password")));
        }
        if data.second_factor.as_ref().is_some_and(|factor| !factor.key.is_whole()) {
            return Err(InvalidState::new(format!("the key of the second factor of the account {id} is not 160 bits")));
        }
        Ok(Self { id, data })
    }
}

#[cfg(test)]
mod tests;
