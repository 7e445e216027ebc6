//! What a gateway knows of sessions without asking anybody.

use std::sync::Arc;

use axum::response::Response;
use jobapp_http::UserTokens;

use super::cookies::Cookies;
use super::ended::EndedSessions;
use super::kept_users::KeptUsers;
use super::tokens::{Signed, Tokens};

/// What is known of sessions here.
#[derive(Clone)]
pub(crate) struct Known {
    pub(crate) tokens: Tokens,
    pub(crate) ended: EndedSessions,
    pub(crate) users: KeptUsers,
}

impl Known {
    /// Nothing yet but how tokens are verified.
    pub(crate) fn new(tokens: UserTokens) -> Self {
        Self { tokens: Tokens::new(tokens), ended: EndedSessions::default(), users: KeptUsers::default() }
    }

    /// This session is over.
    pub(crate) fn end(&self, sid: &str) {
        self.ended.end(sid);
        self.users.forget(sid);
    }

    /// Who the access token vouches for, ended or not.
    pub(crate) fn signed(&self, cookies: &Cookies) -> Option<Arc<Signed>> {
        self.tokens.verify(cookies.access.as_deref()?).ok()
    }

    /// Who the access token vouches for, unless the session was ended.
    pub(crate) fn live(&self, cookies: &Cookies) -> Option<Arc<Signed>> {
        self.signed(cookies).filter(|signed| !self.ended.has(&signed.caller.claims.sid))
    }

    /// The session's own copy of its user, while the auth service is away. A token that has expired still says whose
    /// session it was; it opens nothing else.
    pub(crate) fn own_copy(&self, cookies: &Cookies, signed: Option<&Signed>) -> Option<Response> {
        let claims = match signed {
            Some(signed) => signed.caller.claims.clone(),
            None => self.tokens.verify_expired(cookies.access.as_deref()?).ok()?,
        };
        (!self.ended.has(&claims.sid)).then(|| self.users.answer(&claims))
    }
}
