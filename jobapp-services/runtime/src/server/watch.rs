//! What a connection is doing, so that somebody can tell when its client takes too long.
//!
//! The connection notes what happens with a few plain stores; a task of the server looks at all of them from time to time.
//! No request sets a timer.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64};
use std::task::Context;

use futures::task::AtomicWaker;

use super::deadlines::Deadlines;

/// What all connections of a server know: its coarse clock, milliseconds since it started, as of the last look at the connections,
/// and whether it is about to stop.
#[derive(Debug, Default)]
pub(super) struct Ticks {
    now: AtomicU64,
    lingers: AtomicBool,
}

impl Ticks {
    pub(super) fn set(&self, now: u64) {
        self.now.store(now, Relaxed);
    }

    pub(super) fn now(&self) -> u64 {
        self.now.load(Relaxed)
    }

    /// From now on each answer is the last of its connection.
    pub(super) fn linger(&self) {
        self.lingers.store(true, Relaxed);
    }
}

/// How a connection is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// Open requests are answered first.
    Politely = 1,
    /// At once.
    Now = 2,
}

/// No such moment.
const NEVER: u64 = u64::MAX;

/// One connection. Moments are [`Ticks`].
#[derive(Debug)]
pub(super) struct Watch {
    ticks: Arc<Ticks>,
    /// When it was opened, or when the last request was answered.
    since: AtomicU64,
    /// When the first byte of the next head arrived.
    head: AtomicU64,
    /// Requests that are not answered whole.
    requests: AtomicU32,
    /// Answers of which the head is out and the rest is not, since when, and what had been sent by then.
    answers: AtomicU32,
    answering: AtomicU64,
    sent_before: AtomicU64,
    sent: AtomicU64,
    /// Since when the body of a request is waited for.
    body: AtomicU64,
    http2: AtomicBool,
    /// It is a web socket now, with rules of its own.
    upgraded: AtomicBool,
    end: AtomicU8,
    waker: AtomicWaker,
}

impl Watch {
    pub(super) fn new(ticks: Arc<Ticks>) -> Self {
        let now = ticks.now();
        Self {
            ticks,
            since: AtomicU64::new(now),
            head: AtomicU64::new(now),
            requests: AtomicU32::new(0),
            answers: AtomicU32::new(0),
            answering: AtomicU64::new(now),
            sent_before: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            body: AtomicU64::new(NEVER),
            http2: AtomicBool::new(false),
            upgraded: AtomicBool::new(false),
            end: AtomicU8::new(0),
            waker: AtomicWaker::new(),
        }
    }

    /// Bytes came.
    pub(super) fn received(&self) {
        if self.requests.load(Relaxed) == 0 && self.head.load(Relaxed) == NEVER {
            self.head.store(self.ticks.now(), Relaxed);
        }
    }

    /// The system took bytes.
    pub(super) fn sent(&self, bytes: usize) {
        self.sent.fetch_add(bytes as u64, Relaxed);
    }

    /// A request's head is whole. The request is open until what is returned is dropped.
    pub(super) fn begin(self: &Arc<Self>, http2: bool) -> OpenRequest {
        self.head.store(NEVER, Relaxed);
        self.http2.store(http2, Relaxed);
        self.requests.fetch_add(1, Relaxed);
        OpenRequest { watch: Arc::clone(self), answering: false }
    }

    /// The body of a request is waited for, or is so no more.
    pub(super) fn waits_for_body(&self, waits: bool) {
        self.body.store(if waits { self.ticks.now() } else { NEVER }, Relaxed);
    }

    /// Whether this answer is to be the last: the server is about to stop, and the connection can be told. HTTP/2 has no such header.
    pub(super) fn answers_last(&self) -> bool {
        self.ticks.lingers.load(Relaxed) && !self.http2.load(Relaxed)
    }

    /// The connection is a web socket from now on.
    pub(super) fn upgraded(&self) {
        self.upgraded.store(true, Relaxed);
    }

    /// Asks the connection to end.
    pub(super) fn end(&self, how: End) {
        self.end.fetch_max(how as u8, Relaxed);
        self.waker.wake();
    }

    /// How the connection is to end, if it is; the task is woken when that changes.
    pub(super) fn poll_end(&self, cx: &Context<'_>) -> Option<End> {
        self.waker.register(cx.waker());
        match self.end.load(Relaxed) {
            0 => None,
            1 => Some(End::Politely),
            _ => Some(End::Now),
        }
    }

    /// How the connection has to end because its client took too long, if it did.
    pub(super) fn overdue(&self, deadlines: &Deadlines) -> Option<End> {
        if self.upgraded.load(Relaxed) {
            return None;
        }
        let now = self.ticks.now();
        let longer = |since: u64, limit: std::time::Duration| u128::from(now.saturating_sub(since)) > limit.as_millis();
        if self.requests.load(Relaxed) == 0 {
            let http2 = self.http2.load(Relaxed);
            let head = self.head.load(Relaxed);
            // An HTTP/2 connection also hears pings and the like.
            let late = !http2 && head != NEVER && longer(head, deadlines.head);
            let idle = longer(self.since.load(Relaxed), deadlines.idle);
            return match (late || idle, http2) {
                (false, _) => None,
                (true, true) => Some(End::Politely),
                (true, false) => Some(End::Now),
            };
        }
        if self.answers.load(Relaxed) == 0 {
            return None;
        }
        let sent = self.sent.load(Relaxed).saturating_sub(self.sent_before.load(Relaxed));
        let sent = usize::try_from(sent).unwrap_or(usize::MAX);
        let allowed = deadlines.answer.grace.saturating_add(deadlines.answer.time_for(sent));
        longer(self.answering.load(Relaxed), allowed).then_some(End::Now)
    }

    /// Since when nobody would miss the connection, if it does nothing but wait for a request.
    pub(super) fn spare_since(&self) -> Option<u64> {
        let spare = self.requests.load(Relaxed) == 0 && !self.upgraded.load(Relaxed) && self.end.load(Relaxed) == 0;
        spare.then(|| self.since.load(Relaxed))
    }

    /// Since when the connection waits for the body of a request.
    pub(super) fn body_since(&self) -> Option<u64> {
        let since = self.body.load(Relaxed);
        (since != NEVER && self.end.load(Relaxed) == 0).then_some(since)
    }
}

/// A request that is not answered whole.
#[derive(Debug)]
pub(super) struct OpenRequest {
    watch: Arc<Watch>,
    answering: bool,
}

impl OpenRequest {
    /// The answer's head goes out.
    pub(super) fn answering(&mut self) {
        self.answering = true;
        if self.watch.answers.fetch_add(1, Relaxed) == 0 {
            self.watch.answering.store(self.watch.ticks.now(), Relaxed);
            self.watch.sent_before.store(self.watch.sent.load(Relaxed), Relaxed);
        }
    }

    /// What watches its connection.
    pub(super) fn watch(&self) -> &Arc<Watch> {
        &self.watch
    }
}

impl Drop for OpenRequest {
    fn drop(&mut self) {
        if self.answering {
            self.watch.answers.fetch_sub(1, Relaxed);
        }
        self.watch.since.store(self.watch.ticks.now(), Relaxed);
        self.watch.requests.fetch_sub(1, Relaxed);
    }
}
