//! The HTTP side: who may connect, as whom, and with what of the request.
//!
//! A request's headers, address and extensions share memory with the buffer it was read into. The engine keeps them as
//! long as the socket lives, so it gets copies of the little it needs.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{self, HeaderName};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use jobapp_http::ApiError;
use sha1::{Digest, Sha1};
use tokio::time::Instant;

use crate::Realtime;
use crate::conn::{Admission, Conn, Ticket};
use crate::seats::Full;
use crate::websocket::Transport;

/// Where the client connects.
pub(crate) const PATH: &str = "/socket.io/";

/// How long a client may take to switch protocols.
const UPGRADE: Duration = Duration::from_secs(10);

/// What the engine reads of a request.
const NEEDED: [HeaderName; 6] = [
    header::CONNECTION,
    header::UPGRADE,
    header::SEC_WEBSOCKET_KEY,
    header::SEC_WEBSOCKET_VERSION,
    header::CONTENT_TYPE,
    header::CONTENT_LENGTH,
];

/// Answers everything below [`PATH`].
pub(crate) async fn answer(State(realtime): State<Realtime>, request: Request) -> Response {
    match admit(&realtime, request).await {
        Ok(response) => response,
        Err(error) => error.into_response(),
    }
}

async fn admit(realtime: &Realtime, request: Request) -> Result<Response, ApiError> {
    let server = &realtime.server;
    if let Some(origin) = request.headers().get(header::ORIGIN)
        && !origin.to_str().is_ok_and(|origin| (server.config.allow_origin)(origin))
    {
        return Err(ApiError::forbidden("Not allowed by CORS").at("Realtime: origin check"));
    }
    let query = Query::read(request.uri().query().unwrap_or_default());
    if query.resumes_transport {
        return Ok(realtime.engine(slim(request, None)).await);
    }
    if request.method() != Method::GET {
        return Err(ApiError::bad_request("Bad handshake method").at("Realtime: handshake"));
    }
    if server.is_draining() {
        return Err(ApiError::unavailable("This server is stopping. Please connect again.", 1).at("Realtime: drain"));
    }
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
    let admission = Arc::new(Admission { number, identity, asked, _seat: seat });
    if query.plain_websocket && wants_websocket(request.headers()) {
        return websocket(realtime, request, admission);
    }
    Ok(realtime.engine(slim(request, Some(Ticket(admission)))).await)
}

/// What of a query decides who handles the request.
#[derive(Debug, Default, PartialEq, Eq)]
struct Query {
    /// It belongs to a connection that exists.
    resumes_transport: bool,
    /// It opens a websocket, in the protocol we speak.
    plain_websocket: bool,
}

impl Query {
    fn read(query: &str) -> Self {
        let has = |wanted: &str| query.split('&').any(|pair| pair == wanted);
        Self {
            resumes_transport: query.split('&').any(|pair| pair.starts_with("sid=")),
            plain_websocket: has("EIO=4") && has("transport=websocket"),
        }
    }
}

fn wants_websocket(headers: &HeaderMap) -> bool {
    let says = |name: HeaderName, wanted: &str| {
        headers
            .get_all(name)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .any(|token| token.trim().eq_ignore_ascii_case(wanted))
    };
    says(header::UPGRADE, "websocket")
        && says(header::CONNECTION, "upgrade")
        && says(header::SEC_WEBSOCKET_VERSION, "13")
        && headers.contains_key(header::SEC_WEBSOCKET_KEY)
}

/// A websocket from the start. Nothing of the request stays.
fn websocket(realtime: &Realtime, mut request: Request, admission: Arc<Admission>) -> Result<Response, ApiError> {
    let bad = || ApiError::bad_request("Bad websocket handshake").at("Realtime: handshake");
    let key = request.headers().get(header::SEC_WEBSOCKET_KEY).ok_or_else(bad)?;
    let accept = accept_key(key);
    let upgrade = request.extensions_mut().remove::<OnUpgrade>().ok_or_else(bad)?;
    let server = realtime.server.clone();
    tokio::spawn(async move {
        match tokio::time::timeout(UPGRADE, upgrade).await {
            // A task of its own: this one is larger.
            Ok(Ok(upgraded)) => {
                tokio::spawn(Transport::new(TokioIo::new(upgraded), server, Conn::websocket(admission)));
            }
            Ok(Err(error)) => tracing::debug!(%error, "a connection could not become a websocket"),
            Err(_) => tracing::debug!("a connection did not become a websocket in time"),
        }
    });
    let mut response = StatusCode::SWITCHING_PROTOCOLS.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept.ok_or_else(bad)?);
    Ok(response)
}

/// The answer to a websocket's key (RFC 6455 §4.2.2).
fn accept_key(key: &HeaderValue) -> Option<HeaderValue> {
    let mut hash = Sha1::new();
    hash.update(key.as_bytes());
    hash.update(b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    HeaderValue::try_from(STANDARD.encode(hash.finalize())).ok()
}

/// The same request with copies of what the engine needs, and nothing else.
fn slim(request: Request, ticket: Option<Ticket>) -> http::Request<Body> {
    let (mut parts, body) = request.into_parts();
    let mut slim = http::Request::new(body);
    *slim.method_mut() = parts.method;
    let query = parts.uri.query().unwrap_or_default();
    // An address without its query is refused by the engine, which is what a broken one deserves.
    *slim.uri_mut() = Uri::try_from(format!("{PATH}?{query}")).unwrap_or_else(|_| Uri::from_static(PATH));
    for name in NEEDED {
        if let Some(value) = parts.headers.get(&name).map(copied) {
            slim.headers_mut().insert(name, value);
        }
    }
    if let Some(upgrade) = parts.extensions.remove::<OnUpgrade>() {
        slim.extensions_mut().insert(upgrade);
    }
    if let Some(ticket) = ticket {
        slim.extensions_mut().insert(ticket);
    }
    slim
}

fn copied(value: &HeaderValue) -> HeaderValue {
    HeaderValue::from_maybe_shared(Bytes::copy_from_slice(value.as_bytes())).unwrap_or_else(|_| value.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_says_whether_a_connection_begins() {
        let begins = Query::read("EIO=4&transport=websocket");
        assert_eq!(begins, Query { resumes_transport: false, plain_websocket: true });
        assert!(Query::read("EIO=4&transport=polling&t=x&sid=abc").resumes_transport);
        assert_eq!(Query::read("EIO=3&transport=websocket"), Query::default());
        assert_eq!(Query::read(""), Query::default());
    }

    #[test]
    fn the_key_is_answered_as_the_standard_says() {
        // The example of RFC 6455 §1.3.
        let answer = accept_key(&HeaderValue::from_static("dGhlIHNhbXBsZSBub25jZQ==")).unwrap();
        assert_eq!(answer, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn the_engine_gets_copies_of_what_it_needs_and_nothing_else() {
        let read = Bytes::from_static(b"websocket");
        let request = http::Request::builder()
            .uri("http://localhost/socket.io/?EIO=4&transport=websocket&sid=1")
            .header(header::UPGRADE, HeaderValue::from_maybe_shared(read.clone()).unwrap())
            .header(header::COOKIE, "session=secret")
            .header(header::USER_AGENT, "browser")
            .extension("something")
            .body(Body::empty())
            .unwrap();
        let slim = slim(request, None);
        assert_eq!(slim.uri(), "/socket.io/?EIO=4&transport=websocket&sid=1");
        assert_eq!(slim.headers().len(), 1);
        assert_ne!(slim.headers()[header::UPGRADE].as_bytes().as_ptr(), read.as_ptr());
        assert!(slim.extensions().is_empty());
    }
}
