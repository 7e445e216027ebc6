//! Who runs the marketplace.

use jobapp_kernel::{Aggregate, Change, Upload};

use super::sign_up::taken_or;
use super::{Auth, account_by_name};
use crate::account::{Registration, Role};
use crate::secret::uuid;
use crate::session::EndReason;
use crate::{Account, AuthError, EmailAddress, OneTimeSecret, Password, Username, check_new};

/// How many accounts are looked at in one step.
const STEP: usize = 500;

/// Who is to run the marketplace.
#[derive(Clone)]
pub struct NewOperator {
    /// The name, as typed.
    pub username: String,
    /// The address, needed to make an account that is not there yet.
    pub email: Option<String>,
    /// The password to be; `None` leaves that of an account as it is, and a new one gets a link to set it with.
    pub password: Option<String>,
    /// The picture of a new account: a base64 data URL or an absolute URL.
    pub picture: String,
}

/// Somebody runs the marketplace.
#[derive(Debug)]
#[must_use = "what was left undone must be told"]
pub struct OperatorMade {
    /// The account.
    pub account: Account,
    /// Whether it was made for that.
    pub is_new: bool,
    /// What sets the password of a new account that was given none: good once, for an hour.
    pub reset: Option<OneTimeSecret>,
    /// Why not every session of before could be ended at once. Those that are left cannot be renewed.
    pub unfinished: Option<AuthError>,
}

/// A role is another one now.
#[derive(Debug)]
#[must_use = "what was left undone must be told"]
pub struct RoleChanged {
    /// Whether it was another one before.
    pub is_changed: bool,
    /// Why not every session of before could be ended at once. Those that are left cannot be renewed.
    pub unfinished: Option<AuthError>,
}

impl Auth {
    /// Makes an account an operator, and the account itself if there is none. Its sessions end.
    ///
    /// # Errors
    /// [`AuthError::NoSuchAccount`] when there is none and no address to make it with, and whatever is wrong with name,
    /// address, password or picture.
    pub async fn make_operator(&self, wish: NewOperator) -> Result<OperatorMade, AuthError> {
        let password = wish.password.as_deref().map(check_new).transpose()?;
        let Some(stored) = account_by_name(&*self.ports.accounts, &wish.username).await? else {
            return self.new_operator(wish, password).await;
        };
        let hash = match &password {
            Some(password) => Some(self.hash(password).await?),
            None => None,
        };
        let now = self.ports.clock.now();
        let change = |account: Account| {
            let mut events = Vec::new();
            let (account, is_promoted) = match account.clone().set_role(Some(Role::Operator), now) {
                Some((account, more)) => {
                    events.extend(more);
                    (account, true)
                }
                None => (account, false),
            };
            let Some(hash) = hash.clone() else { return Ok(is_promoted.then_some((account, events))) };
            let (account, more) = account.change_password(hash, now);
            events.extend(more);
            Ok(Some((account, events)))
        };
        let before = stored.value.epoch();
        let account = self.change_account(*stored.value.id(), change).await?;
        let unfinished = match account.epoch() == before {
            true => None,
            false => self.end_all(*account.id(), EndReason::RoleChanged).await.err(),
        };
        Ok(OperatorMade { account, is_new: false, reset: None, unfinished })
    }

    async fn new_operator(&self, wish: NewOperator, password: Option<Password>) -> Result<OperatorMade, AuthError> {
        let secrets = &*self.ports.secrets;
        let email = EmailAddress::new(&wish.email.ok_or(AuthError::NoSuchAccount)?)?;
        let username = Username::new(&wish.username)?;
        if self.is_taken(&username, &email).await? {
            return Err(AuthError::Taken);
        }
        let profile_public_id = uuid(secrets);
        let upload = Upload::picture(wish.picture).with_public_id(profile_public_id.clone());
        let profile_picture = self.ports.media.store(upload).await.map_err(AuthError::Picture)?.reference;
        let reset = password.is_none().then(|| OneTimeSecret::link(secrets));
        // Without one: of a password nobody knows, until the link is followed.
        let password = password.unwrap_or_else(|| Password::new(OneTimeSecret::token(secrets).expose()));
        let registration = Registration {
            id: self.next_number().await?,
            username,
            email,
            password_hash: self.hash(&password).await?,
            profile_public_id,
            profile_picture,
            country: String::new(),
            devices: Vec::new(),
        };
        let now = self.ports.clock.now();
        let (account, mut events) = Account::register(registration, None, now);
        let account = reset.iter().fold(account, |account, secret| account.hand_over_reset(secret, now));
        let account = match account.clone().set_role(Some(Role::Operator), now) {
            Some((account, more)) => {
                events.extend(more);
                account
            }
            None => account,
        };
        self.ports.accounts.save(Change::insert(account.clone(), events)).await.map(drop).map_err(taken_or)?;
        Ok(OperatorMade { account, is_new: true, reset, unfinished: None })
    }

    /// Makes an operator an ordinary user. Its sessions end.
    ///
    /// # Errors
    /// [`AuthError::NoSuchAccount`].
    pub async fn unmake_operator(&self, username: &str) -> Result<RoleChanged, AuthError> {
        let found = account_by_name(&*self.ports.accounts, username).await?.ok_or(AuthError::NoSuchAccount)?.value;
        if found.role().is_none() {
            return Ok(RoleChanged { is_changed: false, unfinished: None });
        }
        let now = self.ports.clock.now();
        self.change_account(*found.id(), |account| Ok(account.set_role(None, now))).await?;
        let unfinished = self.end_all(*found.id(), EndReason::RoleChanged).await.err();
        Ok(RoleChanged { is_changed: true, unfinished })
    }

    /// Everybody who runs the marketplace. Looks at every account.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn operators(&self) -> Result<Vec<Account>, AuthError> {
        let mut operators = Vec::new();
        let mut after = None;
        loop {
            let page = self.ports.accounts.scan(after.as_ref(), STEP).await?;
            let Some(last) = page.last() else { return Ok(operators) };
            after = Some(*last.value.id());
            operators.extend(page.into_iter().map(|stored| stored.value).filter(|account| account.role().is_some()));
        }
    }
}
