//! Why a call brought no answer.

use std::time::Duration;

use http::header::RETRY_AFTER;
use http::{HeaderMap, StatusCode};
use jobapp_http::{ApiError, BoxError};

/// Why a call brought no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallError {
    /// Too many calls are under way already.
    #[error("too many calls are under way")]
    Full,
    /// The service failed so often that calls are not tried.
    #[error("it failed too often; the next call is tried in {0:?}")]
    Open(Duration),
    /// No answer in time.
    #[error("it did not answer within {0:?}")]
    TimedOut(Duration),
    /// The client stopped sending the body.
    #[error("the client sent nothing more of its body for {0:?}")]
    Stalled(Duration),
    /// The client's body broke off, or is not what may be sent: this is what to tell him.
    #[error("the client's body could not be read: {}", .0.message())]
    Body(ApiError),
    /// No connection, or it broke.
    #[error("it could not be reached: {0}")]
    Unreachable(#[source] BoxError),
}

impl CallError {
    /// What it is, in a word out of a few.
    pub(crate) const fn word(&self) -> &'static str {
        match self {
            Self::Full => "busy",
            Self::Open(_) => "breaker_open",
            Self::TimedOut(_) => "timeout",
            Self::Stalled(_) => "body_stalled",
            Self::Body(_) => "body_broken",
            Self::Unreachable(_) => "unreachable",
        }
    }
}

/// Whether an answer speaks for whatever stands in the service's place, and not for the service itself: a service that
/// says itself that it is busy also says when to come back.
pub(crate) fn is_nobodys(status: StatusCode, headers: &HeaderMap) -> bool {
    match status {
        StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT => true,
        StatusCode::SERVICE_UNAVAILABLE => !headers.contains_key(RETRY_AFTER),
        _ => false,
    }
}
