//! Rate limits in memory.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use governor::clock::{Clock, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter as Governor};
use jobapp_kernel::{Allowance, LimiterUnavailable, Rate, RateLimiter};
use parking_lot::Mutex;

/// After how many tries keys that have their whole allowance again are forgotten.
const SWEEP_EVERY: u32 = 1024;

type Keyed = Governor<String, DashMapStateStore<String>, DefaultClock, StateInformationMiddleware>;

/// Rate limits of one process. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct MemoryLimiter(Arc<Limits>);

#[derive(Debug, Default)]
struct Limits {
    /// One for each rate that was asked for.
    by_rate: Mutex<HashMap<Rate, Arc<Keyed>>>,
    tries: AtomicU32,
    clock: DefaultClock,
}

impl MemoryLimiter {
    /// Nobody has tried anything.
    pub fn new() -> Self {
        Self::default()
    }

    fn of(&self, rate: Rate) -> Arc<Keyed> {
        let mut by_rate = self.0.by_rate.lock();
        if self.0.tries.fetch_add(1, Ordering::Relaxed) % SWEEP_EVERY == SWEEP_EVERY - 1 {
            by_rate.values().for_each(|limiter| limiter.retain_recent());
        }
        let limiter = by_rate.entry(rate).or_insert_with(|| {
            let burst = NonZeroU32::new(rate.burst).unwrap_or(NonZeroU32::MIN);
            let quota = Quota::with_period(rate.every).unwrap_or(Quota::per_second(burst)).allow_burst(burst);
            Arc::new(Keyed::new(quota, DashMapStateStore::default(), self.0.clock.clone()))
        });
        Arc::clone(limiter)
    }
}

#[async_trait]
impl RateLimiter for MemoryLimiter {
    async fn take(&self, key: &str, rate: Rate) -> Result<Allowance, LimiterUnavailable> {
        Ok(match self.of(rate).check_key(&key.to_owned()) {
            Ok(state) => Allowance { remaining: state.remaining_burst_capacity(), wait: Duration::ZERO },
            Err(not_yet) => {
                let wait = not_yet.wait_time_from(self.0.clock.now()).max(Duration::from_millis(1));
                Allowance { remaining: 0, wait }
            }
        })
    }
}
