//! Errors as the wire's four-field JSON.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode, header};
use jobapp_kernel::{ErrorKind, Kinded};
use jobapp_wire::validate::Invalid;
use serde::{Deserialize, Serialize};

/// The body of every error answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ErrorBody {
    /// The text shown to users.
    pub message: String,
    /// The same as the HTTP status.
    pub status_code: u16,
    /// Always `error`.
    pub status: String,
    /// Where it came from, for logs.
    pub coming_from: String,
}

/// An error on its way to a client. Its text is for users; what went wrong inside is logged, never sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError {
    status: StatusCode,
    message: String,
    coming_from: &'static str,
    retry_after: Option<u32>,
    /// A further header of the answer. Few have one.
    header: Option<Box<(HeaderName, HeaderValue)>>,
}

impl ApiError {
    /// An answer with this status and text.
    pub fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), coming_from: "", retry_after: None, header: None }
    }

    /// 400.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// 401.
    pub fn unauthorized(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, message)
    }

    /// 403.
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, message)
    }

    /// 404.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }

    /// 503, to be tried again after this many seconds.
    pub fn unavailable(message: impl Into<String>, retry_after: u32) -> Self {
        Self { retry_after: Some(retry_after), ..Self::new(StatusCode::SERVICE_UNAVAILABLE, message) }
    }

    /// The same error, to be tried again after this many seconds.
    #[must_use]
    pub const fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// The same error, whose answer has this header: what is allowed, or what would be accepted.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.header = Some(Box::new((name, value)));
        self
    }

    /// The same error with its place of origin.
    #[must_use]
    pub const fn at(mut self, coming_from: &'static str) -> Self {
        self.coming_from = coming_from;
        self
    }

    /// The HTTP status.
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// The text for users.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The JSON body.
    pub fn body(&self) -> ErrorBody {
        ErrorBody {
            message: self.message.clone(),
            status_code: self.status.as_u16(),
            status: "error".to_owned(),
            coming_from: self.coming_from.to_owned(),
        }
    }
}

/// The status for a kind of error.
const fn status_of(kind: ErrorKind) -> StatusCode {
    match kind {
        ErrorKind::Invalid => StatusCode::BAD_REQUEST,
        ErrorKind::Unauthorized => StatusCode::UNAUTHORIZED,
        ErrorKind::Forbidden => StatusCode::FORBIDDEN,
        ErrorKind::NotFound => StatusCode::NOT_FOUND,
        ErrorKind::Refused | ErrorKind::Taken => StatusCode::CONFLICT,
        ErrorKind::Mismatch => StatusCode::UNPROCESSABLE_ENTITY,
        ErrorKind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ErrorKind::Limited => StatusCode::TOO_MANY_REQUESTS,
        // Whoever decides is to decide again; a caller can do no more about it than about an outage.
        ErrorKind::Conflict | ErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        ErrorKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// What a caller is told of a kind that is told in other words than the error's own: stores and faults of ours name what
/// is inside, and that is for the log.
const fn fixed_text(kind: ErrorKind) -> Option<&'static str> {
    match kind {
        ErrorKind::Conflict | ErrorKind::Unavailable => Some("The service is busy. Please try again in a moment."),
        ErrorKind::Internal => Some("Something went wrong on our side."),
        ErrorKind::Taken => Some("This is in use already."),
        ErrorKind::Mismatch => Some("This idempotency key was used with another body."),
        ErrorKind::Invalid
        | ErrorKind::Unauthorized
        | ErrorKind::Forbidden
        | ErrorKind::NotFound
        | ErrorKind::Refused
        | ErrorKind::TooLarge
        | ErrorKind::Limited => None,
    }
}

/// Every error of the core and of a port becomes an answer. What the business says is told as it is; what stores say, and
/// faults of ours, keep their text for the log.
impl<E: Kinded> From<E> for ApiError {
    fn from(error: E) -> Self {
        let kind = error.kind();
        let status = status_of(kind);
        let Some(text) = fixed_text(kind) else {
            if error.source().is_some() {
                tracing::info!(error = %Chain(&error), "a request was refused");
            }
            return Self::new(status, error.to_string());
        };
        if status.is_server_error() {
            tracing::error!(error = %Chain(&error), "a request failed");
        } else {
            tracing::info!(error = %Chain(&error), "a request was refused by the store");
        }
        match status {
            StatusCode::SERVICE_UNAVAILABLE => Self::unavailable(text, 1),
            _ => Self::new(status, text),
        }
    }
}

/// A broken validation rule is a 400 with the rule's text. A function, because `Invalid` is no error of a use case.
impl ApiError {
    /// 400 with the text of the broken rule.
    pub fn invalid(invalid: Invalid, coming_from: &'static str) -> Self {
        Self::bad_request(invalid.message).at(coming_from)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.body())).into_response();
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some((name, value)) = self.header.map(|header| *header) {
            response.headers_mut().insert(name, value);
        }
        response
    }
}

/// An error and everything it stems from, in one line.
struct Chain<'a>(&'a (dyn std::error::Error + 'a));

impl std::fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(error) = source {
            write!(f, ": {error}")?;
            source = error.source();
        }
        Ok(())
    }
}

/// A handler for paths nothing answers: 404.
pub async fn not_found() -> ApiError {
    ApiError::not_found("The endpoint called does not exist.")
}

#[cfg(test)]
mod tests {
    use jobapp_kernel::RepositoryError;

    use super::*;

    /// As every service has it: what the store says, passed on.
    #[derive(Debug, thiserror::Error)]
    enum UseCaseError {
        #[error("The order number is in use.")]
        NumberInUse,
        #[error(transparent)]
        Store(#[from] RepositoryError),
    }

    impl Kinded for UseCaseError {
        fn kind(&self) -> ErrorKind {
            match self {
                Self::NumberInUse => ErrorKind::Refused,
                Self::Store(error) => error.kind(),
            }
        }
    }

    fn told(error: RepositoryError) -> (u16, String) {
        let error = ApiError::from(UseCaseError::from(error));
        (error.status().as_u16(), error.message().to_owned())
    }

    #[test]
    fn what_a_store_says_is_told_in_fixed_words() {
        let busy = "The service is busy. Please try again in a moment.";
        for (error, status, text) in [
            (RepositoryError::Conflict { aggregate: "account", id: "1".into() }, 503, busy),
            (RepositoryError::overtaken("account"), 503, busy),
            (RepositoryError::unavailable("save account 1", "no route to db-7"), 503, busy),
            (RepositoryError::Taken { aggregate: "account", key: "username" }, 409, "This is in use already."),
            (RepositoryError::CauseReused, 422, "This idempotency key was used with another body."),
            (
                RepositoryError::KeyTooLong { aggregate: "account", key: "username" },
                400,
                "A value is longer than 191 bytes.",
            ),
            (
                RepositoryError::KeyHasNul { aggregate: "account", key: "username" },
                400,
                "A value has a character that cannot be stored.",
            ),
            (
                RepositoryError::Corrupt { aggregate: "account", id: "1".into(), source: "no JSON".into() },
                500,
                "Something went wrong on our side.",
            ),
        ] {
            assert_eq!(told(error), (status, text.to_owned()));
        }
    }

    #[test]
    fn who_is_told_that_the_service_is_busy_is_told_when_to_come_again() {
        let conflict = RepositoryError::Conflict { aggregate: "account", id: "1".into() };
        let response = ApiError::from(UseCaseError::from(conflict)).into_response();
        assert_eq!(response.headers()[header::RETRY_AFTER], "1");
    }

    #[test]
    fn what_the_business_says_is_told_as_it_is() {
        let error = ApiError::from(UseCaseError::NumberInUse);
        assert_eq!((error.status(), error.message()), (StatusCode::CONFLICT, "The order number is in use."));
    }
}
