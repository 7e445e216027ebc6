//! The system's clock and a source of ids.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use jobapp_kernel::{Clock, Ids, ObjectId, Timestamp};

/// The system's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let millis = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
        i64::try_from(millis).ok().and_then(|millis| Timestamp::from_millis(millis).ok()).unwrap_or(Timestamp::EPOCH)
    }
}

/// Ids as document databases make them: four bytes of seconds, five random bytes of the process, a three-byte counter.
/// They sort by age, and those of different processes differ.
#[derive(Debug)]
pub struct SystemIds {
    process: [u8; 5],
    counter: AtomicU32,
}

impl Default for SystemIds {
    fn default() -> Self {
        Self { process: rand::random(), counter: AtomicU32::new(rand::random()) }
    }
}

impl Ids for SystemIds {
    fn object_id(&self) -> ObjectId {
        let seconds = SystemClock.now().as_millis() / 1000;
        let mut bytes = [0_u8; 12];
        // The low four bytes of the seconds: good until 2106, as everywhere such ids are used.
        bytes[..4].copy_from_slice(&seconds.to_be_bytes()[4..]);
        bytes[4..9].copy_from_slice(&self.process);
        bytes[9..].copy_from_slice(&self.counter.fetch_add(1, Ordering::Relaxed).to_be_bytes()[1..]);
        ObjectId::from_bytes(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn ids_differ_and_start_with_their_age() {
        let ids = SystemIds::default();
        let made: HashSet<ObjectId> = (0..10_000).map(|_| ids.object_id()).collect();
        assert_eq!(made.len(), 10_000);
        let seconds = i64::from_str_radix(&ids.object_id().to_string()[..8], 16).unwrap();
        assert!((SystemClock.now().as_millis() / 1000 - seconds).abs() <= 1);
    }
}
