//! How often something may be done, counted for all processes together.

use std::time::Duration;

use async_trait::async_trait;

use crate::{ErrorKind, Kinded};

/// A burst, and one more every so often.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rate {
    /// How many at once, at least one.
    pub burst: u32,
    /// After this long there is one more, up to the burst.
    pub every: Duration,
}

/// How it stands with a key after a try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// How many more tries are allowed at once.
    pub remaining: u32,
    /// Until the next try is allowed; zero when this one was.
    pub wait: Duration,
}

impl Allowance {
    /// Whether the try was allowed.
    pub fn allowed(&self) -> bool {
        self.wait.is_zero()
    }
}

/// Counts tries by keys, for everybody who asks it: several processes that share one allow no more than one process would.
///
/// It is for what is rare and dear, such as trying a password. What is allowed thousands of times a minute is better counted in
/// each process.
#[async_trait]
pub trait RateLimiter: Send + Sync {
    /// Takes one try of `key`, if its rate allows one. A try that is not allowed takes nothing. A key is always asked for with
    /// the same rate. When it cannot be told, the caller decides without.
    async fn take(&self, key: &str, rate: Rate) -> Result<Allowance, LimiterUnavailable>;
}

/// The limiter cannot be reached.
#[derive(Debug, thiserror::Error)]
#[error("the rate limiter cannot be reached")]
pub struct LimiterUnavailable(#[source] pub Box<dyn std::error::Error + Send + Sync>);

impl Kinded for LimiterUnavailable {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Unavailable
    }
}
