//! Requests that become websockets.

use std::time::Duration;

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use http::header::{self, HeaderName};
use http::{HeaderMap, HeaderValue, StatusCode, Version};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use jobapp_http::ApiError;
use sha1::{Digest, Sha1};

use super::refused::Refused;
use crate::engine::wire::Duplex;

/// How long a client may take to switch protocols.
pub(super) const UPGRADE: Duration = Duration::from_secs(10);

/// Base64 as clients write it who do not care about the last bits of sixteen random bytes.
const KEY: GeneralPurpose =
    GeneralPurpose::new(&alphabet::STANDARD, GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true));

/// A request that wants to become a websocket, in the form the standard asks for (RFC 6455 §4.2.1).
#[derive(Debug)]
pub(super) struct Upgrade {
    upgrade: OnUpgrade,
    accept: HeaderValue,
}

impl Upgrade {
    pub(super) fn read(request: &mut Request) -> Result<Self, Refused> {
        let bad = |what: &str| Refused::from(ApiError::bad_request(what).at("Realtime: handshake"));
        let headers = request.headers();
        if request.version() < Version::HTTP_11
            || !says(headers, header::UPGRADE, "websocket")
            || !says(headers, header::CONNECTION, "upgrade")
        {
            return Err(bad("This transport needs a websocket: `Connection: upgrade` and `Upgrade: websocket`."));
        }
        if only(headers, header::SEC_WEBSOCKET_VERSION).is_none_or(|version| version != "13") {
            return Err(Refused::Version);
        }
        let accept = only(headers, header::SEC_WEBSOCKET_KEY).and_then(accept_key);
        let accept = accept.ok_or_else(|| bad("`Sec-WebSocket-Key` must be 16 bytes in Base64."))?;
        let upgrade = request.extensions_mut().remove::<OnUpgrade>();
        let upgrade = upgrade.ok_or_else(|| bad("This connection cannot become a websocket."))?;
        Ok(Self { upgrade, accept })
    }

    /// Agrees. Nothing of the request stays.
    pub(super) fn answer(self, and_then: impl FnOnce(Box<dyn Duplex>) + Send + 'static) -> Response {
        let Self { upgrade, accept } = self;
        tokio::spawn(async move {
            match tokio::time::timeout(UPGRADE, upgrade).await {
                Ok(Ok(upgraded)) => and_then(Box::new(TokioIo::new(upgraded))),
                Ok(Err(error)) => tracing::debug!(%error, "a connection could not become a websocket"),
                Err(_) => tracing::debug!("a connection did not become a websocket in time"),
            }
        });
        let headers = [
            (header::CONNECTION, HeaderValue::from_static("Upgrade")),
            (header::UPGRADE, HeaderValue::from_static("websocket")),
            (header::SEC_WEBSOCKET_ACCEPT, accept),
        ];
        (StatusCode::SWITCHING_PROTOCOLS, headers).into_response()
    }
}

/// Whether a list of words has this one.
fn says(headers: &HeaderMap, name: HeaderName, wanted: &str) -> bool {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|token| token.trim().eq_ignore_ascii_case(wanted))
}

/// The value of a header that must come once.
fn only(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then(|| value.trim())
}

/// The answer to a websocket's key (RFC 6455 §4.2.2). `None` for one that is not 16 bytes.
fn accept_key(key: &str) -> Option<HeaderValue> {
    if KEY.decode(key).ok()?.len() != 16 {
        return None;
    }
    let mut hash = Sha1::new();
    hash.update(key.as_bytes());
    hash.update(b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    HeaderValue::try_from(STANDARD.encode(hash.finalize())).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_answered_as_the_standard_says() {
        // The example of RFC 6455 §1.3.
        assert_eq!(accept_key("dGhlIHNhbXBsZSBub25jZQ==").unwrap(), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn a_key_is_sixteen_bytes() {
        for key in ["", "AAAA", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25jZTE=", "dGhlIHNhbXBsZSBub25j!Q=="] {
            assert!(accept_key(key).is_none(), "{key}");
        }
    }
}
