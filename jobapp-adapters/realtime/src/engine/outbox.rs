//! What waits to be sent to a connection, and how it is sent.
//!
//! Whoever delivers an event to a room writes it to the connections himself, one after the other: a websocket that is not
//! busy at once, a polling request by answering it. Left to a task a connection, the runtime would choose the order, and
//! the existing client needs that of their opening. Only what a stream does not take at once is left to its task.

use std::collections::VecDeque;
use std::task::{Context, Poll, Waker};

use futures::task::AtomicWaker;
use parking_lot::{Mutex, MutexGuard};
use socketioxide_core::Str;

use super::End;
use super::frames::Frames;
use super::polling::{Asked, Polling, Turn};
use super::wire::{Chunk, Duplex, Wire};

/// How many packets may wait for a client before it is hung up on. Must hold a whole replay.
pub(crate) const QUEUE: usize = 512;

/// The client does not take what is sent to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Overflow;

/// What waits to be sent.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    line: Mutex<Line>,
    /// The task of a websocket.
    pub(crate) task: AtomicWaker,
}

#[derive(Debug, Default)]
pub(crate) struct Line {
    packets: VecDeque<Str>,
    pub(crate) end: End,
    pub(crate) carrier: Carrier,
}

/// What carries a connection.
#[derive(Debug, Default)]
pub(crate) enum Carrier {
    Websocket(Wire),
    Polling(Box<Polling>),
    #[default]
    Nothing,
}

impl Outbox {
    pub(crate) fn new(carrier: Carrier) -> Self {
        let line = Line { carrier, ..Line::default() };
        Self { line: Mutex::new(line), task: AtomicWaker::new() }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Line> {
        self.line.lock()
    }

    pub(crate) fn end(&self) -> End {
        self.lock().end
    }

    /// Puts a packet into the queue. A closed connection takes everything and forgets it.
    pub(crate) fn put(&self, packet: Str) -> Result<(), Overflow> {
        let mut line = self.lock();
        if line.push(packet)? {
            line.answer();
            drop(line);
            self.task.wake();
        }
        Ok(())
    }

    /// Puts a packet into the queue and writes it, if the client takes it at once. What a polling request is answered
    /// with is written when the turn is over.
    pub(crate) fn deliver(&self, packet: Str) -> Result<Option<Turn>, Overflow> {
        let mut line = self.lock();
        if !line.push(packet)? {
            return Ok(None);
        }
        if line.write_now() {
            return Ok(line.answer());
        }
        drop(line);
        self.task.wake();
        Ok(None)
    }

    /// Forgets the events that wait: they are none of the client's business any more.
    pub(crate) fn forget_events(&self) {
        self.lock().packets.retain(|packet| !packet.starts_with('2'));
    }

    /// Closes the connection after what waits.
    pub(crate) fn close(&self) {
        let mut line = self.lock();
        if line.end == End::Open {
            line.end = End::Closing;
        }
        line.answer();
        if let Carrier::Polling(polling) = &line.carrier {
            polling.wake_keeper();
        }
        drop(line);
        self.task.wake();
    }

    /// The connection is over.
    pub(crate) fn closed(&self) {
        let mut line = self.lock();
        line.end = End::Closed;
        line.packets = VecDeque::new();
        let carrier = std::mem::take(&mut line.carrier);
        drop(line);
        drop(carrier);
    }

    /// A request asks for what there is to send.
    pub(crate) fn ask(&self) -> Asked {
        let mut line = self.lock();
        let Line { packets, end, carrier } = &mut *line;
        match carrier {
            Carrier::Polling(polling) => polling.ask(packets, *end),
            Carrier::Websocket(_) | Carrier::Nothing => Asked::Elsewhere,
        }
    }

    /// Does something with what carries the connection, if that is polling.
    pub(crate) fn polling<T>(&self, what: impl FnOnce(&mut Polling) -> T) -> Option<T> {
        match &mut self.lock().carrier {
            Carrier::Polling(polling) => Some(what(polling)),
            Carrier::Websocket(_) | Carrier::Nothing => None,
        }
    }

    /// Sends what has become due.
    pub(crate) fn answer(&self) {
        self.lock().answer();
    }

    /// From now on a websocket carries the connection.
    pub(crate) fn change(&self, stream: Box<dyn Duplex>, frames: Frames) {
        let mut line = self.lock();
        let Carrier::Polling(polling) = &mut line.carrier else { return };
        if polling.hand_over(frames) {
            line.carrier = Carrier::Websocket(Wire::new(stream, None));
        }
    }
}

impl Line {
    /// Whether the packet will be sent.
    fn push(&mut self, packet: Str) -> Result<bool, Overflow> {
        if self.end != End::Open {
            return Ok(false);
        }
        if self.packets.len() >= QUEUE {
            return Err(Overflow);
        }
        self.packets.push_back(packet);
        Ok(true)
    }

    /// The next packet, or what to do without one.
    pub(crate) fn next(&mut self) -> Result<Str, End> {
        let next = self.packets.pop_front();
        if self.packets.is_empty() {
            // Room for one or two stays, that of a burst does not.
            self.packets.shrink_to(2);
        }
        next.ok_or(self.end)
    }

    /// Writes what waits to a websocket. Whether its task has nothing left to do.
    fn write_now(&mut self) -> bool {
        let mut cx = Context::from_waker(Waker::noop());
        loop {
            match &mut self.carrier {
                // Its task is at it already, and waits for the stream.
                Carrier::Websocket(wire) if wire.is_busy() => return true,
                Carrier::Websocket(_) => {}
                Carrier::Polling(_) | Carrier::Nothing => return true,
            }
            let next = self.next();
            let Carrier::Websocket(wire) = &mut self.carrier else { return true };
            let Ok(packet) = next else { return wire.poll_flush(&mut cx) == Poll::Ready(Ok(())) };
            wire.begin(Chunk::packet(packet));
            if wire.poll_write(&mut cx) != Poll::Ready(Ok(())) {
                return false;
            }
        }
    }

    /// Answers a polling request, if one waits and there is something to say.
    fn answer(&mut self) -> Option<Turn> {
        match &mut self.carrier {
            Carrier::Polling(polling) => polling.answer(&mut self.packets, self.end),
            Carrier::Websocket(_) | Carrier::Nothing => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, duplex};

    fn websocket(room: usize) -> (Outbox, tokio::io::DuplexStream) {
        let (near, far) = duplex(room);
        (Outbox::new(Carrier::Websocket(Wire::new(Box::new(near), None))), far)
    }

    fn is_busy(outbox: &Outbox) -> bool {
        matches!(&outbox.lock().carrier, Carrier::Websocket(wire) if wire.is_busy())
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
        let waiting = std::iter::from_fn(|| outbox.lock().next().ok()).count();
        assert_eq!(waiting, QUEUE, "what waited is still sent");
        assert_eq!(outbox.lock().next(), Err(End::Closing));
        assert!(outbox.lock().packets.capacity() <= 2);
    }

    #[tokio::test]
    async fn what_is_delivered_is_written_before_anybody_else_gets_a_turn() {
        let (outbox, mut far) = websocket(64);
        outbox.put(Str::from("2[1]")).unwrap();
        outbox.deliver(Str::from("2[2]")).unwrap();
        drop(outbox);
        let mut written = Vec::new();
        far.read_to_end(&mut written).await.unwrap();
        assert_eq!(written, b"\x81\x0542[1]\x81\x0542[2]");
    }

    #[tokio::test]
    async fn what_a_stream_does_not_take_at_once_is_left_to_its_task_and_holds_up_nobody() {
        let (outbox, mut far) = websocket(4);
        outbox.deliver(Str::from("2[1]")).unwrap();
        assert!(is_busy(&outbox));
        outbox.deliver(Str::from("2[2]")).unwrap();
        let mut first = [0; 4];
        far.read_exact(&mut first).await.unwrap();
        assert_eq!(&first, b"\x81\x0542");
        // There would be room, but what its task writes is written by its task alone.
        outbox.deliver(Str::from("2[3]")).unwrap();
        assert_eq!(outbox.lock().packets.len(), 2);
    }

    #[test]
    fn events_can_be_forgotten_and_what_answers_the_client_stays() {
        let outbox = Outbox::default();
        for packet in ["0{\"sid\":\"s\"}", "2[\"message received\"]", "2[\"online\"]"] {
            outbox.put(Str::from(packet)).unwrap();
        }
        outbox.forget_events();
        assert_eq!(outbox.lock().next().unwrap(), "0{\"sid\":\"s\"}");
        assert_eq!(outbox.lock().next(), Err(End::Open));
    }
}
