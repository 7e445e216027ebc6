//! The HTTP side: who may connect, as whom, and who goes on with a connection that exists.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::header;
use http::{HeaderMap, Method, StatusCode};
use jobapp_http::{ApiError, Arrival};
use socketioxide_core::Sid;
use tokio::time::Instant;

use super::query::{Carried, Query};
use super::refused::Refused;
use super::upgrade::Upgrade;
use super::websocket::{Transport, open_frame};
use super::{change, polling};
use crate::engine::conn::{Admission, Conn};
use crate::engine::frames::Frames;
use crate::engine::outbox::{Carrier, Outbox};
use crate::engine::seats::Full;
use crate::engine::wire::Wire;
use crate::server::{Opened, Server};

/// Where the client connects.
pub(crate) const PATH: &str = "/socket.io/";

/// Answers everything below [`PATH`].
pub(crate) async fn answer(server: Arc<Server>, request: Request) -> Response {
    match admit(&server, request).await {
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
        Carried::Polling => None,
        Carried::Websocket if request.method() != Method::GET => return Err(Refused::BAD_METHOD),
        Carried::Websocket => Some(Upgrade::read(&mut request)?),
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
        let frames = Frames::new(server.config.payload);
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
        let frames = Frames::new(server.config.payload);
        return Ok(upgrade.answer(move |stream| drop(tokio::spawn(change::change(conn, stream, frames)))));
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
