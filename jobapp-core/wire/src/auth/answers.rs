//! What routes of accounts and sessions answer.

use jobapp_kernel::Timestamp;
use serde::{Deserialize, Serialize};

/// A user, as its owner sees it. Nothing in it is secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct UserDocument {
    /// The account's number.
    pub id: i64,
    /// Stored form: every word begins with a capital.
    pub username: String,
    /// Lower case.
    pub email: String,
    /// A UUID.
    pub profile_public_id: String,
    /// Free text.
    pub country: String,
    /// URL.
    pub profile_picture: String,
    /// Whether the address was verified.
    pub email_verified: bool,
    /// ISO.
    pub created_at: Timestamp,
    /// ISO.
    pub updated_at: Timestamp,
}

/// Only a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MessageAnswer {
    /// Shown to users.
    pub message: String,
}

/// A user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UserAnswer {
    /// Shown to users.
    pub message: String,
    /// The user.
    pub user: UserDocument,
}

/// A user with the tokens of a session. The gateway makes cookies of the tokens and takes them out.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct SessionAnswer {
    /// Shown to users.
    pub message: String,
    /// The user.
    pub user: UserDocument,
    /// The access token.
    pub token: String,
    /// The refresh token; absent when the session keeps the one it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
    /// What the device is recognised by from now on; absent when it keeps what it has. For the gateway: a cookie of its own,
    /// sent back as the header `x-device-token`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_token: Option<String>,
}

/// The answer to a sign-in: a session, or the wish for a code.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct SignInAnswer {
    /// Shown to users.
    pub message: String,
    /// The user; `null` when a code is asked for.
    pub user: Option<UserDocument>,
    /// The access token; empty when a code is asked for.
    pub token: String,
    /// Empty, or a browser the account is known by when a code is asked for.
    pub browser_name: String,
    /// Empty, or a device the account is known by when a code is asked for.
    pub device_type: String,
    /// The refresh token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
    /// What ties the code to this sign-in: sent back as the header `x-pending-token`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending_token: Option<String>,
    /// What the device is recognised by from now on; absent when it keeps what it has. For the gateway: a cookie of its own,
    /// sent back as the header `x-device-token`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_token: Option<String>,
    /// Ours. Where the code can be read when mails go to a mailbox for developers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// Ours. How the caller's second factor stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct SecondFactorAnswer {
    /// Shown to users.
    pub message: String,
    /// Whether signing in needs a code of the authenticator.
    pub enabled: bool,
    /// How many recovery codes are left.
    pub recovery_codes_left: usize,
}

/// Ours. What an authenticator is set up with.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct SecondFactorBegunAnswer {
    /// Shown to users.
    pub message: String,
    /// The key, to be typed into an authenticator: base32.
    pub secret: String,
    /// The key, to be scanned: what a QR code should hold.
    pub otpauth_url: String,
}

/// Ours. The recovery codes, told this once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct RecoveryCodesAnswer {
    /// Shown to users.
    pub message: String,
    /// Each signs in once in place of a code of the authenticator.
    pub recovery_codes: Vec<String>,
}

/// A place where somebody is signed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct SessionDocument {
    /// The session's id.
    pub sid: String,
    /// The browser it was begun with; empty when unknown.
    pub browser_name: String,
    /// The kind of device it was begun on; empty when unknown.
    pub device_type: String,
    /// When it was begun.
    pub created_at: Timestamp,
    /// When it was last renewed.
    pub last_used_at: Timestamp,
    /// When it ends unless it is renewed.
    pub expires_at: Timestamp,
    /// Whether the request came from it.
    pub current: bool,
}

/// The caller's sessions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SessionsAnswer {
    /// Shown to users.
    pub message: String,
    /// The sessions, the last used one first.
    pub sessions: Vec<SessionDocument>,
}

/// A session whose access tokens must no longer be accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct EndedSession {
    /// The session's id.
    pub sid: String,
    /// Whose it was.
    pub username: String,
    /// When it ended.
    pub ended_at: Timestamp,
}

/// The sessions that ended lately: what a gateway loads before it is ready.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EndedSessionsAnswer {
    /// Shown to nobody.
    pub message: String,
    /// The sessions, the longest ended one first.
    pub sessions: Vec<EndedSession>,
}
