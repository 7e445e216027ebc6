//! Spans that never arrived: counted, and told once until they arrive again.

use std::fmt::{self, Display};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::Lost;

pub(crate) struct Losses {
    count: AtomicU64,
    /// Whether the log knows.
    is_told: AtomicBool,
    also: Lost,
}

impl fmt::Debug for Losses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Losses").field(&self.count).finish()
    }
}

impl Losses {
    pub(crate) fn new(also: Lost) -> Self {
        Self { count: AtomicU64::new(0), is_told: AtomicBool::new(false), also }
    }

    /// So many never arrive.
    pub(crate) fn lost(&self, count: usize, why: &dyn Display) {
        self.count.fetch_add(count as u64, Ordering::Relaxed);
        (self.also)(count as u64);
        if !self.is_told.swap(true, Ordering::Relaxed) {
            tracing::warn!(count, %why, "spans of traces are lost; nothing else is, and this is said once until they arrive again");
        }
    }

    /// Some arrived.
    pub(crate) fn arrived(&self) {
        if self.is_told.load(Ordering::Relaxed) && self.is_told.swap(false, Ordering::Relaxed) {
            let count = self.count.load(Ordering::Relaxed);
            tracing::info!(count, "spans of traces arrive again; so many were lost so far");
        }
    }

    /// There are no more.
    pub(crate) fn told_at_the_end(&self, ended: bool) {
        let count = self.count.load(Ordering::Relaxed);
        if !ended {
            tracing::warn!(count, "the thread that tells traces did not end in time; what waited is lost, too");
        } else if count > 0 {
            tracing::warn!(count, "spans of traces were lost");
        }
    }
}
