//! Engine.IO over a websocket, from the start as the existing client connects, or after polling.
//!
//! A connection is one task. It reads, asks now and then whether the client is still there, and writes what the stream did
//! not take at once ([`crate::engine::outbox`]). Packets are shared by all who get them and written from where they are.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use socketioxide_core::{Sid, Str};
use tokio::time::{Instant, Sleep, sleep};
use tungstenite::Message;

use crate::config::RealtimeConfig;
use crate::engine::End;
use crate::engine::frames::Frames;
use crate::engine::outbox::Carrier;
use crate::engine::wire::{Bridge, Chunk, Over};
use crate::server::Opened;

/// How many messages are read before others get a turn.
const TURN: usize = 32;
/// How long a closing connection may take to say goodbye.
const GOODBYE: Duration = Duration::from_secs(2);
/// How many bytes of answers to frames may wait. A client that does not take them is not read from.
const ANSWERS: usize = 4096;

/// A close frame: normal closure.
const CLOSE: &[u8] = &[0x88, 0x02, 0x03, 0xe8];
/// A text frame with Engine.IO's ping.
const PING: &[u8] = &[0x81, 0x01, b'2'];

/// What a connection begins with.
pub(crate) fn open_packet(config: &RealtimeConfig, sid: Sid, upgrades: &[&str]) -> Value {
    json!({
        "sid": sid.as_str(),
        "upgrades": upgrades,
        "pingInterval": milliseconds(config.ping_interval),
        "pingTimeout": milliseconds(config.ping_timeout),
        "maxPayload": config.payload,
    })
}

/// The same as a frame of a websocket, which nothing can take over.
pub(crate) fn open_frame(config: &RealtimeConfig) -> Chunk {
    Chunk::text(b'0', Str::from(open_packet(config, Sid::new(), &[]).to_string()))
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The task of one connection.
pub(crate) struct Transport {
    frames: Frames,
    /// Frames that answer frames.
    answers: Vec<u8>,
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

impl Transport {
    /// The task of a connection that is carried by a websocket.
    pub(crate) fn new(opened: Opened, frames: Frames) -> Self {
        let heart = Box::pin(sleep(opened.server.config.ping_interval));
        Self { frames, answers: Vec::new(), heart, stage: Stage::Resting, opened }
    }

    fn poll_heart(&mut self, cx: &mut Context<'_>) -> Result<(), Over> {
        if matches!(self.stage, Stage::Resting | Stage::Pinged) && self.opened.conn.outbox().end() != End::Open {
            self.closing();
        }
        while self.heart.as_mut().poll(cx).is_ready() {
            let config = &self.opened.server.config;
            let stuck = self.stuck().is_some_and(|since| since.elapsed() >= config.write_timeout);
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

    fn stuck(&self) -> Option<Instant> {
        match &self.opened.conn.outbox().lock().carrier {
            Carrier::Websocket(wire) => wire.stuck(),
            Carrier::Polling(_) | Carrier::Nothing => None,
        }
    }

    fn closing(&mut self) {
        self.stage = Stage::Closing;
        self.heart.as_mut().reset(Instant::now() + GOODBYE);
    }

    /// Whether all was read that there is. `false` as long as the client does not take the answers to what it sends.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Result<bool, Over> {
        for _ in 0..TURN {
            if self.answers.len() > ANSWERS {
                return Ok(false);
            }
            match self.next_message(cx)? {
                Ok(Message::Text(text)) => self.packet(&text)?,
                // Binary data means nothing here; pings and close frames are answered by themselves.
                Ok(_) => {}
                Err(tungstenite::Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => return Ok(true),
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
        Ok(true)
    }

    /// The next message. What it means is nobody's business who holds the lock.
    fn next_message(&mut self, cx: &mut Context<'_>) -> Result<Result<Message, tungstenite::Error>, Over> {
        let mut line = self.opened.conn.outbox().lock();
        let Carrier::Websocket(wire) = &mut line.carrier else { return Err(Over) };
        Ok(self.frames.read(&mut Bridge { stream: wire.stream(), answers: &mut self.answers, cx }))
    }

    /// An Engine.IO packet.
    fn packet(&mut self, packet: &str) -> Result<(), Over> {
        let Opened { server, conn, .. } = &self.opened;
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
        let mut line = self.opened.conn.outbox().lock();
        loop {
            let Carrier::Websocket(wire) = &mut line.carrier else { return Err(Over) };
            match wire.poll_write(cx) {
                Poll::Ready(written) => written?,
                Poll::Pending => return Ok(()),
            }
            let chunk = if self.stage == Stage::Closed {
                // Nothing may follow a close frame.
                self.answers.clear();
                None
            } else if !self.answers.is_empty() {
                Some(Chunk::ready(std::mem::take(&mut self.answers).into()))
            } else {
                match line.next() {
                    Ok(packet) => Some(Chunk::packet(packet)),
                    Err(End::Open) => None,
                    Err(End::Closing | End::Closed) => {
                        if self.stage != Stage::Closing {
                            self.heart.as_mut().reset(Instant::now() + GOODBYE);
                        }
                        self.stage = Stage::Closed;
                        Some(Chunk::ready(Bytes::from_static(CLOSE)))
                    }
                }
            };
            let Carrier::Websocket(wire) = &mut line.carrier else { return Err(Over) };
            match chunk {
                Some(chunk) => wire.begin(chunk),
                None => break,
            }
        }
        let Carrier::Websocket(wire) = &mut line.carrier else { return Err(Over) };
        match wire.poll_flush(cx) {
            // The client answers the close frame and ends the stream, or its time runs out.
            Poll::Ready(Ok(())) if self.stage == Stage::Closed => match wire.poll_shutdown(cx) {
                Poll::Ready(shut) => shut,
                Poll::Pending => Ok(()),
            },
            Poll::Ready(flushed) => flushed,
            Poll::Pending => Ok(()),
        }
    }

    fn turn(&mut self, cx: &mut Context<'_>) -> Result<(), Over> {
        self.opened.conn.outbox().task.register(cx.waker());
        self.poll_heart(cx)?;
        let read = self.poll_read(cx)?;
        self.poll_write(cx)?;
        if !read && self.answers.len() <= ANSWERS {
            // The client took them: there may be more to read, of which nobody else would tell.
            cx.waker().wake_by_ref();
        }
        // Closing may have set the timer again: it must know whom to wake.
        self.poll_heart(cx)
    }
}

impl Future for Transport {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        match self.turn(cx) {
            Ok(()) => Poll::Pending,
            Err(Over) => Poll::Ready(()),
        }
    }
}
