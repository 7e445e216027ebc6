//! A sign-in that waits for its one-time code.

use std::time::Duration;

use jobapp_kernel::{AccountId, Aggregate, InvalidState, Key, Timestamp};
use serde::{Deserialize, Serialize};

use crate::secret::TypedCode;
use crate::{Account, Device, EmailAddress, OneTimeSecret, SecretHash, Username};

jobapp_kernel::object_id!(
    /// The id of a sign-in that waits for its code.
    PendingSignInId
);

/// How long a code is good.
pub const CODE_LIFETIME: Duration = Duration::from_secs(600);
/// How often a code may be guessed.
pub const CODE_TRIES: u8 = 5;
/// How long a code counts as one of its account's codes.
pub const CODE_COUNTED: Duration = Duration::from_secs(3600);

/// A sign-in with the right password that needs one more proof: who brings its token and the code is in. The code is a
/// mailed one for an unknown device, or one of the authenticator for an account with a second factor.
///
/// The store has a hash of the token, and of a mailed code a hash keyed with the token: it is not enough to guess either.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingSignIn {
    id: PendingSignInId,
    data: PendingV1,
}

/// What happened to a sign-in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum PendingSignInEvent {
    /// It needs a code: the code is to be mailed.
    CodeRequested {
        /// Stored form.
        username: Username,
        /// Where the code goes.
        email: EmailAddress,
        /// Six digits.
        code: OneTimeSecret,
    },
}

/// What became of a guess.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guess {
    /// It is the code, which is used up now.
    Right,
    /// It is not; one try less.
    Wrong,
    /// Nobody may guess any more: the code is used up, too old, or was guessed too often. Nothing changed.
    Over,
}

impl PendingSignIn {
    /// Sign-ins by the hash of their token.
    pub const TOKEN: Key<Self> =
        Key::<Self>::text("token", |pending| vec![pending.data.token.as_str().into()]).unique();
    /// Sign-ins by account, the newest last.
    pub const ACCOUNT: Key<Self> = Key::<Self>::int("account", |pending| vec![pending.data.account.0.into()])
        .sorted_by(|pending| pending.data.created_at.into());
    /// Sign-ins by the time they can be forgotten.
    pub const REMOVABLE: Key<Self> =
        Key::<Self>::int("removable_at", |pending| vec![pending.data.created_at.plus(CODE_COUNTED).into()]);

    /// Begins one that waits for a mailed code. `token` goes to the browser, `code` to the mailbox.
    pub fn start(
        id: PendingSignInId,
        account: &Account,
        from: BegunWith,
        token: &OneTimeSecret,
        code: OneTimeSecret,
        now: Timestamp,
    ) -> (Self, Vec<PendingSignInEvent>) {
        let mut pending = Self::start_for_second_factor(id, account, from, token, now);
        pending.data.code = Some(SecretHash::keyed(token.expose(), code.expose()));
        let event = PendingSignInEvent::CodeRequested {
            username: account.username().clone(),
            email: account.email().clone(),
            code,
        };
        (pending, vec![event])
    }

    /// Begins one that waits for a code of the authenticator. `token` goes to the browser.
    pub fn start_for_second_factor(
        id: PendingSignInId,
        account: &Account,
        from: BegunWith,
        token: &OneTimeSecret,
        now: Timestamp,
    ) -> Self {
        let data = PendingV1 {
            account: *account.id(),
            device: from.device,
            is_recognised: from.is_recognised,
            epoch: account.epoch(),
            token: token.hash(),
            code: None,
            tries: 0,
            is_used: false,
            created_at: now,
        };
        Self { id, data }
    }

    /// The account.
    pub const fn account(&self) -> AccountId {
        self.data.account
    }

    /// What it was begun with; `None` when the client did not say.
    pub const fn device(&self) -> Option<&Device> {
        self.data.device.as_ref()
    }

    /// Whether it was begun on a device that was recognised by its token.
    pub const fn is_recognised(&self) -> bool {
        self.data.is_recognised
    }

    /// Whether it waits for a code of the authenticator, not for a mailed one.
    pub const fn needs_second_factor(&self) -> bool {
        self.data.code.is_none()
    }

    /// When it was begun.
    pub const fn created_at(&self) -> Timestamp {
        self.data.created_at
    }

    /// Whether the account's password was changed since.
    pub const fn is_outdated(&self, account: &Account) -> bool {
        self.data.epoch != account.epoch()
    }

    /// Guesses the mailed code. The change must be stored before anybody is let in, or told that the guess was wrong.
    pub fn guess(self, token: &OneTimeSecret, code: &TypedCode, now: Timestamp) -> (Self, Guess) {
        let guessed = SecretHash::keyed(token.expose(), code.as_str());
        let is_right = self.data.code.as_ref().is_some_and(|own| own.matches(&guessed));
        self.judge(token, is_right, now)
    }

    /// Notes a guess of the authenticator's code, which the account found right or wrong. The change must be stored before
    /// anybody is let in, or told that the guess was wrong.
    pub fn guess_second_factor(self, token: &OneTimeSecret, is_right: bool, now: Timestamp) -> (Self, Guess) {
        let is_right = is_right && self.needs_second_factor();
        self.judge(token, is_right, now)
    }

    fn judge(mut self, token: &OneTimeSecret, is_right: bool, now: Timestamp) -> (Self, Guess) {
        let is_over = self.data.is_used
            || self.data.tries >= CODE_TRIES
            || now >= self.data.created_at.plus(CODE_LIFETIME)
            || !self.data.token.matches(&token.hash());
        if is_over {
            return (self, Guess::Over);
        }
        if is_right {
            self.data.is_used = true;
            (self, Guess::Right)
        } else {
            self.data.tries += 1;
            (self, Guess::Wrong)
        }
    }
}

/// What a sign-in is begun with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BegunWith {
    /// The device as it calls itself; `None` when the client did not say.
    pub device: Option<Device>,
    /// Whether it was recognised by its token.
    pub is_recognised: bool,
}

/// What is stored of a sign-in.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "v")]
pub enum PendingSignInState {
    /// The first form.
    #[serde(rename = "1")]
    V1(Box<StoredPendingV1>),
}
jobapp_kernel::forms!(PendingSignInState { "1" => V1 });

/// The first form of a stored sign-in.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StoredPendingV1 {
    id: PendingSignInId,
    #[serde(flatten)]
    data: PendingV1,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct PendingV1 {
    account: AccountId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    device: Option<Device>,
    #[serde(default)]
    is_recognised: bool,
    epoch: u64,
    token: SecretHash,
    /// Of the mailed code; `None` when a code of the authenticator is wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    code: Option<SecretHash>,
    tries: u8,
    is_used: bool,
    created_at: Timestamp,
}

impl Aggregate for PendingSignIn {
    const NAME: &'static str = "pending_sign_in";
    type Id = PendingSignInId;
    type Event = PendingSignInEvent;
    type State = PendingSignInState;

    fn id(&self) -> &PendingSignInId {
        &self.id
    }

    fn keys() -> &'static [Key<Self>] {
        const { &[PendingSignIn::TOKEN, PendingSignIn::ACCOUNT, PendingSignIn::REMOVABLE] }
    }

    fn to_state(&self) -> PendingSignInState {
        PendingSignInState::V1(Box::new(StoredPendingV1 { id: self.id, data: self.data.clone() }))
    }

    fn from_state(state: PendingSignInState) -> Result<Self, InvalidState> {
        let PendingSignInState::V1(stored) = state;
        let StoredPendingV1 { id, data } = *stored;
        if data.tries > CODE_TRIES {
            return Err(InvalidState::new(format!("the sign-in {id} counts {} tries", data.tries)));
        }
        Ok(Self { id, data })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{a_device, an_account, at};
    use jobapp_kernel::ObjectId;

    fn typed(code: &str) -> TypedCode {
        TypedCode::new(code)
    }

    fn token() -> OneTimeSecret {
        OneTimeSecret::new("token")
    }

    fn from() -> BegunWith {
        BegunWith { device: Some(a_device("Firefox")), is_recognised: false }
    }

    fn pending() -> PendingSignIn {
        let (account, _) = an_account(7, "Marta", at(0));
        let id = ObjectId::from_bytes([1; 12]).into();
        let code = OneTimeSecret::new("408152");
        let (pending, events) = PendingSignIn::start(id, &account, from(), &token(), code.clone(), at(0));
        let PendingSignInEvent::CodeRequested { code: mailed, email, .. } = &events[0];
        assert_eq!((mailed, email.as_str()), (&code, "marta@example.org"));
        pending
    }

    #[test]
    fn the_right_code_works_once() {
        let (pending, guess) = pending().guess(&token(), &typed("408152"), at(1));
        assert_eq!(guess, Guess::Right);
        assert_eq!(pending.guess(&token(), &typed("408152"), at(2)).1, Guess::Over);
    }

    #[test]
    fn it_may_be_guessed_five_times() {
        let mut pending = pending();
        for _ in 0..4 {
            let (next, guess) = pending.guess(&token(), &typed("000000"), at(1));
            assert_eq!(guess, Guess::Wrong);
            pending = next;
        }
        assert_eq!(pending.clone().guess(&token(), &typed("408152"), at(1)).1, Guess::Right, "the fifth try counts");
        let (pending, guess) = pending.guess(&token(), &typed("000000"), at(1));
        assert_eq!(guess, Guess::Wrong);
        assert_eq!(pending.guess(&token(), &typed("408152"), at(1)).1, Guess::Over);
    }

    #[test]
    fn it_is_good_for_ten_minutes_and_for_its_own_token() {
        assert_eq!(pending().guess(&token(), &typed("408152"), at(599)).1, Guess::Right);
        assert_eq!(pending().guess(&token(), &typed("408152"), at(600)).1, Guess::Over);
        assert_eq!(pending().guess(&OneTimeSecret::new("other"), &typed("408152"), at(1)).1, Guess::Over);
    }

    #[test]
    fn the_store_gets_neither_token_nor_code() {
        let text = serde_json::to_string(&pending().to_state()).unwrap();
        assert!(!text.contains("408152") && !text.contains("\"token\":\"token\""), "{text}");
        assert_eq!(PendingSignIn::from_state(serde_json::from_str(&text).unwrap()).unwrap(), pending());
    }

    #[test]
    fn one_kind_of_code_does_not_stand_in_for_the_other() {
        let (account, _) = an_account(7, "Marta", at(0));
        let id = ObjectId::from_bytes([1; 12]).into();
        let waiting = PendingSignIn::start_for_second_factor(id, &account, from(), &token(), at(0));
        assert!(waiting.needs_second_factor() && !pending().needs_second_factor());
        assert_eq!(waiting.clone().guess(&token(), &typed("408152"), at(1)).1, Guess::Wrong);
        assert_eq!(pending().guess_second_factor(&token(), true, at(1)).1, Guess::Wrong);
        let (used, guess) = waiting.guess_second_factor(&token(), true, at(1));
        assert_eq!(guess, Guess::Right);
        assert_eq!(used.guess_second_factor(&token(), true, at(1)).1, Guess::Over);
    }
}
