//! What the gateways of a marketplace share.

use std::sync::Arc;

use jobapp_kernel::RateLimiter;
use jobapp_memory::{MemoryFanout, MemoryLimiter, MemoryPresence};
use jobapp_realtime_core::{Fanout, Presence};

use super::{Address, OpenError};

/// How its addresses look.
const KNOWN: &[&str] = &["memory:"];

/// What the gateways of a marketplace share, whatever it is shared by. A clone is another handle.
#[derive(Clone)]
pub struct Peers {
    /// Who is online at any of them.
    pub presence: Arc<dyn Presence>,
    /// The way from one to all others.
    pub fanout: Arc<dyn Fanout>,
    /// Counts tries of what is rare and dear.
    pub limiter: Arc<dyn RateLimiter>,
}

impl Peers {
    /// Opens what is shared at this address. In memory it is shared within a process only.
    ///
    /// # Errors
    /// [`OpenError`] when that cannot be done, or nothing here opens such an address.
    pub fn open(address: &Address) -> Result<Self, OpenError> {
        match address.scheme() {
            "memory" => Ok(Self {
                presence: Arc::new(MemoryPresence::default()),
                fanout: Arc::new(MemoryFanout::default()),
                limiter: Arc::new(MemoryLimiter::default()),
            }),
            _ => Err(OpenError::unknown(address, "what gateways share", KNOWN)),
        }
    }
}
