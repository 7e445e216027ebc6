//! What the server knows of one connection, whatever carries it.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use engineioxide::{DisconnectReason, Str};
use parking_lot::Mutex;
use tokio::sync::mpsc::error::TrySendError;
use tokio::time::Instant;

use crate::ports::Identity;
use crate::seats::Seat;
use crate::websocket::Outbox;

/// What the handshake found out.
#[derive(Debug)]
pub(crate) struct Admission {
    /// The connection's number at this gateway.
    pub(crate) number: u64,
    /// Whose it is.
    pub(crate) identity: Option<Identity>,
    /// When the session was looked up, or before.
    pub(crate) asked: Instant,
    /// Its place, given back with it.
    pub(crate) _seat: Seat,
}

/// An [`Admission`] on its way through the engine, in the request's extensions.
#[derive(Debug, Clone)]
pub(crate) struct Ticket(pub(crate) Arc<Admission>);

/// How far a connection has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// It has not joined yet, or left again.
    Open,
    /// It is in its user's room.
    SignedIn,
    /// It has joined, nothing is sent to it and nothing it sends counts.
    Anonymous,
}

/// A connection of the engine, with ours in it.
pub(crate) type EngineSocket = engineioxide::Socket<Held>;

/// Our connection, held by the engine's.
#[derive(Debug, Default)]
pub(crate) struct Held(pub(crate) OnceLock<Arc<Conn>>);

/// What carries a connection.
#[derive(Debug)]
enum Link {
    /// A websocket from the start.
    Websocket(Outbox),
    /// Polling, or a websocket that began as polling.
    Engine(Weak<EngineSocket>),
}

/// A connection.
#[derive(Debug)]
pub(crate) struct Conn {
    admission: Arc<Admission>,
    link: Link,
    phase: AtomicU8,
    /// Its user went off: not counted until he says that he is back.
    off: AtomicBool,
    allowance: Mutex<Allowance>,
}

/// The client does not take what is sent to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Overflow;

impl Conn {
    /// A connection over a websocket of ours.
    pub(crate) fn websocket(admission: Arc<Admission>) -> Arc<Self> {
        Self::new(admission, Link::Websocket(Outbox::default()))
    }

    /// A connection of the engine. `None` when it did not come through the door.
    pub(crate) fn engine(socket: &Arc<EngineSocket>) -> Option<Arc<Self>> {
        let Ticket(admission) = socket.req_parts.extensions.get::<Ticket>()?.clone();
        let conn = Self::new(admission, Link::Engine(Arc::downgrade(socket)));
        Some(socket.data.0.get_or_init(|| conn).clone())
    }

    fn new(admission: Arc<Admission>, link: Link) -> Arc<Self> {
        Arc::new(Self {
            admission,
            link,
            phase: AtomicU8::new(0),
            off: AtomicBool::new(false),
            allowance: Mutex::default(),
        })
    }

    pub(crate) fn number(&self) -> u64 {
        self.admission.number
    }

    /// The user who opened it, whether or not he is still signed in.
    pub(crate) fn owner(&self) -> Option<&Identity> {
        self.admission.identity.as_ref()
    }

    pub(crate) fn asked(&self) -> Instant {
        self.admission.asked
    }

    pub(crate) fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Acquire) {
            1 => Phase::SignedIn,
            2 => Phase::Anonymous,
            _ => Phase::Open,
        }
    }

    pub(crate) fn set_phase(&self, phase: Phase) {
        let phase = match phase {
            Phase::Open => 0,
            Phase::SignedIn => 1,
            Phase::Anonymous => 2,
        };
        self.phase.store(phase, Ordering::Release);
    }

    pub(crate) fn is_off(&self) -> bool {
        self.off.load(Ordering::Relaxed)
    }

    pub(crate) fn set_off(&self, off: bool) {
        self.off.store(off, Ordering::Relaxed);
    }

    /// Whether the client may send one more packet now.
    pub(crate) fn may_send(&self, per_second: u16, burst: u16) -> bool {
        self.allowance.lock().take(per_second, burst, Instant::now())
    }

    /// Puts a packet into the connection's queue. A closed connection takes everything and forgets it.
    pub(crate) fn send(&self, packet: Str) -> Result<(), Overflow> {
        match &self.link {
            Link::Websocket(outbox) => outbox.put(packet),
            Link::Engine(socket) => match socket.upgrade().map(|socket| socket.emit(packet)) {
                Some(Err(TrySendError::Full(_))) => Err(Overflow),
                Some(Ok(()) | Err(TrySendError::Closed(_))) | None => Ok(()),
            },
        }
    }

    /// Closes the transport, after what waits to be sent, without saying goodbye in Socket.IO's way: the client comes
    /// back and resumes.
    pub(crate) fn hang_up(&self) {
        self.close(DisconnectReason::ClosingServer);
    }

    /// The same, because of something that is no Socket.IO.
    pub(crate) fn throw_out(&self) {
        self.close(DisconnectReason::PacketParsingError);
    }

    fn close(&self, reason: DisconnectReason) {
        match &self.link {
            Link::Websocket(outbox) => outbox.close(),
            Link::Engine(socket) => socket.upgrade().into_iter().for_each(|socket| socket.close(reason.clone())),
        }
    }

    /// The queue of a websocket of ours.
    pub(crate) fn outbox(&self) -> Option<&Outbox> {
        match &self.link {
            Link::Websocket(outbox) => Some(outbox),
            Link::Engine(_) => None,
        }
    }
}

/// How many packets a client may still send.
#[derive(Debug, Default)]
struct Allowance {
    left: f32,
    at: Option<Instant>,
}

impl Allowance {
    fn take(&mut self, per_second: u16, burst: u16, now: Instant) -> bool {
        let burst = f32::from(burst);
        self.left = match self.at {
            Some(at) => (self.left + now.duration_since(at).as_secs_f32() * f32::from(per_second)).min(burst),
            None => burst,
        };
        self.at = Some(now);
        let allowed = self.left >= 1.0;
        if allowed {
            self.left -= 1.0;
        }
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test(start_paused = true)]
    async fn a_client_may_send_a_burst_and_then_so_many_a_second() {
        let allowance = Mutex::new(Allowance::default());
        let sent = || (0..100).filter(|_| allowance.lock().take(2, 5, Instant::now())).count();
        assert_eq!(sent(), 5);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(sent(), 2);
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!(sent(), 5);
    }
}
