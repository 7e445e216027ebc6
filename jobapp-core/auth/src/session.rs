//! The session: where somebody is signed in, and the family of refresh tokens that keeps it going.
//!
//! The rules of the family, for a genuine token that is presented:
//!
//! | which token | what happens |
//! |---|---|
//! | the newest | it is rotated: a successor takes its place |
//! | one that was rotated at most ten seconds ago | the newest token is answered again, so racing tabs stay signed in |
//! | the one before the newest, later than that | the newest never reached anybody: another successor replaces it |
//! | any other: spent, or replaced | somebody else has the tokens: the session ends |
//!
//! At any time one token is the newest, so there is one line of tokens, never two.

use std::fmt;
use std::time::Duration;

use jobapp_kernel::{AccountId, Aggregate, InvalidState, Key, Timestamp};
use serde::{Deserialize, Serialize};

use crate::refresh::Mint;
use crate::secret::random;
use crate::{Account, Device, RefreshToken, SecretHash, Secrets, Username};

jobapp_kernel::object_id!(
    /// The id of a session: `sid` in access tokens. No secret.
    SessionId
);

/// How long a session lives after it was renewed.
pub const SESSION_LIFETIME: Duration = Duration::from_secs(7 * 24 * 3600);
/// How long a token that was rotated is answered with its successor.
pub const ROTATION_GRACE: Duration = Duration::from_secs(10);
/// How long an ended session is kept, so that gateways learn of it: longer than any access token lives.
pub const ENDED_KEPT: Duration = Duration::from_secs(3600);
/// How many rotations within [`ROTATION_GRACE`] are remembered. Nobody needs so many.
const MAX_ROTATIONS: usize = 32;

/// A session.
#[derive(Clone, PartialEq, Eq)]
pub struct Session {
    id: SessionId,
    data: SessionV1,
    mint: Mint,
}

/// Why a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EndReason {
    /// Its owner signed out, there or from elsewhere, or was signed out by whoever runs the marketplace.
    SignedOut,
    /// The password was changed or reset.
    PasswordChanged,
    /// A refresh token was presented that only a thief, or its victim, can still have.
    Stolen,
    /// The account may do more now, or less: its tokens say something else.
    RoleChanged,
    /// The account had many sessions, and this one was used longest ago.
    Surplus,
}

/// What happened to a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum SessionEvent {
    /// It ended: access tokens and sockets that name it are worth nothing from now on.
    Ended {
        /// The session.
        session: SessionId,
        /// The account.
        account: AccountId,
        /// Whose it was.
        username: Username,
        /// Why.
        reason: EndReason,
        /// When.
        at: Timestamp,
    },
}

/// What became of a token that was presented.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Presented {
    /// The session goes on with this token; the change must be stored first.
    Rotated(RefreshToken),
    /// The session goes on with this token, which it has already; there is nothing to store.
    Again(RefreshToken),
    /// The session ended, because two parties have its tokens; the change must be stored.
    Stolen,
    /// The session is over, or the token is none of its own; there is nothing to store.
    Refused,
}

impl Session {
    /// Live sessions by account, the last used one last.
    pub const ACCOUNT: Key<Self> = Key::<Self>::int("account", |session| {
        session.data.ended.as_ref().map_or_else(|| vec![session.data.account.0.into()], |_| Vec::new())
    })
    .sorted_by(|session| session.data.last_used_at.into());
    /// Ended sessions by the time of their end.
    pub const ENDED: Key<Self> =
        Key::<Self>::int("ended_at", |session| session.data.ended.iter().map(|ended| ended.at.into()).collect());
    /// Sessions by the time they can be forgotten.
    pub const REMOVABLE: Key<Self> = Key::<Self>::int("removable_at", |session| vec![session.removable_at().into()]);

    /// Begins a session of `account` and makes its first refresh token.
    pub fn start(
        id: SessionId,
        account: &Account,
        device: Option<Device>,
        now: Timestamp,
        secrets: &dyn Secrets,
    ) -> (Self, RefreshToken) {
        let mint = Mint { session: id, key: random(secrets) };
        let token = mint.first(secrets);
        let data = SessionV1 {
            account: *account.id(),
            username: account.username().clone(),
            device,
            epoch: account.epoch(),
            created_at: now,
            last_used_at: now,
            key: hex::encode(mint.key),
            newest: token.hash(),
            previous: None,
            rotations: Vec::new(),
            ended: None,
        };
        (Self { id, data, mint }, token)
    }

    /// The account.
    pub const fn account(&self) -> AccountId {
        self.data.account
    }

    /// Whose it is.
    pub const fn username(&self) -> &Username {
        &self.data.username
    }

    /// What it was begun with; `None` when unknown.
    pub const fn device(&self) -> Option<&Device> {
        self.data.device.as_ref()
    }

    /// When it was begun.
    pub const fn created_at(&self) -> Timestamp {
        self.data.created_at
    }

    /// When it was last renewed.
    pub const fn last_used_at(&self) -> Timestamp {
        self.data.last_used_at
    }

    /// When it ends unless it is renewed.
    pub fn expires_at(&self) -> Timestamp {
        self.data.last_used_at.plus(SESSION_LIFETIME)
    }

    /// When and why it was ended; `None` when nobody did.
    pub fn ended(&self) -> Option<(Timestamp, EndReason)> {
        self.data.ended.as_ref().map(|ended| (ended.at, ended.reason))
    }

    /// Whether it is neither ended nor expired.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.data.ended.is_none() && now < self.expires_at()
    }

    /// Whether it began before the account's password was last changed: then it is over, whatever it says itself.
    pub const fn is_outdated(&self, account: &Account) -> bool {
        self.data.epoch != account.epoch()
    }

    /// Whether the token is, or was, one of this session's.
    pub fn owns(&self, token: &RefreshToken) -> bool {
        self.mint.made(token)
    }

    /// When nobody needs to know of it any more.
    fn removable_at(&self) -> Timestamp {
        self.data.ended.as_ref().map_or_else(|| self.expires_at(), |ended| ended.at.plus(ENDED_KEPT))
    }

    /// Presents a refresh token.
    pub fn present(
        mut self,
        token: &RefreshToken,
        now: Timestamp,
        secrets: &dyn Secrets,
    ) -> (Self, Presented, Vec<SessionEvent>) {
        if !self.is_live(now) || !self.owns(token) {
            return (self, Presented::Refused, Vec::new());
        }
        let hash = token.hash();
        if let Some(newest) = self.newest_for(token, now) {
            return (self, Presented::Again(newest), Vec::new());
        }
        let is_newest = self.data.newest.matches(&hash);
        let is_before_newest = self.data.previous.as_ref().is_some_and(|previous| previous.matches(&hash));
        if !is_newest && !is_before_newest {
            let (ended, events) = self.end(EndReason::Stolen, now);
            return (ended, Presented::Stolen, events);
        }
        let nonce: [u8; 32] = random(secrets);
        let successor = self.mint.successor(token, &nonce);
        self.data
            .rotations
            .retain(|rotation| now.since(rotation.at) <= ROTATION_GRACE && !rotation.from.matches(&hash));
        self.data.rotations.push(Rotation { from: hash.clone(), nonce: hex::encode(nonce), at: now });
        let surplus = self.data.rotations.len().saturating_sub(MAX_ROTATIONS);
        drop(self.data.rotations.drain(..surplus));
        self.data.previous = Some(hash);
        self.data.newest = successor.hash();
        self.data.last_used_at = now;
        (self, Presented::Rotated(successor), Vec::new())
    }

    /// The newest token, made again from one that was rotated a moment ago: from successor to successor.
    fn newest_for(&self, token: &RefreshToken, now: Timestamp) -> Option<RefreshToken> {
        let mut token = token.clone();
        for _ in 0..=self.data.rotations.len() {
            let hash = token.hash();
            let rotation = self.data.rotations.iter().find(|rotation| rotation.from.matches(&hash))?;
            if now.since(rotation.at) > ROTATION_GRACE {
                return None;
            }
            let nonce: [u8; 32] = hex::decode(&rotation.nonce).ok()?.try_into().ok()?;
            token = self.mint.successor(&token, &nonce);
            if self.data.newest.matches(&token.hash()) {
                return Some(token);
            }
        }
        None
    }

    /// Ends the session. Ending it again changes nothing.
    pub fn end(mut self, reason: EndReason, now: Timestamp) -> (Self, Vec<SessionEvent>) {
        if self.data.ended.is_some() {
            return (self, Vec::new());
        }
        self.data.ended = Some(Ended { at: now, reason });
        self.data.rotations.clear();
        let event = SessionEvent::Ended {
            session: self.id,
            account: self.data.account,
            username: self.data.username.clone(),
            reason,
            at: now,
        };
        (self, vec![event])
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("id", &self.id)
            .field("username", &self.data.username)
            .field("last_used_at", &self.data.last_used_at)
            .field("ended", &self.data.ended)
            .finish_non_exhaustive()
    }
}

/// What is stored of a session.
#[derive(Clone, Serialize)]
#[serde(tag = "v")]
pub enum SessionState {
    /// The first form.
    #[serde(rename = "1")]
    V1(Box<StoredSessionV1>),
}
jobapp_kernel::forms!(SessionState { "1" => V1 });

/// The first form of a stored session.
#[derive(Clone, Serialize, Deserialize)]
pub struct StoredSessionV1 {
    id: SessionId,
    #[serde(flatten)]
    data: SessionV1,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
struct SessionV1 {
    account: AccountId,
    username: Username,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    device: Option<Device>,
    epoch: u64,
    created_at: Timestamp,
    last_used_at: Timestamp,
    /// What seals the session's tokens.
    key: String,
    newest: SecretHash,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    previous: Option<SecretHash>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    rotations: Vec<Rotation>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ended: Option<Ended>,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Rotation {
    from: SecretHash,
    nonce: String,
    at: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Ended {
    at: Timestamp,
    reason: EndReason,
}

impl Aggregate for Session {
    const NAME: &'static str = "session";
    type Id = SessionId;
    type Event = SessionEvent;
    type State = SessionState;

    fn id(&self) -> &SessionId {
        &self.id
    }

    fn keys() -> &'static [Key<Self>] {
        const { &[Session::ACCOUNT, Session::ENDED, Session::REMOVABLE] }
    }

    fn to_state(&self) -> SessionState {
        SessionState::V1(Box::new(StoredSessionV1 { id: self.id, data: self.data.clone() }))
    }

    fn from_state(state: SessionState) -> Result<Self, InvalidState> {
        let SessionState::V1(stored) = state;
        let StoredSessionV1 { id, data } = *stored;
        let key = hex::decode(&data.key).ok().and_then(|bytes| bytes.try_into().ok());
        let key = key.ok_or_else(|| InvalidState::new(format!("the key of the session {id} is not 32 bytes")))?;
        Ok(Self { id, data, mint: Mint { session: id, key } })
    }
}

#[cfg(test)]
mod tests;
