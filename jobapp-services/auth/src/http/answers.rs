//! Accounts and sessions as documents and tokens.

use http::StatusCode;
use jobapp_auth::{Account, OpenSession, Session, SessionId};
use jobapp_http::{ApiError, UserClaims};
use jobapp_kernel::Aggregate;
use jobapp_wire::auth::{MessageAnswer, SessionAnswer, SessionDocument, UserDocument};

use crate::AuthService;

/// The user document of an account: nothing secret.
pub(crate) fn user(service: &AuthService, account: &Account) -> UserDocument {
    UserDocument {
        id: account.id().0,
        username: account.username().to_string(),
        email: account.email().to_string(),
        profile_public_id: account.profile_public_id().to_owned(),
        country: account.country().to_owned(),
        profile_picture: service.shared.media.picture(account.profile_picture()),
        email_verified: account.is_email_verified(),
        created_at: account.created_at(),
        updated_at: account.updated_at(),
    }
}

/// An answer that is only a text.
pub(crate) fn message(text: &str) -> MessageAnswer {
    MessageAnswer { message: text.to_owned() }
}

/// A session that was begun or renewed, with its tokens.
pub(crate) fn opened(service: &AuthService, text: &str, open: &OpenSession) -> Result<SessionAnswer, ApiError> {
    Ok(SessionAnswer {
        message: text.to_owned(),
        user: user(service, &open.account),
        token: access_token(service, &open.account, open.session)?,
        refresh_token: Some(open.refresh_token.expose()),
        device_token: open.device_token.as_ref().map(|token| token.expose().to_owned()),
    })
}

/// An access token of a session.
pub(crate) fn access_token(service: &AuthService, account: &Account, session: SessionId) -> Result<String, ApiError> {
    let claims = UserClaims {
        id: account.id().0,
        email: account.email().to_string(),
        username: account.username().to_string(),
        sid: session.to_string(),
        role: account.role().map(|role| role.as_str().to_owned()),
    };
    service.shared.user_tokens.issue(&claims).map_err(|error| {
        tracing::error!(%error, "an access token could not be issued");
        ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong on our side.")
    })
}

/// A session for its owner, who calls from the session `current`.
pub(crate) fn session(session: &Session, current: Option<SessionId>) -> SessionDocument {
    let device = session.device().cloned();
    let (browser_name, device_type) = device.map(|device| (device.browser, device.kind)).unwrap_or_default();
    SessionDocument {
        sid: session.id().to_string(),
        browser_name,
        device_type,
        created_at: session.created_at(),
        last_used_at: session.last_used_at(),
        expires_at: session.expires_at(),
        current: current.as_ref() == Some(session.id()),
    }
}
