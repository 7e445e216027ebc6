//! What the server knows of one connection, whatever carries it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};

use jobapp_http::Arrival;
use jobapp_realtime_core::Identity;
use parking_lot::Mutex;
use socketioxide_core::Str;
use tokio::time::Instant;

use super::outbox::{Outbox, Overflow};
use super::polling::Turn;
use super::seats::Seat;

/// What the handshake found out.
#[derive(Debug)]
pub(crate) struct Admission {
    /// The connection's number at this gateway.
    pub(crate) number: u64,
    /// When it was opened, compared with others.
    pub(crate) arrival: Arrival,
    /// Whose it is.
    pub(crate) identity: Option<Identity>,
    /// When the session was looked up, or before.
    pub(crate) asked: Instant,
    /// Its place, given back with it.
    pub(crate) _seat: Seat,
}

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

/// A connection.
#[derive(Debug)]
pub(crate) struct Conn {
    admission: Admission,
    outbox: Outbox,
    phase: AtomicU8,
    /// Its session ended: it is nobody's for the rest of its life.
    demoted: AtomicBool,
    /// The last event it does not hear, because it joined after it.
    since: AtomicU64,
    /// What it was told last of who is online.
    online: AtomicU64,
    allowance: Mutex<Allowance>,
}

impl Conn {
    pub(crate) fn new(admission: Admission, outbox: Outbox) -> Arc<Self> {
        Arc::new(Self {
            admission,
            outbox,
            phase: AtomicU8::new(0),
            demoted: AtomicBool::new(false),
            since: AtomicU64::new(0),
            online: AtomicU64::new(0),
            allowance: Mutex::default(),
        })
    }

    pub(crate) fn number(&self) -> u64 {
        self.admission.number
    }

    /// What says which of two connections was opened first.
    pub(crate) fn opened(&self) -> (Arrival, u64) {
        (self.admission.arrival, self.admission.number)
    }

    /// The user who opened it, whether or not he is still signed in.
    pub(crate) fn owner(&self) -> Option<&Identity> {
        self.admission.identity.as_ref()
    }

    pub(crate) fn asked(&self) -> Instant {
        self.admission.asked
    }

    pub(crate) fn outbox(&self) -> &Outbox {
        &self.outbox
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

    pub(crate) fn is_demoted(&self) -> bool {
        self.demoted.load(Ordering::Acquire)
    }

    /// Its session ended. What still waits to be sent is no business of whoever reads it now.
    pub(crate) fn demote(&self) {
        self.demoted.store(true, Ordering::Release);
        self.outbox.forget_events();
    }

    /// It hears what is said after this.
    pub(crate) fn hears_after(&self, event: u64) {
        self.since.store(event, Ordering::Release);
    }

    /// Whether it was in its room when this was said, and still is.
    pub(crate) fn hears(&self, event: u64) -> bool {
        self.phase() == Phase::SignedIn && self.since.load(Ordering::Acquire) < event
    }

    /// It is told who is online, as of this version. Whether that is news to it.
    pub(crate) fn knows_who_is_online(&self, version: u64) -> bool {
        self.online.swap(version, Ordering::Relaxed) != version
    }

    /// Whether the client may send one more packet now.
    pub(crate) fn may_send(&self, per_second: u16, burst: u16) -> bool {
        self.allowance.lock().take(per_second, burst, Instant::now())
    }

    /// Puts a packet into the connection's queue. A closed connection takes everything and forgets it.
    pub(crate) fn send(&self, packet: Str) -> Result<(), Overflow> {
        self.outbox.put(packet)
    }

    /// The same, and writes it as far as the client takes it at once.
    pub(crate) fn deliver(&self, packet: Str) -> Result<Option<Turn>, Overflow> {
        self.outbox.deliver(packet)
    }

    /// Closes the transport, after what waits to be sent, without saying goodbye in Socket.IO's way: the client comes
    /// back and resumes.
    pub(crate) fn hang_up(&self) {
        self.outbox.close();
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
