//! The HTTP side: who may connect, as whom, and who goes on with a connection that exists.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use http::header::{self, HeaderName};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Version};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use jobapp_http::{ApiError, Arrival};
use sha1::{Digest, Sha1};
use socketioxide_core::Sid;
use tokio::time::Instant;

use crate::Realtime;
use crate::conn::{Admission, Conn};
use crate::outbox::{Carrier, Outbox};
use crate::polling;
use crate::seats::Full;
use crate::server::{Opened, Server};
use crate::websocket::{Transport, frames, open_frame};
use crate::wire::{Duplex, Wire};

/// Where the client connects.
pub(crate) const PATH: &str = "/socket.io/";

/// How long a client may take to switch protocols.
pub(crate) const UPGRADE: Duration = Duration::from_secs(10);

/// Base64 as clients write it who do not care about the last bits of sixteen random bytes.
const KEY: GeneralPurpose =
    GeneralPurpose::new(&alphabet::STANDARD, GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true));

/// Why a request was refused.
#[derive(Debug)]
pub(crate) enum Refused {
    /// As the reference says it: a code and its words.
    Engine(StatusCode, u8, &'static str),
    /// In words of ours.
    Api(ApiError),
    /// The websocket is of another version.
    Version,
}

impl Refused {
    const UNKNOWN_TRANSPORT: Self = Self::Engine(StatusCode::BAD_REQUEST, 0, "Transport unknown");
    const UNKNOWN_SID: Self = Self::Engine(StatusCode::BAD_REQUEST, 1, "Session ID unknown");
    const BAD_METHOD: Self = Self::Engine(StatusCode::BAD_REQUEST, 2, "Bad handshake method");
    pub(crate) const BAD_REQUEST: Self = Self::Engine(StatusCode::BAD_REQUEST, 3, "Bad request");
    const FORBIDDEN: Self = Self::Engine(StatusCode::FORBIDDEN, 4, "Forbidden");
    const UNSUPPORTED: Self = Self::Engine(StatusCode::BAD_REQUEST, 5, "Unsupported protocol version");
    pub(crate) const TOO_LARGE: Self = Self::Engine(StatusCode::PAYLOAD_TOO_LARGE, 3, "Payload too large");
    pub(crate) const TOO_SLOW: Self = Self::Engine(StatusCode::REQUEST_TIMEOUT, 3, "Request timeout");
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

/// Answers everything below [`PATH`].
pub(crate) async fn answer(State(realtime): State<Realtime>, request: Request) -> Response {
    match admit(&realtime.server, request).await {
        Ok(response) => response,
        Err(refused) => refused.into_response(),
    }
}

async fn admit(server: &Arc<Server>, mut request: Request) -> Result<Response, Refused> {
    if let Some(origin) = request.headers().get(header::ORIGIN)
        && !origin.to_str().is_ok_and(|origin| (server.config.allow_origin)(origin))
    {
        return Err(ApiError::forbidden("Not allowed by CORS").at("Realtime: origin check").into());
    }
    let Query { transport, sid } = Query::read(request.uri().query().unwrap_or_default())?;
    let upgrade = match transport {
        Transports::Polling => None,
        Transports::Websocket if request.method() != Method::GET => return Err(Refused::BAD_METHOD),
        Transports::Websocket => Some(Upgrade::read(&mut request)?),
    };
    match (sid, upgrade) {
        (Some(sid), upgrade) => go_on(server, sid, request, upgrade).await,
        (None, upgrade) if request.method() == Method::GET => begin(server, request, upgrade).await,
        (None, _) => Err(Refused::BAD_METHOD),
    }
}

/// A new connection.
async fn begin(server: &Arc<Server>, request: Request, upgrade: Option<Upgrade>) -> Result<Response, Refused> {
    if server.is_draining() {
        let error = ApiError::unavailable("This server is stopping. Please connect again.", 1);
        return Err(error.at("Realtime: drain").into());
    }
    let arrival = request.extensions().get().copied().unwrap_or_else(Arrival::now);
    let asked = Instant::now();
    let identity = match server.handshake.identify(request.headers()).await {
        Ok(identity) => identity,
        // Refused, the client would try again hundreds of times a second.
        Err(error) => {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "a handshake's session could not be looked up: the socket is anonymous");
            None
        }
    };
    let seat = server.seats.take(identity.as_ref().map(|identity| &identity.username)).map_err(|full| {
        tracing::debug!(%full, user = identity.as_ref().map(|identity| &*identity.username), "a connection was refused");
        match full {
            Full::User => ApiError::new(StatusCode::TOO_MANY_REQUESTS, "Too many connections.").at("Realtime: cap"),
            Full::House => ApiError::unavailable("No more connections can be held.", 5).at("Realtime: cap"),
        }
    })?;
    let number = server.connections.fetch_add(1, Ordering::Relaxed);
    let admission = Admission { number, arrival, identity, asked, _seat: seat };
    let Some(upgrade) = upgrade else { return Ok(polling::open(server, admission)) };
    let server = server.clone();
    Ok(upgrade.answer(move |stream| {
        let frames = frames(&server.config);
        let outbox = Outbox::new(Carrier::Websocket(Wire::new(stream, Some(open_frame(&server.config)))));
        let opened = Opened::new(server, Conn::new(admission, outbox), None);
        // A task of its own: this one is larger.
        tokio::spawn(Transport::new(opened, frames));
    }))
}

/// A request that belongs to a connection.
async fn go_on(
    server: &Arc<Server>,
    sid: Sid,
    request: Request,
    upgrade: Option<Upgrade>,
) -> Result<Response, Refused> {
    let conn = server.polling.lock().get(&sid).cloned().ok_or(Refused::UNKNOWN_SID)?;
    is_theirs(server, &conn, request.headers()).await?;
    if let Some(upgrade) = upgrade {
        if conn.outbox().polling(|_| ()).is_none() {
            return Err(Refused::BAD_REQUEST);
        }
        let frames = frames(&server.config);
        return Ok(upgrade.answer(move |stream| drop(tokio::spawn(polling::change(conn, stream, frames)))));
    }
    match *request.method() {
        Method::GET => polling::get(&conn).await,
        Method::POST => polling::post(server, &conn, request.into_body()).await,
        _ => Err(Refused::BAD_METHOD),
    }
}

/// Whether a request comes from the session its connection was opened in: the id of a connection is no key.
///
/// The access token may have been renewed or have expired meanwhile. After the session's end the connection hears nothing,
/// and the browser has no cookie any more: such requests go on, so that a client that signed out is left in peace, as it is
/// over a websocket. A connection without a session is nobody's, and so must its requests be: who signs in is refused on
/// it once, connects again and is somebody.
async fn is_theirs(server: &Server, conn: &Conn, headers: &HeaderMap) -> Result<(), Refused> {
    let (named, owner) = (server.handshake.named(headers), conn.owner());
    if named.as_ref() != owner && !(named.is_none() && conn.is_demoted()) {
        tracing::debug!(number = conn.number(), "a request shows the id of a connection of another session");
        return Err(Refused::FORBIDDEN);
    }
    if let Some(owner) = owner
        && !conn.is_demoted()
        && !server.handshake.alive(owner).await
    {
        // The news of its end is still on its way.
        server.uncount(&server.hub.demote_session_of(&owner.username, &owner.sid));
    }
    Ok(())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Transports {
    Polling,
    Websocket,
}

/// What of a query decides who handles the request.
#[derive(Debug, PartialEq, Eq)]
struct Query {
    transport: Transports,
    /// The connection it belongs to.
    sid: Option<Sid>,
}

impl Query {
    fn read(query: &str) -> Result<Self, Refused> {
        let (mut version, mut transport, mut sid) = (None, None, None);
        for pair in query.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let place = match name {
                "EIO" => &mut version,
                "transport" => &mut transport,
                "sid" => &mut sid,
                _ => continue,
            };
            // Two would let two readers see two things.
            if place.replace(value).is_some() {
                return Err(Refused::BAD_REQUEST);
            }
        }
        let transport = match transport {
            Some("polling") => Transports::Polling,
            Some("websocket") => Transports::Websocket,
            _ => return Err(Refused::UNKNOWN_TRANSPORT),
        };
        if version != Some("4") {
            return Err(Refused::UNSUPPORTED);
        }
        let sid = sid.map(|sid| sid.parse().map_err(|_| Refused::UNKNOWN_SID)).transpose()?;
        Ok(Self { transport, sid })
    }
}

/// A request that wants to become a websocket, in the form the standard asks for (RFC 6455 §4.2.1).
#[derive(Debug)]
struct Upgrade {
    upgrade: OnUpgrade,
    accept: HeaderValue,
}

impl Upgrade {
    fn read(request: &mut Request) -> Result<Self, Refused> {
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
    fn answer(self, and_then: impl FnOnce(Box<dyn Duplex>) + Send + 'static) -> Response {
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

    fn code(query: &str) -> u8 {
        match Query::read(query) {
            Err(Refused::Engine(_, code, _)) => code,
            other => panic!("{query}: {other:?}"),
        }
    }

    #[test]
    fn a_query_says_what_carries_a_connection_and_which() {
        let begins = Query::read("EIO=4&transport=websocket").unwrap();
        assert_eq!(begins, Query { transport: Transports::Websocket, sid: None });
        let goes_on = Query::read("EIO=4&transport=polling&t=x&sid=AAAAAAAAAAAAAAHs").unwrap();
        assert_eq!(goes_on.transport, Transports::Polling);
        assert_eq!(goes_on.sid.unwrap().as_str(), "AAAAAAAAAAAAAAHs");
    }

    #[test]
    fn a_query_that_says_nothing_clear_is_refused_with_the_reference_s_codes() {
        assert_eq!(code(""), 0);
        assert_eq!(code("EIO=4&transport=pigeon"), 0);
        assert_eq!(code("EIO=3&transport=polling"), 5);
        assert_eq!(code("transport=polling"), 5);
        for sid in ["", "short", "AAAAAAAAAAAAAAA!"] {
            assert_eq!(code(&format!("EIO=4&transport=polling&sid={sid}")), 1, "{sid}");
        }
        assert_eq!(code("EIO=4&transport=polling&sid=AAAAAAAAAAAAAAHs&sid=AAAAAAAAAAAAAAHt"), 3);
        assert_eq!(code("EIO=4&transport=polling&transport=websocket"), 3);
    }

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
