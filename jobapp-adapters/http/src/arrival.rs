//! In which order requests came.

use std::sync::atomic::{AtomicU64, Ordering};

static NEXT: AtomicU64 = AtomicU64::new(0);

/// When a request came, compared with all others of this process.
///
/// Requests of different connections are read by tasks that run in no order. So the server that accepts connections, which
/// it does one after the other, puts the arrival of a connection into the extensions of its first request; a later request
/// of the same connection gets its own. Where the order matters and there is no arrival, it is now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Arrival(u64);

impl Arrival {
    /// After all that came before.
    pub fn now() -> Self {
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_later_is_later() {
        let first = Arrival::now();
        assert!(first < Arrival::now());
    }
}
