//! How sessions begin, go on and end, as the cookies of answers.

use std::sync::Arc;

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::Method;
use jobapp_http::ApiError;
use serde_json::{Value, json};

use super::cookies::{CookieRules, Cookies, SetCookies};
use super::endings::Endings;
use super::known::Known;
use super::tokens::Signed;
use crate::calls::auth::call_auth;

/// Sessions, with the auth service behind them.
#[derive(Clone)]
pub(crate) struct Sessions {
    endings: Endings,
    rules: CookieRules,
}

impl Sessions {
    /// Which end like this, and whose cookies are set by these rules.
    pub(crate) fn new(endings: Endings, rules: CookieRules) -> Self {
        Self { endings, rules }
    }

    /// What is known of them without asking anybody.
    pub(crate) fn known(&self) -> &Known {
        &self.endings.known
    }

    /// Renews a session whose access token is over: who is signed in now, and the cookies that say so. `None` if the refresh
    /// token is no good.
    ///
    /// # Errors
    /// When the auth service is away, so that nobody can tell.
    pub(crate) async fn renew(&self, refresh: &str) -> Result<Option<(Arc<Signed>, SetCookies)>, ApiError> {
        let body = json!({ "refreshToken": refresh });
        let answer = match call_auth(&self.endings.upstreams, Method::POST, "/session/refresh", body, None).await {
            Ok(answer) => answer,
            Err(error) if error.status().is_server_error() => return Err(error),
            Err(error) => {
                tracing::debug!(error = error.message(), "a session could not be renewed");
                return Ok(None);
            }
        };
        let Some(token) = answer.get("token").and_then(Value::as_str) else { return Ok(None) };
        let Ok(signed) = self.known().tokens.verify(token) else { return Ok(None) };
        let successor = answer.get("refreshToken").and_then(Value::as_str);
        Ok(Some((signed, SetCookies::start(self.rules, token, successor))))
    }

    /// The cookies of the session that an answer of the auth service begins, if it begins one.
    pub(crate) fn begun(&self, answer: &Value) -> Option<SetCookies> {
        let text = |key: &str| answer.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
        if let Some(pending) = text("pendingToken") {
            return Some(SetCookies::pending(self.rules, pending));
        }
        let token = text("token")?;
        let known = self.known();
        if let (Ok(signed), Some(user)) = (known.tokens.verify(token), answer.get("user")) {
            known.users.keep_user(&signed.caller.claims.sid, user);
        }
        let cookies = SetCookies::start(self.rules, token, text("refreshToken"));
        Some(cookies.with_device(self.rules, text("deviceToken")))
    }

    /// `POST /auth/signout`: ends the session by either cookie and clears both. Always 200, so that a browser is never kept
    /// signed in by an outage; the session then ends with its tokens. `sessionEnded` tells whether there was a session, and is
    /// now over everywhere.
    pub(crate) async fn sign_out(&self, cookies: &Cookies, signed: Option<&Signed>) -> Response {
        let ended = if signed.is_some() || cookies.refresh.is_some() {
            // The session is over for this gateway even if the auth service is away.
            if let Some(signed) = self.known().signed(cookies) {
                self.endings.end(&signed.caller.claims.sid);
            }
            let bearer = signed.map(|signed| signed.bearer.clone());
            let body = json!({ "refreshToken": cookies.refresh });
            match call_auth(&self.endings.upstreams, Method::POST, "/session/end", body, bearer).await {
                Ok(answer) => answer["ended"] == true,
                Err(error) => {
                    tracing::warn!(error = error.message(), "a session could not be ended at sign-out");
                    false
                }
            }
        } else {
            false
        };
        let body = json!({ "message": "Logout successful", "user": {}, "sessionEnded": ended });
        let mut response = Json(body).into_response();
        SetCookies::clear(self.rules).apply(response.headers_mut());
        response
    }
}
