//! Engine.IO over HTTP polling, and the change to a websocket.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::task::Poll;

use axum::body::{Body, to_bytes};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use http_body_util::LengthLimitError;
use jobapp_http::BodyTooSlow;
use socketioxide_core::{Sid, Str};
use tokio::io::AsyncWriteExt;
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, sleep_until, timeout};
use tungstenite::Message;
use tungstenite::protocol::WebSocketContext;

use crate::conn::{Admission, Conn};
use crate::door::{Refused, UPGRADE};
use crate::outbox::{Carrier, End, Outbox};
use crate::server::{Opened, Server};
use crate::websocket::{self, Transport};
use crate::wire::{Bridge, Duplex};

/// What stands between the packets of a payload.
const SEPARATOR: char = '\u{1e}';
/// How many packets a client may send with one request. The library sends what its user emitted meanwhile.
const PACKETS: usize = 1_000;
/// Nothing: it only ends a request.
const NOOP: &str = "6";
/// The connection ends.
const CLOSE: &str = "1";
/// The answer to a probe, as a text frame of a websocket.
const PROBED: &[u8] = b"\x81\x063probe";

/// Ends when a polling request's answer has been written, or never will be.
pub(crate) type Turn = oneshot::Receiver<()>;

/// How a polling connection stands between its requests.
#[derive(Debug)]
pub(crate) struct Polling {
    /// The request that waits for something to be sent.
    waiting: Option<oneshot::Sender<Answer>>,
    /// A ping is due.
    ping: bool,
    /// A pong came.
    ponged: bool,
    /// It changes to a websocket: requests are sent away, and what is to be sent waits for the websocket.
    changing: bool,
    keeper: Arc<Notify>,
    handed_over: Option<oneshot::Sender<WebSocketContext>>,
    /// The largest payload, in bytes.
    largest: usize,
}

/// The payload a waiting request is answered with. When it is dropped, it has been written.
#[derive(Debug)]
pub(crate) struct Answer {
    payload: String,
    _turn: oneshot::Sender<()>,
}

impl AsRef<[u8]> for Answer {
    fn as_ref(&self) -> &[u8] {
        self.payload.as_bytes()
    }
}

/// What a request for what there is to send gets.
#[derive(Debug)]
pub(crate) enum Asked {
    /// A payload.
    Now(String),
    /// One later.
    Later(oneshot::Receiver<Answer>),
    /// Another request waits already.
    Twice,
    /// The connection is carried by something else, or over.
    Elsewhere,
}

impl Polling {
    fn new(largest: usize, handed_over: oneshot::Sender<WebSocketContext>) -> Self {
        Self {
            waiting: None,
            ping: false,
            ponged: false,
            changing: false,
            keeper: Arc::default(),
            handed_over: Some(handed_over),
            largest,
        }
    }

    pub(crate) fn wake_keeper(&self) {
        self.keeper.notify_one();
    }

    /// Whether a request waits.
    pub(crate) fn waits(&self) -> bool {
        self.waiting.as_ref().is_some_and(|waiting| !waiting.is_closed())
    }

    /// Answers the request that waits, if there is one and something to say. What is answered is over with the turn.
    pub(crate) fn answer(&mut self, packets: &mut VecDeque<Str>, end: End) -> Option<Turn> {
        // A client that hung up takes nothing; what waits stays for its next request.
        let waiting = self.waiting.take_if(|waiting| !waiting.is_closed())?;
        match self.payload(packets, end) {
            Some(payload) => send(waiting, payload),
            None => {
                self.waiting = Some(waiting);
                None
            }
        }
    }

    pub(crate) fn ask(&mut self, packets: &mut VecDeque<Str>, end: End) -> Asked {
        if self.changing && end == End::Open {
            return Asked::Now(NOOP.to_owned());
        }
        if self.waits() {
            return Asked::Twice;
        }
        if let Some(payload) = self.payload(packets, end) {
            return Asked::Now(payload);
        }
        let (sender, receiver) = oneshot::channel();
        self.waiting = Some(sender);
        Asked::Later(receiver)
    }

    /// What there is to send, if anything. At least one packet, and no more than fit.
    fn payload(&mut self, packets: &mut VecDeque<Str>, end: End) -> Option<String> {
        let mut payload = String::new();
        if std::mem::take(&mut self.ping) {
            payload.push('2');
        }
        while let Some(packet) = packets.front() {
            if !payload.is_empty() {
                if payload.len() + 2 + packet.len() > self.largest {
                    break;
                }
                payload.push(SEPARATOR);
            }
            payload.push('4');
            payload.push_str(packet);
            packets.pop_front();
        }
        if packets.is_empty() {
            packets.shrink_to(2);
        }
        if end != End::Open {
            if !payload.is_empty() {
                payload.push(SEPARATOR);
            }
            payload.push_str(CLOSE);
        }
        (!payload.is_empty()).then_some(payload)
    }

    /// Sends requests away until the connection is carried by a websocket. Whether that was not under way already.
    fn begin_change(&mut self) -> bool {
        if std::mem::replace(&mut self.changing, true) {
            return false;
        }
        if let Some(waiting) = self.waiting.take() {
            drop(send(waiting, NOOP.to_owned()));
        }
        true
    }

    /// Gives a websocket to the task that keeps the connection. Whether it is still there.
    pub(crate) fn hand_over(&mut self, frames: WebSocketContext) -> bool {
        self.handed_over.take().is_some_and(|keeper| keeper.send(frames).is_ok())
    }
}

fn send(waiting: oneshot::Sender<Answer>, payload: String) -> Option<Turn> {
    let (sender, turn) = oneshot::channel();
    // If the client hangs up in this very moment it loses what it loses with any cut, and can catch up on it.
    waiting.send(Answer { payload, _turn: sender }).ok().map(|()| turn)
}

/// Opens a connection.
pub(crate) fn open(server: &Arc<Server>, admission: Admission) -> Response {
    let sid = Sid::new();
    let (sender, handed_over) = oneshot::channel();
    let polling = Polling::new(server.config.payload, sender);
    let keeper = polling.keeper.clone();
    let conn = Conn::new(admission, Outbox::new(Carrier::Polling(Box::new(polling))));
    let opened = Opened::new(server.clone(), conn, Some(sid));
    tokio::spawn(keep(opened, keeper, handed_over));
    answer(format!("0{}", websocket::open_packet(&server.config, sid, &["websocket"])))
}

/// Asks now and then whether the client is still there, until it is not, or a websocket carries the connection.
async fn keep(opened: Opened, wake: Arc<Notify>, mut handed_over: oneshot::Receiver<WebSocketContext>) {
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
                opened.conn.outbox().polling(|polling| polling.ping = true);
                opened.conn.outbox().answer();
                continue;
            }
        }
        if opened.conn.outbox().end() != End::Open {
            return;
        }
        let ponged = opened.conn.outbox().polling(|polling| std::mem::take(&mut polling.ponged));
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
                conn.outbox().polling(|polling| {
                    polling.ponged = true;
                    polling.wake_keeper();
                });
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

/// Changes a connection to a websocket, if the client goes through with it; until then it goes on as it was.
pub(crate) async fn change(conn: Arc<Conn>, stream: Box<dyn Duplex>, frames: WebSocketContext) {
    if timeout(UPGRADE, probe(&conn, stream, frames)).await.is_err() {
        tracing::debug!(number = conn.number(), "a connection did not change to a websocket in time");
    }
}

async fn probe(conn: &Conn, mut stream: Box<dyn Duplex>, mut frames: WebSocketContext) {
    if !hears(&mut *stream, &mut frames, "2probe").await {
        return;
    }
    let Some(changing) = Changing::begin(conn.outbox()) else { return };
    if stream.write_all(PROBED).await.is_ok() && hears(&mut *stream, &mut frames, "5").await {
        changing.done(stream, frames);
    }
}

/// A change that is under way as long as this lives.
struct Changing<'c>(&'c Outbox);

impl<'c> Changing<'c> {
    fn begin(outbox: &'c Outbox) -> Option<Self> {
        outbox.polling(Polling::begin_change).unwrap_or_default().then(|| Self(outbox))
    }

    fn done(self, stream: Box<dyn Duplex>, frames: WebSocketContext) {
        self.0.change(stream, frames);
    }
}

impl Drop for Changing<'_> {
    fn drop(&mut self) {
        self.0.polling(|polling| polling.changing = false);
    }
}

/// Whether the next message of a websocket is this one.
async fn hears(stream: &mut dyn Duplex, frames: &mut WebSocketContext, wanted: &str) -> bool {
    let mut answers = Vec::new();
    poll_fn(|cx| {
        let mut stream = Bridge { stream: &mut *stream, answers: &mut answers, cx };
        match frames.read(&mut stream) {
            Err(tungstenite::Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => Poll::Pending,
            heard => Poll::Ready(matches!(heard, Ok(Message::Text(text)) if text == wanted)),
        }
    })
    .await
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

#[cfg(test)]
mod tests {
    use super::*;

    fn polling() -> (Outbox, oneshot::Receiver<WebSocketContext>) {
        let (sender, receiver) = oneshot::channel();
        (Outbox::new(Carrier::Polling(Box::new(Polling::new(20, sender)))), receiver)
    }

    fn now(asked: Asked) -> String {
        match asked {
            Asked::Now(payload) => payload,
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn a_turn_is_over_when_the_answer_has_been_written() {
        let (outbox, _keeper) = polling();
        let Asked::Later(later) = outbox.ask() else { panic!("nothing is there yet") };
        let mut turn = outbox.deliver(Str::from("2[1]")).unwrap().unwrap();
        let answer = Bytes::from_owner(later.await.unwrap());
        assert_eq!(answer, "42[1]");
        assert_eq!(turn.try_recv(), Err(oneshot::error::TryRecvError::Empty));
        drop(answer);
        assert_eq!(turn.try_recv(), Err(oneshot::error::TryRecvError::Closed));
    }

    #[test]
    fn without_a_request_packets_wait_and_go_together_as_far_as_they_fit() {
        let (outbox, _keeper) = polling();
        for packet in ["2[1]", "2[2]", "2[3]", "2[\"much more than fits\"]"] {
            assert!(outbox.deliver(Str::from(packet)).unwrap().is_none());
        }
        assert_eq!(now(outbox.ask()), "42[1]\u{1e}42[2]\u{1e}42[3]");
        assert_eq!(now(outbox.ask()), "42[\"much more than fits\"]");
        let Asked::Later(gone) = outbox.ask() else { panic!("nothing is left") };
        assert!(matches!(outbox.ask(), Asked::Twice));
        // A client that hung up takes nothing along.
        drop(gone);
        outbox.put(Str::from("2[4]")).unwrap();
        assert_eq!(now(outbox.ask()), "42[4]");
    }

    #[tokio::test]
    async fn a_closed_connection_says_so_to_the_request_that_waits_and_to_later_ones() {
        let (outbox, _keeper) = polling();
        let Asked::Later(later) = outbox.ask() else { panic!("nothing is there yet") };
        outbox.close();
        assert_eq!(later.await.unwrap().payload, "1");
        assert_eq!(now(outbox.ask()), "1");
        outbox.closed();
        assert!(matches!(outbox.ask(), Asked::Elsewhere));
    }

    #[tokio::test]
    async fn while_it_changes_requests_are_sent_away_and_afterwards_they_go_on() {
        let (outbox, _keeper) = polling();
        let Asked::Later(later) = outbox.ask() else { panic!("nothing is there yet") };
        let changing = Changing::begin(&outbox).unwrap();
        assert!(Changing::begin(&outbox).is_none());
        assert_eq!(later.await.unwrap().payload, NOOP);
        outbox.put(Str::from("2[1]")).unwrap();
        assert_eq!(now(outbox.ask()), NOOP);
        drop(changing);
        assert_eq!(now(outbox.ask()), "42[1]");
    }
}
