//! Engine.IO over a websocket from the start, as the existing client connects.
//!
//! The engine crate can do this too, but an idle connection costs it three tasks, a channel's worth of room and a buffer
//! as large as the largest packet it ever sent, which is the list of everybody who is online. Here it is one task;
//! packets are shared by all who get them and written from where they are.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use engineioxide::Str;
use engineioxide::socket::Sid;
use futures::task::AtomicWaker;
use parking_lot::Mutex;
use serde_json::json;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};
use tungstenite::Message;
use tungstenite::protocol::{Role, WebSocketConfig, WebSocketContext};

use crate::conn::{Conn, Overflow};
use crate::server::Server;

/// How many packets may wait for a client before it is hung up on. Must hold a whole replay.
pub(crate) const QUEUE: usize = 512;
/// The first buffer a connection reads into, in bytes. It grows with what comes; clients send little.
const READ_BUFFER: usize = 128;
/// How many messages are read before others get a turn.
const TURN: usize = 32;
/// How long a closing connection may take to say goodbye.
const GOODBYE: Duration = Duration::from_secs(2);

/// A close frame: normal closure.
const CLOSE: &[u8] = &[0x88, 0x02, 0x03, 0xe8];
/// A text frame with Engine.IO's ping.
const PING: &[u8] = &[0x81, 0x01, b'2'];

/// What waits to be sent.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    waiting: Mutex<Waiting>,
    task: AtomicWaker,
}

#[derive(Debug, Default)]
struct Waiting {
    packets: VecDeque<Str>,
    end: End,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum End {
    #[default]
    Open,
    /// After what waits.
    Closing,
    /// Nobody sends anything any more.
    Closed,
}

impl Outbox {
    pub(crate) fn put(&self, packet: Str) -> Result<(), Overflow> {
        let mut waiting = self.waiting.lock();
        if waiting.end != End::Open {
            return Ok(());
        }
        if waiting.packets.len() >= QUEUE {
            return Err(Overflow);
        }
        waiting.packets.push_back(packet);
        drop(waiting);
        self.task.wake();
        Ok(())
    }

    pub(crate) fn close(&self) {
        let mut waiting = self.waiting.lock();
        if waiting.end == End::Open {
            waiting.end = End::Closing;
        }
        drop(waiting);
        self.task.wake();
    }

    /// The next packet, or what to do without one.
    fn next(&self) -> Result<Str, End> {
        let mut waiting = self.waiting.lock();
        let next = waiting.packets.pop_front();
        if waiting.packets.is_empty() {
            // Room for one or two stays, that of a burst does not.
            waiting.packets.shrink_to(2);
        }
        next.ok_or(waiting.end)
    }

    fn end(&self) -> End {
        self.waiting.lock().end
    }

    fn closed(&self) {
        let mut waiting = self.waiting.lock();
        waiting.end = End::Closed;
        waiting.packets = VecDeque::new();
    }
}

/// A connection that is open as long as this lives.
struct Opened {
    server: Arc<Server>,
    conn: Arc<Conn>,
}

impl Drop for Opened {
    fn drop(&mut self) {
        self.outbox().closed();
        self.server.gone(&self.conn);
    }
}

impl Opened {
    fn outbox(&self) -> &Outbox {
        self.conn.outbox().expect("only websockets of ours are run here")
    }
}

/// The task of one connection.
pub(crate) struct Transport<S> {
    stream: S,
    frames: WebSocketContext,
    /// Frames that answer frames.
    answers: Vec<u8>,
    writing: Option<Chunk>,
    /// Since when the stream has taken nothing.
    stuck: Option<Instant>,
    heart: Pin<Box<Sleep>>,
    stage: Stage,
    opened: Opened,
}

/// How far a connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The timer says when to ping.
    Resting,
    /// The timer says until when the client may answer.
    Pinged,
    /// The timer says until when the rest may be sent and the close frame be answered.
    Closing,
    /// The close frame is under way or was sent.
    Closed,
}

/// A frame, or several, on its way out.
#[derive(Debug)]
struct Chunk {
    /// The frame's header and Engine.IO's packet type.
    head: [u8; 11],
    head_len: usize,
    body: Bytes,
    written: usize,
}

impl Chunk {
    /// A text frame with a Socket.IO packet.
    fn packet(packet: Str) -> Self {
        let body = Bytes::from(packet);
        let length = body.len() + 1;
        let mut head = [0; 11];
        head[0] = 0x81;
        let head_len = match u16::try_from(length) {
            Ok(short @ 0..126) => {
                head[1] = short.to_be_bytes()[1];
                2
            }
            Ok(long) => {
                head[1] = 126;
                head[2..4].copy_from_slice(&long.to_be_bytes());
                4
            }
            Err(_) => {
                head[1] = 127;
                head[2..10].copy_from_slice(&(length as u64).to_be_bytes());
                10
            }
        };
        head[head_len] = b'4';
        Self { head, head_len: head_len + 1, body, written: 0 }
    }

    /// Frames that are ready.
    fn ready(frames: Bytes) -> Self {
        Self { head: [0; 11], head_len: 0, body: frames, written: 0 }
    }

    fn rest(&self) -> [IoSlice<'_>; 2] {
        let head = &self.head[..self.head_len];
        let in_head = self.written.min(head.len());
        [IoSlice::new(&head[in_head..]), IoSlice::new(&self.body[self.written - in_head..])]
    }

    fn is_done(&self) -> bool {
        self.written == self.head_len + self.body.len()
    }
}

/// The connection is over.
struct Over;

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl<S: AsyncRead + AsyncWrite + Unpin> Transport<S> {
    /// Takes over a stream that has become a websocket.
    pub(crate) fn new(stream: S, server: Arc<Server>, conn: Arc<Conn>) -> Self {
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER)
            .write_buffer_size(0)
            .max_message_size(Some(server.config.payload))
            .max_frame_size(Some(server.config.payload));
        let open = json!({
            "sid": Sid::new().as_str(),
            "upgrades": [],
            "pingInterval": milliseconds(server.config.ping_interval),
            "pingTimeout": milliseconds(server.config.ping_timeout),
            "maxPayload": server.config.payload,
        });
        // The same frame as a packet's, of another type.
        let mut open = Chunk::packet(Str::from(open.to_string()));
        open.head[open.head_len - 1] = b'0';
        let heart = Box::pin(sleep(server.config.ping_interval));
        server.opened(&conn);
        Self {
            stream,
            frames: WebSocketContext::new(Role::Server, Some(config)),
            answers: Vec::new(),
            writing: Some(open),
            stuck: None,
            heart,
            stage: Stage::Resting,
            opened: Opened { server, conn },
        }
    }

    fn poll_heart(&mut self, cx: &mut Context<'_>) -> Result<(), Over> {
        if matches!(self.stage, Stage::Resting | Stage::Pinged) && self.opened.outbox().end() != End::Open {
            self.closing();
        }
        let config = &self.opened.server.config;
        while self.heart.as_mut().poll(cx).is_ready() {
            let stuck = self.stuck.is_some_and(|since| since.elapsed() >= config.write_timeout);
            if self.stage != Stage::Resting || stuck {
                tracing::debug!(number = self.opened.conn.number(), stage = ?self.stage, stuck, "a client is gone");
                return Err(Over);
            }
            self.answers.extend_from_slice(PING);
            self.stage = Stage::Pinged;
            self.heart.as_mut().reset(Instant::now() + config.ping_timeout);
        }
        Ok(())
    }

    fn closing(&mut self) {
        self.stage = Stage::Closing;
        self.heart.as_mut().reset(Instant::now() + GOODBYE);
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Result<(), Over> {
        for _ in 0..TURN {
            let mut stream = Bridge { stream: &mut self.stream, answers: &mut self.answers, cx };
            match self.frames.read(&mut stream) {
                Ok(Message::Text(text)) => self.packet(&text)?,
                // Binary data means nothing here; pings and close frames are answered by themselves.
                Ok(_) => {}
                Err(tungstenite::Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                // The client said goodbye: the answer to that is the last thing to send.
                Err(tungstenite::Error::ConnectionClosed) => {
                    self.poll_write(cx)?;
                    return Err(Over);
                }
                Err(error) => {
                    tracing::trace!(number = self.opened.conn.number(), %error, "a websocket ended");
                    return Err(Over);
                }
            }
        }
        cx.waker().wake_by_ref();
        Ok(())
    }

    /// An Engine.IO packet.
    fn packet(&mut self, packet: &str) -> Result<(), Over> {
        let Opened { server, conn } = &self.opened;
        match packet.as_bytes().first() {
            Some(b'4') if matches!(self.stage, Stage::Resting | Stage::Pinged) => server.text(conn, &packet[1..]),
            Some(b'3') if self.stage == Stage::Pinged => {
                self.stage = Stage::Resting;
                self.heart.as_mut().reset(Instant::now() + server.config.ping_interval);
            }
            Some(b'3' | b'4') => {}
            Some(b'1') => return Err(Over),
            _ => {
                tracing::debug!(number = conn.number(), "a client does not speak Engine.IO");
                return Err(Over);
            }
        }
        Ok(())
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Result<(), Over> {
        self.next_chunk();
        while let Some(chunk) = &mut self.writing {
            let stream = Pin::new(&mut self.stream);
            let written = if stream.is_write_vectored() {
                stream.poll_write_vectored(cx, &chunk.rest())
            } else {
                let [head, body] = chunk.rest();
                stream.poll_write(cx, if head.is_empty() { &body } else { &head })
            };
            match written {
                Poll::Ready(Ok(written @ 1..)) => {
                    self.stuck = None;
                    chunk.written += written;
                    if chunk.is_done() {
                        self.writing = None;
                        self.next_chunk();
                    }
                }
                Poll::Ready(Ok(0) | Err(_)) => return Err(Over),
                Poll::Pending => {
                    self.stuck.get_or_insert_with(Instant::now);
                    return Ok(());
                }
            }
        }
        match Pin::new(&mut self.stream).poll_flush(cx) {
            Poll::Ready(Err(_)) => Err(Over),
            // The client answers the close frame and ends the stream, or its time runs out.
            Poll::Ready(Ok(())) if self.stage == Stage::Closed => match Pin::new(&mut self.stream).poll_shutdown(cx) {
                Poll::Ready(Err(_)) => Err(Over),
                Poll::Ready(Ok(())) | Poll::Pending => Ok(()),
            },
            Poll::Ready(Ok(())) | Poll::Pending => Ok(()),
        }
    }

    /// Takes what is to be written next, if nothing is being written.
    fn next_chunk(&mut self) {
        if self.writing.is_some() {
            return;
        }
        if self.stage == Stage::Closed {
            // Nothing may follow a close frame.
            self.answers.clear();
        } else if !self.answers.is_empty() {
            self.writing = Some(Chunk::ready(std::mem::take(&mut self.answers).into()));
        } else {
            match self.opened.outbox().next() {
                Ok(packet) => self.writing = Some(Chunk::packet(packet)),
                Err(End::Open) => {}
                Err(End::Closing | End::Closed) => {
                    if self.stage != Stage::Closing {
                        self.closing();
                    }
                    self.stage = Stage::Closed;
                    self.writing = Some(Chunk::ready(Bytes::from_static(CLOSE)));
                }
            }
        }
    }

    fn turn(&mut self, cx: &mut Context<'_>) -> Result<(), Over> {
        self.opened.outbox().task.register(cx.waker());
        self.poll_heart(cx)?;
        self.poll_read(cx)?;
        self.poll_write(cx)?;
        // Closing may have set the timer again: it must know whom to wake.
        self.poll_heart(cx)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Future for Transport<S> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        match self.turn(cx) {
            Ok(()) => Poll::Pending,
            Err(Over) => Poll::Ready(()),
        }
    }
}

/// A stream as the frames' reader sees it: reading does not wait, writing goes to the answers.
struct Bridge<'t, 'c, S> {
    stream: &'t mut S,
    answers: &'t mut Vec<u8>,
    cx: &'t mut Context<'c>,
}

impl<S: AsyncRead + Unpin> io::Read for Bridge<'_, '_, S> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut buffer = ReadBuf::new(into);
        match Pin::new(&mut *self.stream).poll_read(self.cx, &mut buffer) {
            Poll::Ready(read) => read.map(|()| buffer.filled().len()),
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

impl<S> io::Write for Bridge<'_, '_, S> {
    fn write(&mut self, frames: &[u8]) -> io::Result<usize> {
        self.answers.extend_from_slice(frames);
        Ok(frames.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(chunk: &Chunk) -> Vec<u8> {
        chunk.rest().iter().flat_map(|part| part.iter().copied()).collect()
    }

    #[test]
    fn frames_say_how_long_they_are() {
        let frame = |length: usize| bytes(&Chunk::packet(Str::from("x".repeat(length - 1))));
        assert_eq!(frame(3), b"\x81\x034xx");
        assert_eq!(frame(125)[..3], [0x81, 125, b'4']);
        assert_eq!(frame(126)[..5], [0x81, 126, 0, 126, b'4']);
        assert_eq!(frame(65_535)[..5], [0x81, 126, 0xff, 0xff, b'4']);
        assert_eq!(frame(65_536)[..11], [0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0, b'4']);
        assert_eq!(frame(65_536).len(), 65_546);
    }

    #[test]
    fn a_frame_written_in_pieces_goes_on_where_it_stopped() {
        let mut chunk = Chunk::packet(Str::from("abc"));
        let whole = bytes(&chunk);
        for written in 0..=whole.len() {
            chunk.written = written;
            assert_eq!(bytes(&chunk), whole[written..]);
            assert_eq!(chunk.is_done(), written == whole.len());
        }
    }

    #[test]
    fn a_full_queue_takes_no_more_and_a_closed_one_takes_everything() {
        let outbox = Outbox::default();
        for _ in 0..QUEUE {
            assert_eq!(outbox.put(Str::from("x")), Ok(()));
        }
        assert_eq!(outbox.put(Str::from("x")), Err(Overflow));
        outbox.close();
        assert_eq!(outbox.put(Str::from("x")), Ok(()));
        let waiting = std::iter::from_fn(|| outbox.next().ok()).count();
        assert_eq!(waiting, QUEUE, "what waited is still sent");
        assert_eq!(outbox.next(), Err(End::Closing));
        assert!(outbox.waiting.lock().packets.capacity() <= 2);
    }
}
