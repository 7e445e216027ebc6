//! The account: who somebody is and how they prove it.

use std::time::Duration;

use jobapp_kernel::{AccountId, Aggregate, InvalidState, Key, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{Device, EmailAddress, OneTimeSecret, SecretHash, Username};

/// How long a verify link that was used repeats its success: clients may send it twice.
pub const VERIFY_REPEATS: Duration = Duration::from_secs(600);
/// How long a link that resets a password is good.
pub const RESET_LIFETIME: Duration = Duration::from_secs(3600);
/// How many devices are remembered; the one learned first is forgotten first.
pub const MAX_DEVICES: usize = 20;

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
        /// Lower case.
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

/// A verify link that is used up, or none of this account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Verification token is either invalid or is already used.")]
pub struct VerificationRefused;

/// A reset link that is used up or too old, or none of this account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Reset token has expired")]
pub struct ResetRefused;

impl Account {
    /// Accounts by name, stored form.
    pub const USERNAME: Key<Self> =
        Key::<Self>::text("username", |account| vec![account.data.username.as_str().into()]).unique();
    /// Accounts by address, lower case.
    pub const EMAIL: Key<Self> =
        Key::<Self>::text("email", |account| vec![account.data.email.as_str().into()]).unique();
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
            epoch: 0,
            created_at: now,
            updated_at: now,
        };
        (Self { id, data }, vec![event])
    }

    /// Stored form.
    pub const fn username(&self) -> &Username {
        &self.data.username
    }

    /// Lower case.
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

    /// How often the password was changed. What began before the last change, a session or a sign-in that waits for its
    /// code, has a smaller number and is over, even if nothing else could say so.
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

    /// Sets the password. Everything that began with the one before is over, an open reset link too.
    pub fn change_password(mut self, password_hash: String, now: Timestamp) -> (Self, Vec<AccountEvent>) {
        self.data.password_hash = password_hash;
        self.data.reset = None;
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
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "v")]
pub enum AccountState {
    /// The first form.
    #[serde(rename = "1")]
    V1(Box<StoredAccountV1>),
}

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
    epoch: u64,
    created_at: Timestamp,
    updated_at: Timestamp,
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
        const { &[Account::USERNAME, Account::EMAIL, Account::VERIFICATION, Account::RESET] }
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
        Ok(Self { id, data })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{a_device, an_account, at};

    fn secret(text: &str) -> OneTimeSecret {
        OneTimeSecret::new(text)
    }

    #[test]
    fn registering_tells_what_a_buyer_and_a_mail_need() {
        let (account, events) = an_account(7, "Marta", at(0));
        let AccountEvent::Registered { account: id, username, email, verification: Some(verification), .. } =
            &events[0]
        else {
            panic!("{events:?}")
        };
        assert_eq!((id.0, username.as_str(), email.as_str()), (7, "Marta", "marta@example.org"));
        assert!(account.verify_email(verification, at(1)).unwrap().unwrap().is_email_verified());
    }

    #[test]
    fn states_survive_a_round_trip_and_hold_no_secrets() {
        let (account, _) = an_account(7, "Marta", at(0));
        let (account, _) = account.request_reset(secret("reset me"), at(1));
        let text = serde_json::to_string(&account.to_state()).unwrap();
        assert!(text.starts_with("{\"v\":\"1\""), "{text}");
        assert!(!text.contains("reset me") && !text.contains("verify me"), "{text}");
        assert_eq!(Account::from_state(serde_json::from_str(&text).unwrap()).unwrap(), account);
    }

    #[test]
    fn a_stored_account_without_a_name_is_refused() {
        let (account, _) = an_account(7, "Marta", at(0));
        let mut state = serde_json::to_value(account.to_state()).unwrap();
        state["username"] = "".into();
        assert!(Account::from_state(serde_json::from_value(state).unwrap()).is_err());
    }

    #[test]
    fn a_verify_link_repeats_its_success_for_ten_minutes_and_is_used_up_then() {
        let (account, _) = an_account(7, "Marta", at(0));
        let link = secret("verify me");
        let account = account.verify_email(&link, at(100)).unwrap().unwrap();
        assert_eq!(account.verify_email(&link, at(100)), Ok(None));
        assert_eq!(account.verify_email(&link, at(700)), Ok(None));
        assert_eq!(account.verify_email(&link, at(701)), Err(VerificationRefused));
        assert_eq!(account.verify_email(&secret("another"), at(100)), Err(VerificationRefused));
    }

    #[test]
    fn another_verify_link_replaces_the_one_before_and_takes_nothing_back() {
        let (account, _) = an_account(7, "Marta", at(0));
        let account = account.verify_email(&secret("verify me"), at(1)).unwrap().unwrap();
        let (account, events) = account.request_verification(secret("again"), at(2));
        assert!(matches!(&events[..], [AccountEvent::VerificationRequested { .. }]));
        assert!(account.is_email_verified());
        assert_eq!(account.verify_email(&secret("verify me"), at(3)), Err(VerificationRefused));
        assert!(account.verify_email(&secret("again"), at(3)).unwrap().is_some());
    }

    #[test]
    fn a_reset_link_is_good_once_and_for_an_hour() {
        let (account, _) = an_account(7, "Marta", at(0));
        assert_eq!(account.check_reset(&secret("r"), at(0)), Err(ResetRefused));
        let (account, _) = account.request_reset(secret("r"), at(0));
        assert_eq!(account.check_reset(&secret("x"), at(1)), Err(ResetRefused));
        assert_eq!(account.check_reset(&secret("r"), at(3599)), Ok(()));
        assert_eq!(account.check_reset(&secret("r"), at(3600)), Err(ResetRefused));
        let (account, events) = account.reset_password(&secret("r"), "new".into(), at(5)).unwrap();
        assert!(matches!(&events[..], [AccountEvent::PasswordChanged { .. }]));
        assert_eq!((account.password_hash(), account.epoch()), ("new", 1));
        assert_eq!(account.reset_password(&secret("r"), "newer".into(), at(6)).unwrap_err(), ResetRefused);
    }

    #[test]
    fn changing_the_password_closes_an_open_reset_link() {
        let (account, _) = an_account(7, "Marta", at(0));
        let (account, _) = account.request_reset(secret("r"), at(0));
        let (account, _) = account.change_password("new".into(), at(1));
        assert_eq!(account.check_reset(&secret("r"), at(2)), Err(ResetRefused));
    }

    #[test]
    fn several_devices_are_remembered_and_the_first_is_forgotten_first() {
        let (account, _) = an_account(7, "Marta", at(0));
        assert!(account.clone().remember([a_device("Chrome")], at(1)).is_none(), "known already");
        let account = (1..=MAX_DEVICES)
            .fold(account, |account, n| account.remember([a_device(&format!("Browser {n}"))], at(1)).unwrap());
        assert!(!account.knows(&a_device("Chrome")));
        assert!(account.knows(&a_device("Browser 1")));
        assert_eq!(account.last_device(), a_device(&format!("Browser {MAX_DEVICES}")));
    }

    #[test]
    fn a_rehash_never_undoes_a_change_of_the_password() {
        let (account, _) = an_account(7, "Marta", at(0));
        let old = account.password_hash().to_owned();
        assert_eq!(account.clone().rehash(&old, "better".into()).unwrap().password_hash(), "better");
        let (account, _) = account.change_password("changed".into(), at(1));
        assert!(account.rehash(&old, "better".into()).is_none());
    }
}
