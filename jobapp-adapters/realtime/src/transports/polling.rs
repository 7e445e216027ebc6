//! Engine.IO over HTTP polling.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use http_body_util::LengthLimitError;
use jobapp_http::BodyTooSlow;
use socketioxide_core::Sid;
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, sleep_until, timeout};

use super::refused::Refused;
use super::websocket::{Transport, open_packet};
use crate::engine::End;
use crate::engine::conn::{Admission, Conn};
use crate::engine::frames::Frames;
use crate::engine::outbox::{Carrier, Outbox};
use crate::engine::polling::{Asked, CLOSE, Polling, SEPARATOR};
use crate::server::{Opened, Server};

/// How many packets a client may send with one request. The library sends what its user emitted meanwhile.
const PACKETS: usize = 1_000;
/// Opens a connection.
pub(crate) fn open(server: &Arc<Server>, admission: Admission) -> Response {
    let sid = Sid::new();
    let (sender, handed_over) = oneshot::channel();
    let polling = Polling::new(server.config.payload, sender);
    let keeper = polling.keeper();
    let conn = Conn::new(admission, Outbox::new(Carrier::Polling(Box::new(polling))));
    let opened = Opened::new(server.clone(), conn, Some(sid));
    tokio::spawn(keep(opened, keeper, handed_over));
    answer(format!("0{}", open_packet(&server.config, sid, &["websocket"])))
}

/// Asks now and then whether the client is still there, until it is not, or a websocket carries the connection.
async fn keep(opened: Opened, wake: Arc<Notify>, mut handed_over: oneshot::Receiver<Frames>) {
    let (interval, patience) = (opened.server.config.ping_interval, opened.server.config.ping_timeout);
    let mut pinged = false;
    let mut due = Instant::now() + interval;
    loop {
        tokio::select! {
            biased;
            frames = &mut handed_over => {
                if let Ok(frames) = frames {
                    tokio::spawn(Transport::new(opened, frames));
                }
                return;
            }
            () = wake.notified() => {}
            () = sleep_until(due) => {
                if pinged {
                    tracing::debug!(number = opened.conn.number(), "a client is gone");
                    return;
                }
                pinged = true;
                due = Instant::now() + patience;
                opened.conn.outbox().polling(Polling::ping);
                opened.conn.outbox().answer();
                continue;
            }
        }
        if opened.conn.outbox().end() != End::Open {
            return;
        }
        let ponged = opened.conn.outbox().polling(Polling::take_pong);
        if ponged == Some(true) && pinged {
            pinged = false;
            due = Instant::now() + interval;
        }
    }
}

/// Answers a request for what there is to send, as soon as there is something.
pub(crate) async fn get(conn: &Conn) -> Result<Response, Refused> {
    match conn.outbox().ask() {
        Asked::Now(payload) => Ok(answer(payload)),
        Asked::Later(later) => Ok(match later.await {
            Ok(later) => answer_with(Bytes::from_owner(later)),
            Err(_) => answer(CLOSE.to_owned()),
        }),
        Asked::Twice => {
            // As in the reference: two at once are a client gone wrong, or two.
            conn.hang_up();
            Err(Refused::BAD_REQUEST)
        }
        Asked::Elsewhere => Err(Refused::BAD_REQUEST),
    }
}

/// Takes the packets a client sends.
pub(crate) async fn post(server: &Server, conn: &Arc<Conn>, body: Body) -> Result<Response, Refused> {
    if conn.outbox().polling(|_| ()).is_none() {
        return Err(Refused::BAD_REQUEST);
    }
    let taken = take(server, conn, body).await;
    if taken.is_err() {
        conn.hang_up();
    }
    taken.map(|()| answer("ok".to_owned()))
}

async fn take(server: &Server, conn: &Arc<Conn>, body: Body) -> Result<(), Refused> {
    // Longer than that the connection would not live either.
    let patience = server.config.ping_interval + server.config.ping_timeout;
    let body = match timeout(patience, to_bytes(body, server.config.payload)).await {
        Ok(Ok(body)) => body,
        Ok(Err(error)) => return Err(unread(&error)),
        Err(_) => return Err(Refused::TOO_SLOW),
    };
    let text = std::str::from_utf8(&body).map_err(|_| Refused::BAD_REQUEST)?;
    for (count, packet) in text.split(SEPARATOR).enumerate() {
        if count >= PACKETS || conn.outbox().end() != End::Open {
            return Err(Refused::BAD_REQUEST);
        }
        match packet.as_bytes().first() {
            Some(b'4') => server.text(conn, &packet[1..]),
            Some(b'3') => {
                conn.outbox().polling(Polling::pong);
            }
            // Binary data means nothing here.
            Some(b'b') => {}
            Some(b'1') => {
                conn.hang_up();
                return Ok(());
            }
            _ => return Err(Refused::BAD_REQUEST),
        }
    }
    Ok(())
}

fn unread(error: &axum::Error) -> Refused {
    let mut cause = Some(error as &(dyn std::error::Error + 'static));
    while let Some(error) = cause {
        if error.is::<LengthLimitError>() {
            return Refused::TOO_LARGE;
        }
        if error.is::<BodyTooSlow>() {
            return Refused::TOO_SLOW;
        }
        cause = error.source();
    }
    tracing::debug!(%error, "what a client sent could not be read");
    Refused::BAD_REQUEST
}

fn answer(payload: String) -> Response {
    answer_with(Bytes::from(payload))
}

fn answer_with(payload: Bytes) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=UTF-8")),
        (header::CACHE_CONTROL, HeaderValue::from_static("private, no-store")),
    ];
    (StatusCode::OK, headers, Body::from(payload)).into_response()
}
