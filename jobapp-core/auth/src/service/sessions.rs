//! Keeping sessions going, and ending them.

use jobapp_kernel::{AccountId, Aggregate, Bounds, Change, PageRequest, Stored, Timestamp, in_turn};

use super::{Auth, CallerId, OpenSession, account_by_name};
use crate::session::{EndReason, Presented};
use crate::{Account, AuthError, RefreshToken, Session, SessionId};

/// How many sessions an account has at most. One more ends the one that was used longest ago.
pub const MAX_SESSIONS: usize = 50;
/// How many sessions are looked at in one step.
const STEP: usize = 100;

impl Auth {
    /// The caller's account.
    ///
    /// # Errors
    /// [`AuthError::SessionOver`] when the session is over.
    pub async fn current(&self, caller: CallerId) -> Result<Account, AuthError> {
        Ok(self.authenticated(caller).await?.value)
    }

    /// Renews a session with its refresh token.
    ///
    /// # Errors
    /// [`AuthError::SessionOver`], or [`AuthError::Stolen`] when this very token ended it.
    pub async fn refresh(&self, token: &str) -> Result<OpenSession, AuthError> {
        let token = RefreshToken::parse(token).ok_or(AuthError::SessionOver)?;
        in_turn(&*self.ports.sessions, &token.session(), || self.refresh_once(&token)).await
    }

    async fn refresh_once(&self, token: &RefreshToken) -> Result<OpenSession, AuthError> {
        let now = self.ports.clock.now();
        let stored = self.ports.sessions.find(&token.session()).await?.ok_or(AuthError::SessionOver)?;
        let id = token.session();
        let account = self.ports.accounts.find(&stored.value.account()).await?.ok_or(AuthError::SessionOver)?.value;
        if stored.value.owns(token) && stored.value.is_outdated(&account) {
            // The change of the password could not end it then.
            self.end(stored, EndReason::PasswordChanged).await?;
            return Err(AuthError::SessionOver);
        }
        let (session, presented, events) = stored.value.present(token, now, &*self.ports.secrets);
        let refresh_token = match presented {
            Presented::Refused => return Err(AuthError::SessionOver),
            Presented::Again(newest) => newest,
            Presented::Rotated(successor) => {
                self.ports.sessions.save(Change::update(stored.version, session, events)).await.map(drop)?;
                successor
            }
            Presented::Stolen => {
                let username = session.username().clone();
                self.ports.sessions.save(Change::update(stored.version, session, events)).await.map(drop)?;
                return Err(AuthError::Stolen { session: id, username });
            }
        };
        Ok(OpenSession { account, session: id, refresh_token, device_token: None })
    }

    /// Ends the caller's session and the session of a refresh token, whichever there is. What is over stays over. Tells whether
    /// there was one to end.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn sign_out(&self, caller: Option<CallerId>, refresh_token: Option<&str>) -> Result<bool, AuthError> {
        let mut ended = false;
        if let Some(CallerId { account, session: Some(id) }) = caller {
            ended |= self.end_if(id, EndReason::SignedOut, |session| session.account() == account).await?;
        }
        if let Some(token) = refresh_token.and_then(RefreshToken::parse) {
            ended |= self.end_if(token.session(), EndReason::SignedOut, |session| session.owns(&token)).await?;
        }
        Ok(ended)
    }

    /// The caller's live sessions, the last used one first: at most a hundred.
    ///
    /// # Errors
    /// [`AuthError::SessionOver`] when the caller's session is over.
    pub async fn sessions(&self, caller: CallerId) -> Result<Vec<Session>, AuthError> {
        let account = self.authenticated(caller).await?.value;
        let now = self.ports.clock.now();
        let page = self.live(caller.account).await?;
        let live = page.into_iter().map(|stored| stored.value);
        Ok(live.filter(|session| session.is_live(now) && !session.is_outdated(&account)).collect())
    }

    /// Ends one of the caller's sessions.
    ///
    /// # Errors
    /// [`AuthError::NoSuchSession`] when the caller has none with this id.
    pub async fn end_session(&self, caller: CallerId, id: SessionId) -> Result<(), AuthError> {
        self.authenticated(caller).await?;
        let stored = self.ports.sessions.find(&id).await?.filter(|stored| stored.value.account() == caller.account);
        stored.ok_or(AuthError::NoSuchSession)?;
        self.end_if(id, EndReason::SignedOut, |_| true).await.map(drop)
    }

    /// The live sessions of an account, the last used one first: at most a hundred. For whoever runs the marketplace.
    ///
    /// # Errors
    /// [`AuthError::NoSuchAccount`].
    pub async fn sessions_of(&self, username: &str) -> Result<Vec<Session>, AuthError> {
        let account = self.named(username).await?;
        let now = self.ports.clock.now();
        let live = self.live(*account.id()).await?.into_iter().map(|stored| stored.value);
        Ok(live.filter(|session| session.is_live(now) && !session.is_outdated(&account)).collect())
    }

    /// Ends one session of an account, or all of them, and tells how many went on until then. For whoever runs the marketplace.
    ///
    /// # Errors
    /// [`AuthError::NoSuchAccount`], and [`AuthError::NoSuchSession`] when the account has none with this id.
    pub async fn end_sessions_of(&self, username: &str, only: Option<SessionId>) -> Result<usize, AuthError> {
        let account = *self.named(username).await?.id();
        let Some(id) = only else { return self.end_all(account, EndReason::SignedOut).await };
        let stored = self.ports.sessions.find(&id).await?.filter(|stored| stored.value.account() == account);
        stored.ok_or(AuthError::NoSuchSession)?;
        self.end_if(id, EndReason::SignedOut, |_| true).await.map(usize::from)
    }

    async fn named(&self, username: &str) -> Result<Account, AuthError> {
        let found = account_by_name(&*self.ports.accounts, username).await?;
        Ok(found.ok_or(AuthError::NoSuchAccount)?.value)
    }

    /// Whether a session goes on.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn is_live(&self, id: SessionId) -> Result<bool, AuthError> {
        let stored = self.ports.sessions.find(&id).await?;
        Ok(stored.is_some_and(|stored| stored.value.is_live(self.ports.clock.now())))
    }

    /// The sessions that ended since, the longest ended one first: at most `limit`, the latest.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn ended_since(&self, since: Timestamp, limit: usize) -> Result<Vec<Session>, AuthError> {
        let bounds = Bounds { from: Some(since.into()), until: None };
        let page = self.ports.sessions.range(Session::ENDED, bounds, PageRequest::newest(limit)).await?;
        Ok(page.items.into_iter().rev().map(|stored| stored.value).collect())
    }

    /// Ends every session of an account. Tells how many went on until then.
    pub(super) async fn end_all(&self, account: AccountId, reason: EndReason) -> Result<usize, AuthError> {
        let mut ended = 0;
        loop {
            let page = self.live(account).await?;
            let is_last = page.len() < STEP;
            for stored in page {
                let id = *stored.value.id();
                ended += usize::from(self.end_if(id, reason, |_| true).await?);
            }
            // Ended sessions leave the list, so the next page is the first one again.
            if is_last {
                return Ok(ended);
            }
        }
    }

    /// Makes room for one more session of an account.
    pub(super) async fn end_surplus(&self, account: AccountId) -> Result<(), AuthError> {
        for stored in self.live(account).await?.into_iter().skip(MAX_SESSIONS - 1) {
            let id = *stored.value.id();
            self.end_if(id, EndReason::Surplus, |_| true).await?;
        }
        Ok(())
    }

    pub(super) async fn live(&self, account: AccountId) -> Result<Vec<Stored<Session>>, AuthError> {
        let page = self.ports.sessions.list(Session::ACCOUNT, account.0.into(), PageRequest::newest(STEP)).await?;
        Ok(page.items)
    }

    async fn end_if(
        &self,
        id: SessionId,
        reason: EndReason,
        condition: impl Fn(&Session) -> bool + Send + Sync,
    ) -> Result<bool, AuthError> {
        let condition = &condition;
        in_turn(&*self.ports.sessions, &id, || async move {
            match self.ports.sessions.find(&id).await? {
                Some(stored) if condition(&stored.value) => self.end(stored, reason).await,
                _ => Ok(false),
            }
        })
        .await
    }

    /// In one's turn with the session. Tells whether it was not over already.
    async fn end(&self, stored: Stored<Session>, reason: EndReason) -> Result<bool, AuthError> {
        let (session, events) = stored.value.end(reason, self.ports.clock.now());
        if events.is_empty() {
            return Ok(false);
        }
        self.ports.sessions.save(Change::update(stored.version, session, events)).await.map(drop)?;
        Ok(true)
    }
}
