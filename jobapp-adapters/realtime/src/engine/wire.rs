//! A websocket's stream, and what is on its way out.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use socketioxide_core::Str;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

/// What a websocket runs on.
pub(crate) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Duplex for S {}

/// The connection is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Over;

/// A websocket's stream with the frame that is being written.
pub(crate) struct Wire {
    stream: Box<dyn Duplex>,
    writing: Option<Chunk>,
    /// Since when the stream has taken nothing.
    stuck: Option<Instant>,
}

impl std::fmt::Debug for Wire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wire").field("writing", &self.writing).field("stuck", &self.stuck).finish_non_exhaustive()
    }
}

impl Wire {
    pub(crate) fn new(stream: Box<dyn Duplex>, first: Option<Chunk>) -> Self {
        Self { stream, writing: first, stuck: None }
    }

    pub(crate) fn stream(&mut self) -> &mut dyn Duplex {
        &mut *self.stream
    }

    /// Whether a frame is being written.
    pub(crate) fn is_busy(&self) -> bool {
        self.writing.is_some()
    }

    /// Since when the stream has taken nothing.
    pub(crate) fn stuck(&self) -> Option<Instant> {
        self.stuck
    }

    /// What is to be written next, once nothing is being written.
    pub(crate) fn begin(&mut self, chunk: Chunk) {
        debug_assert!(!self.is_busy(), "frames are written one after the other");
        self.writing = Some(chunk);
    }

    /// Writes the frame to its end.
    pub(crate) fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Over>> {
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
                    }
                }
                Poll::Ready(Ok(0) | Err(_)) => return Poll::Ready(Err(Over)),
                Poll::Pending => {
                    self.stuck.get_or_insert_with(Instant::now);
                    return Poll::Pending;
                }
            }
        }
        Poll::Ready(Ok(()))
    }

    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Over>> {
        Pin::new(&mut self.stream).poll_flush(cx).map_err(|_| Over)
    }

    pub(crate) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Over>> {
        Pin::new(&mut self.stream).poll_shutdown(cx).map_err(|_| Over)
    }
}

/// A frame, or several, on its way out.
#[derive(Debug)]
pub(crate) struct Chunk {
    /// The frame's header and Engine.IO's packet type.
    head: [u8; 11],
    head_len: usize,
    body: Bytes,
    written: usize,
}

impl Chunk {
    /// A text frame with a Socket.IO packet.
    pub(crate) fn packet(packet: Str) -> Self {
        Self::text(b'4', packet)
    }

    /// A text frame with an Engine.IO packet.
    pub(crate) fn text(kind: u8, packet: Str) -> Self {
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
        head[head_len] = kind;
        Self { head, head_len: head_len + 1, body, written: 0 }
    }

    /// Frames that are ready.
    pub(crate) fn ready(frames: Bytes) -> Self {
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

/// A stream as the frames' reader sees it: reading does not wait, writing goes to the answers.
pub(crate) struct Bridge<'t, 'c> {
    pub(crate) stream: &'t mut dyn Duplex,
    pub(crate) answers: &'t mut Vec<u8>,
    pub(crate) cx: &'t mut Context<'c>,
}

impl io::Read for Bridge<'_, '_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut buffer = ReadBuf::new(into);
        match Pin::new(&mut *self.stream).poll_read(self.cx, &mut buffer) {
            Poll::Ready(read) => read.map(|()| buffer.filled().len()),
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

impl io::Write for Bridge<'_, '_> {
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
}
