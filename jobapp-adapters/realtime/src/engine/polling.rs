//! A connection that is carried by polling requests, between and during them.

use std::collections::VecDeque;
use std::sync::Arc;

use socketioxide_core::Str;
use tokio::sync::{Notify, oneshot};

use super::End;
use super::frames::Frames;

/// What stands between the packets of a payload.
pub(crate) const SEPARATOR: char = '\u{1e}';
/// Nothing: it only ends a request.
const NOOP: &str = "6";
/// The connection ends.
pub(crate) const CLOSE: &str = "1";

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
    handed_over: Option<oneshot::Sender<Frames>>,
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
    /// Payloads have so many bytes at the most. A websocket that takes over is handed over to the task that keeps the
    /// connection.
    pub(crate) fn new(largest: usize, handed_over: oneshot::Sender<Frames>) -> Self {
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

    /// What wakes the task that keeps the connection.
    pub(crate) fn keeper(&self) -> Arc<Notify> {
        self.keeper.clone()
    }

    pub(crate) fn wake_keeper(&self) {
        self.keeper.notify_one();
    }

    /// A ping goes along with what is sent next.
    pub(crate) fn ping(&mut self) {
        self.ping = true;
    }

    /// The client has answered a ping.
    pub(crate) fn pong(&mut self) {
        self.ponged = true;
        self.wake_keeper();
    }

    /// Whether the client has answered since this was asked last.
    pub(crate) fn take_pong(&mut self) -> bool {
        std::mem::take(&mut self.ponged)
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
    pub(crate) fn begin_change(&mut self) -> bool {
        if std::mem::replace(&mut self.changing, true) {
            return false;
        }
        if let Some(waiting) = self.waiting.take() {
            drop(send(waiting, NOOP.to_owned()));
        }
        true
    }

    /// The change came to nothing, or is over.
    pub(crate) fn end_change(&mut self) {
        self.changing = false;
    }

    /// Gives a websocket to the task that keeps the connection. Whether it is still there.
    pub(crate) fn hand_over(&mut self, frames: Frames) -> bool {
        self.handed_over.take().is_some_and(|keeper| keeper.send(frames).is_ok())
    }
}

fn send(waiting: oneshot::Sender<Answer>, payload: String) -> Option<Turn> {
    let (sender, turn) = oneshot::channel();
    // If the client hangs up in this very moment it loses what it loses with any cut, and can catch up on it.
    waiting.send(Answer { payload, _turn: sender }).ok().map(|()| turn)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::outbox::{Carrier, Outbox};
    use bytes::Bytes;

    fn polling() -> (Outbox, oneshot::Receiver<Frames>) {
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
}
