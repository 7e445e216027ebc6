//! Requests that are refused.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use jobapp_http::ApiError;

/// Why a request was refused.
#[derive(Debug)]
pub(super) enum Refused {
    /// As the reference says it: a code and its words.
    Engine(StatusCode, u8, &'static str),
    /// In words of ours.
    Api(ApiError),
    /// The websocket is of another version.
    Version,
}

impl Refused {
    pub(super) const UNKNOWN_TRANSPORT: Self = Self::Engine(StatusCode::BAD_REQUEST, 0, "Transport unknown");
    pub(super) const UNKNOWN_SID: Self = Self::Engine(StatusCode::BAD_REQUEST, 1, "Session ID unknown");
    pub(super) const BAD_METHOD: Self = Self::Engine(StatusCode::BAD_REQUEST, 2, "Bad handshake method");
    pub(super) const BAD_REQUEST: Self = Self::Engine(StatusCode::BAD_REQUEST, 3, "Bad request");
    pub(super) const FORBIDDEN: Self = Self::Engine(StatusCode::FORBIDDEN, 4, "Forbidden");
    pub(super) const UNSUPPORTED: Self = Self::Engine(StatusCode::BAD_REQUEST, 5, "Unsupported protocol version");
    pub(super) const TOO_LARGE: Self = Self::Engine(StatusCode::PAYLOAD_TOO_LARGE, 3, "Payload too large");
    pub(super) const TOO_SLOW: Self = Self::Engine(StatusCode::REQUEST_TIMEOUT, 3, "Request timeout");
}

impl From<ApiError> for Refused {
    fn from(error: ApiError) -> Self {
        Self::Api(error)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        match self {
            Self::Engine(status, code, message) => {
                (status, axum::Json(serde_json::json!({ "code": code, "message": message }))).into_response()
            }
            Self::Api(error) => error.into_response(),
            Self::Version => {
                let headers = [
                    (header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13")),
                    (header::CONNECTION, HeaderValue::from_static("Upgrade")),
                    (header::UPGRADE, HeaderValue::from_static("websocket")),
                ];
                let error =
                    ApiError::new(StatusCode::UPGRADE_REQUIRED, "Only version 13 of websockets is spoken here.");
                (headers, error.at("Realtime: handshake")).into_response()
            }
        }
    }
}
